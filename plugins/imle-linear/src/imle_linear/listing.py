"""Delicate programs with few points: all are listed, and none is lost to a tolerance."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from imle.solvers import SolveStatus
from imle_linear.arrays import Floats
from imle_linear.checking import SolutionChecker
from imle_linear.engines import Outcome
from imle_linear.program import LinearProgram, Rows

_MOST = 2**14
"""Points that are listed at most: as many as take about as long as one search with HiGHS."""
_NEAR = 1e-6
"""Points that are farther over a right side, relative to the size of the row there, need no exact check."""


def few_points(program: LinearProgram) -> bool:
    """Whether all variables are integers, and their bounds leave few points."""
    if not program.integer.all() or program.contradiction:
        return False
    with np.errstate(invalid="ignore"):
        return bool(np.log2(program.upper - program.lower + 1.0).sum() <= math.log2(_MOST))


class ListingEngine:
    """Compares all points of a program that `few_points` has.

    Args:
        program: the feasible set.
        relative: see `SolutionChecker`.
    """

    def __init__(self, program: LinearProgram, relative: float) -> None:
        self.events: Counter[str] = Counter()
        ranges = [np.arange(low, high + 1.0) for low, high in zip(program.lower, program.upper, strict=True)]
        self._points = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, len(ranges))
        self._activity = program.matrix.times(self._points)
        self._checker = SolutionChecker(program, relative)
        self._rows: Rows | None = None
        self._feasible = self._points[:0]

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Minimise `costs` `[n]`; the time does not depend on them."""
        del seconds
        self.events["listed"] += 1
        if rows is not self._rows:
            self._rows, self._feasible = rows, self._list(rows)
        if not len(self._feasible):
            return Outcome(SolveStatus.INFEASIBLE, message="no point satisfies all constraints and bounds", exact=True)
        values = self._feasible @ costs
        best = int(values.argmin())
        return Outcome(SolveStatus.OPTIMAL, self._feasible[best], bound=float(values[best]), exact=True)

    def _list(self, rows: Rows) -> Floats:
        lower, upper = rows.lower, rows.upper
        excess = np.maximum(lower - self._activity, self._activity - upper)
        ends = np.maximum(*(np.abs(np.where(np.isfinite(end), end, 0.0)) for end in (lower, upper)))
        near = (excess <= _NEAR * (1.0 + np.abs(self._activity) + ends)).all(axis=1)
        points = self._points[near]
        if not len(points):
            return points
        flaws = self._checker.mend_all(points, [rows] * len(points))[1]
        held: Floats = np.delete(points, list(flaws), axis=0)
        return held
