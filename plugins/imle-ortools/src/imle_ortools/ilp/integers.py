"""Constraint rows as whole numbers, which is all CP-SAT takes."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imle_linear.arrays import Floats
from imle_linear.program import LinearProgram

Ints = NDArray[np.int64]

_DECIMALS = 9
"""Rows are multiplied by up to this power of ten."""
_LARGEST = 2**31
"""Whole numbers stay below this, so that sums of many of them stay far below what CP-SAT can hold."""
FAR = 2**62
"""Beyond any sum of a row."""
_TOLERANCE = 1e-9
"""0.1 * 10 counts as whole, and a right side may be missed by this share of it."""


class WholeRow(NamedTuple):
    """One row: `coefficients @ x[variables]`, which is `factor` times the row as given."""

    variables: Ints
    coefficients: Ints
    factor: float

    def ends(self, lower: float, upper: float) -> tuple[int, int]:
        """Least and greatest value of the whole-numbered row; far out where there is no limit, or none yet (nan)."""
        low, high = lower * self.factor, upper * self.factor
        return (
            math.ceil(low - _TOLERANCE * max(1.0, abs(low))) if low > -FAR else -FAR,
            math.floor(high + _TOLERANCE * max(1.0, abs(high))) if high < FAR else FAR,
        )


class WholeProgram(NamedTuple):
    """A program over bounded whole-numbered variables.

    Attributes:
        lower, upper: `[n]` bounds of the variables.
        rows: one for each of the program's.
    """

    lower: Ints
    upper: Ints
    rows: list[WholeRow]


def whole_program(program: LinearProgram) -> WholeProgram | str:
    """The program in whole numbers, or why there is none."""
    if not program.integer.all():
        return f"variable {int(np.argmin(program.integer))} is continuous"
    unbounded = ~(np.isfinite(program.lower) & np.isfinite(program.upper))
    if unbounded.any():
        return f"variable {int(np.argmax(unbounded))} has no finite bounds"
    lower, upper = np.ceil(program.lower - _TOLERANCE), np.floor(program.upper + _TOLERANCE)
    large = np.maximum(np.abs(lower), np.abs(upper)) >= _LARGEST
    if large.any():
        return f"variable {int(np.argmax(large))} has bounds of 2**31 or more"
    matrix = program.matrix
    order = np.argsort(matrix.index, kind="stable")
    index, columns, values = matrix.index[order], matrix.column[order], matrix.value[order]
    ends = np.searchsorted(index, np.arange(matrix.shape[0] + 1))
    rows = []
    for number in range(matrix.shape[0]):
        part = slice(ends[number], ends[number + 1])
        row = _whole(columns[part].astype(np.int64), values[part])
        if row is None:
            return f"the coefficients of constraint number {number} are not decimals of up to {_DECIMALS} digits"
        rows.append(row)
    return WholeProgram(lower.astype(np.int64), upper.astype(np.int64), rows)


def _whole(variables: Ints, values: Floats) -> WholeRow | None:
    for power in range(_DECIMALS + 1):
        scaled = values * 10.0**power
        if np.abs(scaled).max(initial=0.0) >= _LARGEST:
            return None
        rounded = np.rint(scaled)
        if (np.abs(scaled - rounded) <= _TOLERANCE * np.maximum(1.0, np.abs(scaled))).all() and rounded.all():
            coefficients = rounded.astype(np.int64)
            common = int(np.gcd.reduce(coefficients)) if len(coefficients) else 1
            return WholeRow(variables, coefficients // common, 10.0**power / common)
    return None
