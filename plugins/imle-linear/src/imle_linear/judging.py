"""What answers of engines are worth: points are checked, and answers of two engines compared."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from imle.solvers import SolveStatus
from imle_linear.arrays import Floats
from imle_linear.checking import INTEGRAL, RELATIVE, SolutionChecker
from imle_linear.engines import MakesEngine, Outcome
from imle_linear.polishing import Polish
from imle_linear.program import LinearProgram, Rows

PROVEN = (SolveStatus.OPTIMAL, SolveStatus.INFEASIBLE, SolveStatus.UNBOUNDED)
_SAME, _SAME_MIXED = 1e-9, 1e-6
_NEARLY = "the engine's optimum is none with whole numbers: they were only nearly whole"


class Judge:
    """Checks and compares for one program.

    Args:
        program: the feasible set.
        relative: see `SolutionChecker`.
        relaxation: builds what solves linear programs, for points of mixed programs that are only nearly whole.

    Attributes:
        events: `rejected_points`, that were no solutions; `polished_points`, see `Polish`.
    """

    def __init__(
        self, program: LinearProgram, relative: float = RELATIVE, relaxation: MakesEngine | None = None
    ) -> None:
        self.events: Counter[str] = Counter()
        self._checker = SolutionChecker(program, relative)
        self._integer = np.flatnonzero(program.integer)
        mixed = 0 < len(self._integer) < len(program.integer)
        self._polish = Polish(program, relaxation) if mixed and relaxation is not None else None
        # constraints on continuous variables hold up to a tolerance, and so do values
        self._same = _SAME if program.integer.all() else _SAME_MIXED

    def sound(self, outcome: Outcome, costs: Floats, rows: Rows) -> Outcome:
        """The outcome, or a failure if its point is no solution."""
        return self.all_sound([outcome], [(costs, rows)])[0]

    def all_sound(self, outcomes: Sequence[Outcome], asked: Sequence[tuple[Floats, Rows]]) -> list[Outcome]:
        """The same for many outcomes, each with costs and rows of its own."""
        if self._polish is not None:
            outcomes = [self._polished(outcome, *row) for outcome, row in zip(outcomes, asked, strict=True)]
        checked = list(outcomes)
        held = [n for n, outcome in enumerate(outcomes) if outcome.point is not None]
        if held:
            given = np.array([outcomes[n].point for n in held])
            points, flaws = self._checker.mend_all(given, [asked[n][1] for n in held])
            for place, n in enumerate(held):
                checked[n] = outcomes[n]._replace(point=points[place])
                if place in flaws:
                    checked[n] = self._refused(outcomes[n], flaws[place])
        return checked

    def _polished(self, outcome: Outcome, costs: Floats, rows: Rows) -> Outcome:
        """The outcome with whole numbers, and an error if its point is then far from what is called optimal."""
        point = outcome.point
        if point is None or not 0.0 < _off(point[self._integer]) <= INTEGRAL:
            return outcome
        assert self._polish is not None
        self.events["polished_points"] += 1
        whole = self._polish.polished(point, costs, rows)
        before, after = float(costs @ point), float(costs @ whole)
        if outcome.status == SolveStatus.OPTIMAL and after > before + self.near(costs, before, after):
            return Outcome(SolveStatus.ERROR, message=_NEARLY)
        return outcome._replace(point=whole)

    def _refused(self, outcome: Outcome, flaw: str) -> Outcome:
        self.events["rejected_points"] += 1
        message = f"the engine's point is no solution: {flaw}"
        if outcome.status == SolveStatus.FEASIBLE:
            return Outcome(SolveStatus.TIMEOUT, message=f"{outcome.message}; {message}", bound=outcome.bound)
        return Outcome(SolveStatus.ERROR, message=message)

    def near(self, costs: Floats, *values: float) -> float:
        """How far values may be apart and be the same: relative to the largest cost, or to the values."""
        finite = (abs(value) for value in values if math.isfinite(value))
        return self._same * max([float(np.abs(costs).max()), *finite])

    def agree(self, one: Outcome, other: Outcome, costs: Floats) -> bool:
        """Whether both can be true."""
        (low, high), (least, most) = optimum(one, costs), optimum(other, costs)
        near = self.near(costs, low, high, least, most)
        return low <= most + near and least <= high + near


def _off(values: Floats) -> float:
    """How far the furthest of some values is from a whole number."""
    return float(np.abs(values - np.rint(values)).max())


def reached(outcome: Outcome, costs: Floats, gap: float) -> Outcome:
    """The outcome, or an error if its point is called optimal though the engine's own bound says that it may not be.

    Args:
        outcome: of an engine that was to stop at a relative gap.
        costs: `[n]`.
        gap: that gap.
    """
    if outcome.status != SolveStatus.OPTIMAL or outcome.point is None or not math.isfinite(outcome.bound):
        return outcome
    value = float(costs @ outcome.point)
    if value - outcome.bound <= gap * abs(value) + _SAME_MIXED * max(abs(value), float(np.abs(costs).max())):
        return outcome
    return Outcome(SolveStatus.ERROR, message="the engine calls a point optimal that is far from its own bound")


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


def better(one: Outcome, best: Outcome, costs: Floats) -> Outcome:
    """The better incumbent of two, any point being better than none, with the better bound."""
    bound = float(np.fmax(one.bound, best.bound))
    if one.point is not None and (best.point is None or float(costs @ one.point) < float(costs @ best.point)):
        best = one
    return best._replace(bound=bound, exact=False)
