"""Programs in whole numbers, which is all CP-SAT takes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imle_linear.program import LinearProgram
from imle_linear.whole import Ints, WholeRow, whole_rows

_LARGEST = 2**31
"""Variables stay below this, and so do differences of two of them by far."""
_MOST = 2**53
"""No sum of a row reaches this: CP-SAT refuses sums near 2**62, and floats check those below 2**53 exactly."""


class WholeProgram(NamedTuple):
    """A program over bounded whole-numbered variables.

    Attributes:
        lower, upper: `[n]` bounds of the variables.
        rows: one for each of the program's.
        exact: whether it says the same as the program in floats, to the last bit.
    """

    lower: Ints
    upper: Ints
    rows: list[WholeRow]
    exact: bool


def whole_program(program: LinearProgram) -> WholeProgram | str:
    """The program in whole numbers, or why there is none."""
    if not program.integer.all():
        return f"variable {int(np.argmin(program.integer))} is continuous"
    sizes = np.maximum(np.abs(program.lower), np.abs(program.upper))
    if not np.isfinite(sizes).all():
        return f"variable {int(np.argmax(sizes))} has no finite bounds"
    if (sizes >= _LARGEST).any():
        return f"variable {int(np.argmax(sizes))} has bounds of 2**31 or more"
    rows: list[WholeRow] = []
    for number, row in enumerate(whole_rows(program.matrix)):
        if row is None:
            return f"the coefficients of constraint number {number} have no small common denominator"
        if np.abs(row.coefficients) @ sizes[row.variables] >= _MOST:
            return f"constraint number {number} can add up to 2**53 or more"
        rows.append(row)
    lower, upper = np.ceil(program.lower).astype(np.int64), np.floor(program.upper).astype(np.int64)
    return WholeProgram(lower, upper, rows, all(row.exact for row in rows))
