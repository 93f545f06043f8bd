"""What answers of engines are worth: points are checked, and answers of two engines compared."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from imle.solvers import SolveStatus
from imle_linear.arrays import Floats
from imle_linear.checking import SolutionChecker
from imle_linear.engines import Outcome, Rows
from imle_linear.program import LinearProgram

PROVEN = (SolveStatus.OPTIMAL, SolveStatus.INFEASIBLE, SolveStatus.UNBOUNDED)
_SAME, _SAME_MIXED = 1e-9, 1e-6


class Judge:
    """Checks and compares for one program.

    Args:
        program: the feasible set.

    Attributes:
        events: `rejected_points`, that were no solutions.
    """

    def __init__(self, program: LinearProgram) -> None:
        self.events: Counter[str] = Counter()
        self._checker = SolutionChecker(program)
        # constraints on continuous variables hold up to a tolerance, and so do values
        self._same = _SAME if program.integer.all() else _SAME_MIXED

    def sound(self, outcome: Outcome, rows: Rows) -> Outcome:
        """The outcome, or an error if its point is no solution."""
        if outcome.point is None:
            return outcome
        point, flaw = self._checker.mend(outcome.point, rows)
        if not flaw:
            return outcome._replace(point=point)
        self.events["rejected_points"] += 1
        return Outcome(SolveStatus.ERROR, message=f"the engine's point is no solution: {flaw}")

    def near(self, costs: Floats, *values: float) -> float:
        """How far values may be apart and be the same: relative to the largest cost, or to the values."""
        finite = (abs(value) for value in values if math.isfinite(value))
        return self._same * max([float(np.abs(costs).max()), *finite])


def optimum(outcome: Outcome, costs: Floats) -> tuple[float, float]:
    """Between which values the optimum lies if an outcome is true; infeasible is infinitely bad, unbounded good."""
    if outcome.status == SolveStatus.INFEASIBLE:
        return math.inf, math.inf
    if outcome.status == SolveStatus.UNBOUNDED:
        return -math.inf, -math.inf
    value = math.inf if outcome.point is None else float(costs @ outcome.point)
    if not math.isnan(outcome.bound):
        return outcome.bound, value
    return value if outcome.status == SolveStatus.OPTIMAL else -math.inf, value
