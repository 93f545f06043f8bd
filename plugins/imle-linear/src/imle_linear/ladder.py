"""The ladder: engines in the order they are asked, where the answer of one before does not hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from imle.solvers import SolveStatus
from imle_linear.arrays import Floats
from imle_linear.checking import SolutionChecker
from imle_linear.engines import MakesEngine, Outcome, Rows, deadline
from imle_linear.program import LinearProgram
from imle_linear.recession import Recession


class Ladder:
    """Asks one engine after the other until a row's answer holds; a point that does not hold is never passed on.

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

    @property
    def events(self) -> Counter[str]:
        """What happened since the ladder was made, counted; those of engines among it."""
        return sum((engine.events for engine in self._built), self._own)

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Minimise `costs` `[n]` within the time limit, if there is one."""
        clock = deadline(seconds)
        outcome = self._ask(0, costs, rows, seconds)
        for rung in range(1, len(self._rungs)):
            left = clock()
            if outcome.status != SolveStatus.ERROR or (left is not None and left <= 0):
                break
            outcome = self._ask(rung, costs, rows, left)
        return outcome

    def _ask(self, rung: int, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        if rung == len(self._built):
            self._built.append(self._rungs[rung](self._program))
        clock = deadline(seconds)
        outcome = self._built[rung].solve(costs, rows, seconds)
        if outcome.point is not None:
            outcome = self._checked(outcome, rows)
        return outcome if self._recession is None else self._bounded_or_not(outcome, self._recession, costs, clock())

    def _checked(self, outcome: Outcome, rows: Rows) -> Outcome:
        """An outcome with a point that is a solution, or without one."""
        assert outcome.point is not None
        point, flaw = self._checker.mend(outcome.point, rows)
        if not flaw:
            return outcome._replace(point=point)
        self._own["rejected_points"] += 1
        message = f"the engine's point is no solution: {flaw}"
        if outcome.status == SolveStatus.FEASIBLE:
            return Outcome(SolveStatus.TIMEOUT, message=f"{outcome.message}; {message}", bound=outcome.bound)
        return Outcome(SolveStatus.ERROR, message=message)

    def _bounded_or_not(self, outcome: Outcome, recession: Recession, costs: Floats, seconds: float | None) -> Outcome:
        """Optimal points and unbounded programs exclude each other, which engines do not always see."""
        if outcome.status == SolveStatus.OPTIMAL and recession.improves(costs, seconds):
            self._own["unbounded_after_all"] += 1
            return Outcome(SolveStatus.UNBOUNDED, message="the feasible set is unbounded in the objective's direction")
        if outcome.status == SolveStatus.UNBOUNDED and not recession.improves(costs, seconds):
            return Outcome(SolveStatus.ERROR, message="the engine calls unbounded what is not")
        return outcome
