"""Points that other solvers return: rounded and clipped to what they stand for, and checked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from imle_linear.arrays import Floats
from imle_linear.program import LinearProgram

INTEGRAL = 1e-5
"""How far from a whole number a solver may leave an integer variable: the widest default among them."""
FEASIBLE = 1e-6
"""How far over a bound or a right side a point may be, relative to the size of what is added up (1 at least).

CBC hands its solutions over with eight digits.
"""


class SolutionChecker:
    """Checks points against a program.

    Args:
        program: the feasible set.
    """

    def __init__(self, program: LinearProgram) -> None:
        self._program = program
        self._sizes = replace(program.matrix, value=np.abs(program.matrix.value))

    def mend(self, point: Floats, rows: tuple[Floats, Floats] | None = None) -> tuple[Floats, str]:
        """The nearest point with whole numbers within bounds, and what is wrong with it ("" if nothing is).

        Args:
            point: `[n]`; entries may be anything, nan included.
            rows: least and greatest values of the constraint rows, `[rows]` each; by default the program's.
        """
        program = self._program
        integer = program.integer
        whole = np.clip(np.rint(point), np.ceil(program.lower), np.floor(program.upper))
        mended = np.where(integer, whole, np.clip(point, program.lower, program.upper)) + 0.0
        limit = np.where(integer, INTEGRAL, FEASIBLE * np.maximum(1.0, np.abs(mended)))
        with np.errstate(invalid="ignore"):  # inf - inf
            off = np.flatnonzero(~(np.abs(mended - point) <= limit))  # nan is not within any limit
        if len(off):
            what = "a whole number within its bounds" if integer[off[0]] else "a number within its bounds"
            which = repr(program.names[off[0]]) if program.names else f"variable {off[0]}"
            return mended, f"expected {what} for {which}, found {point[off[0]]:.9g}"
        lower, upper = (program.row_lower, program.row_upper) if rows is None else rows
        activity = program.matrix.times(mended)
        slack = FEASIBLE * np.maximum(1.0, self._sizes.times(np.abs(mended)))
        excess = np.maximum(lower - activity, activity - upper)
        broken = np.flatnonzero(~(excess <= slack))
        if len(broken):
            return mended, f"constraint number {broken[0]} is broken by {excess[broken[0]]:.3g}"
        return mended, ""
