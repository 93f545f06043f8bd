"""Whether a point that an engine returns is a solution: decided here, never by the engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imle_linear.arrays import Floats
from imle_linear.program import LinearProgram, Rows

INTEGRAL = 1e-5
"""How far from a whole number an engine may leave an integer variable: the widest default among them."""
ABSOLUTE = 1e-6
"""How far over a bound a continuous variable may be, and over the right side of a row in which its coefficient is 1."""
RELATIVE = 1e-9
"""How far over a right side a point may be, relative to the largest term of the row: what simplex methods reach."""
EXACT = 2.0**53
"""Sums of whole numbers are exact as long as the sizes of their terms add up to less."""


class SolutionChecker:
    """Checks points against a program.

    Rows of integer variables and whole coefficients hold exactly, or they do not hold. Other rows of integer variables
    hold up to the round-off of their terms as floats: 0.1 * 3 <= 0.3 does. Rows with continuous variables have the
    tolerances of the simplex method. It relates to single terms, never to their sum.

    Args:
        program: the feasible set.
        relative: how far a point may be over a right side, relative to the largest term; for rows with continuous
            variables.
    """

    def __init__(self, program: LinearProgram, relative: float = RELATIVE) -> None:
        matrix = program.matrix
        self._program = program
        self._relative = relative
        self._whole: NDArray[np.bool_] | bool = True if program.integer.all() else program.integer
        self._sizes = np.abs(matrix.value)
        continuous = matrix.largest(np.where(program.integer[matrix.column], 0.0, self._sizes))
        self._absolute = ABSOLUTE * np.minimum(1.0, continuous)  # as far as the others' tolerances move a row

    def mend(self, point: Floats, rows: Rows) -> tuple[Floats, str]:
        """The nearest point with whole numbers within bounds, and what is wrong with it ("" if nothing is).

        Args:
            point: `[n]`; entries may be anything, nan included.
            rows: least and greatest values of the constraint rows.
        """
        mended, flaws = self.mend_all(point[None], [rows])
        return mended[0], flaws.get(0, "")

    def mend_all(self, points: Floats, rows: Sequence[Rows]) -> tuple[Floats, dict[int, str]]:
        """The same for `[N, n]` points at once, each with rows of its own; flaws by the points' numbers."""
        program = self._program
        lower, upper, least, most = (
            rows[0] if all(one is rows[0] for one in rows) else map(_shared, zip(*rows, strict=True))
        )
        mended = np.maximum(points, least)
        np.minimum(mended, most, out=mended)
        np.rint(mended, out=mended, where=self._whole)
        mended += 0.0  # -0.0 becomes 0.0
        with np.errstate(invalid="ignore"):  # inf - inf, of entries that are too far from what they stand for
            off = mended - points
            np.abs(off, out=off)
            activity = program.matrix.times(mended)
            excess = np.maximum(lower - activity, activity - upper)
        flaws = {}
        if not off.max(initial=0.0) <= ABSOLUTE:  # nan is not, either
            flaws = {n: flaw for n in range(len(points)) if (flaw := self._far(points[n], mended[n], off[n]))}
        for n in np.flatnonzero((excess > self._absolute).any(axis=1)).tolist():
            broken = np.flatnonzero(~(excess[n] <= self._slack(mended[n], rows[n].lower, rows[n].upper)))
            if len(broken) and n not in flaws:
                flaws[n] = f"{program.row_name(int(broken[0]))} is broken by {excess[n, broken[0]]:.3g}"
        return mended, flaws

    def _far(self, point: Floats, mended: Floats, off: Floats) -> str:
        """Which entry is too far from what it stands for, if one is."""
        program = self._program
        limit = np.where(program.integer, INTEGRAL, ABSOLUTE * np.maximum(1.0, np.abs(mended)))
        far = np.flatnonzero(~(off <= limit))
        if not len(far):
            return ""
        first = int(far[0])
        what = "a whole number within its bounds" if program.integer[first] else "a number within its bounds"
        return f"expected {what} for {program.variable_name(first)}, found {point[first]:.9g}"

    def _slack(self, point: Floats, lower: Floats, upper: Floats) -> Floats:
        """How far each row may be over its right side at this point."""
        matrix = self._program.matrix
        terms = self._sizes * np.abs(point[matrix.column])
        sums = np.bincount(matrix.index, weights=terms, minlength=matrix.shape[0])
        ends = np.maximum(*(np.abs(np.where(np.isfinite(end), end, 0.0)) for end in (lower, upper)))
        relative = np.where(sums < EXACT, self._program.round_off, np.maximum(self._program.round_off, 2.0**-50))
        simplex = self._absolute + self._relative * matrix.largest(terms)
        slack: Floats = np.where(self._program.integer_rows, relative * (sums + ends), simplex)
        return slack


def _shared(arrays: tuple[Floats, ...]) -> Floats:
    """One array where all are the same one, else an array of them."""
    return arrays[0] if all(array is arrays[0] for array in arrays) else np.array(arrays)
