"""The ladder: engines in the order they are asked, where the answer of one before does not hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from imle.solvers import SolveStatus, progress
from imle_linear.arrays import Floats
from imle_linear.checking import SolutionChecker
from imle_linear.engines import MakesEngine, Outcome, Rows, deadline
from imle_linear.program import LinearProgram
from imle_linear.recession import Recession


class Ladder:
    """Asks one engine after the other until a row's answer holds; a point that does not hold is never passed on.

    That a delicate program is infeasible has to be said by all of them.

    Args:
        program: the feasible set.
        rungs: what builds the engines; the first is built at once, others when a row needs them.
        relative: see `SolutionChecker`.
        relaxation: builds what solves linear programs; see `Setup`.

    Raises:
        InstanceError: the first engine refuses the program.
    """

    def __init__(
        self,
        program: LinearProgram,
        rungs: Sequence[MakesEngine],
        relative: float,
        relaxation: MakesEngine | None,
    ) -> None:
        self._program = program
        self._rungs = rungs
        self._checker = SolutionChecker(program, relative)
        self._built = [rungs[0](program)]
        self._recession = None if relaxation is None else Recession(program, relaxation)
        self._own: Counter[str] = Counter()
        self._doubtful = (SolveStatus.ERROR, SolveStatus.INFEASIBLE) if program.delicate else (SolveStatus.ERROR,)

    @property
    def events(self) -> Counter[str]:
        """What happened since the ladder was made, counted; those of engines among it."""
        return sum((engine.events for engine in self._built), self._own)

    def solve(self, asked: Sequence[tuple[Floats, Rows]], seconds: float | None) -> list[Outcome]:
        """Minimise costs `[n]` over constraint rows, one after the other.

        Args:
            asked: costs and rows.
            seconds: the time limit of each, if there is one.
        """
        outcomes, left = [], []
        for costs, rows in asked:
            clock = deadline(seconds)
            outcomes.append(self._built[0].solve(costs, rows, seconds))
            left.append(clock())
            progress.report(1)
        return [
            self._settled(outcome, costs, rows, rest)
            for outcome, (costs, rows), rest in zip(self._checked(outcomes, asked), asked, left, strict=True)
        ]

    def _checked(self, outcomes: Sequence[Outcome], asked: Sequence[tuple[Floats, Rows]]) -> list[Outcome]:
        """Outcomes whose points are solutions; those with other points have failed."""
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

    def _refused(self, outcome: Outcome, flaw: str) -> Outcome:
        self._own["rejected_points"] += 1
        message = f"the engine's point is no solution: {flaw}"
        if outcome.status == SolveStatus.FEASIBLE:
            return Outcome(SolveStatus.TIMEOUT, message=f"{outcome.message}; {message}", bound=outcome.bound)
        return Outcome(SolveStatus.ERROR, message=message)

    def _settled(self, outcome: Outcome, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """The outcome of the first engine whose answer holds, if the first one's does not."""
        clock = deadline(seconds)
        outcome = self._bounded_or_not(outcome, costs, seconds)
        for rung in range(1, len(self._rungs)):
            left = clock()
            if outcome.status not in self._doubtful or (left is not None and left <= 0):
                break
            if rung == len(self._built):
                self._built.append(self._rungs[rung](self._program))
            found = self._built[rung].solve(costs, rows, left)
            outcome = self._bounded_or_not(self._checked([found], [(costs, rows)])[0], costs, clock())
        return outcome

    def _bounded_or_not(self, outcome: Outcome, costs: Floats, seconds: float | None) -> Outcome:
        """Optimal points and unbounded programs exclude each other, which engines do not always see."""
        recession = self._recession
        if recession is None:
            return outcome
        if outcome.status == SolveStatus.OPTIMAL and recession.improves(costs, seconds):
            self._own["unbounded_after_all"] += 1
            return Outcome(SolveStatus.UNBOUNDED, message="the feasible set is unbounded in the objective's direction")
        if outcome.status == SolveStatus.UNBOUNDED and not recession.improves(costs, seconds):
            return Outcome(SolveStatus.ERROR, message="the engine calls unbounded what is not")
        return outcome
