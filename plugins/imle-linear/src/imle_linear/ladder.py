"""The ladder: engines in the order they are asked, where the answer of one before does not hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from imle.solvers import SolveStatus
from imle_linear.arrays import Floats
from imle_linear.checking import SolutionChecker
from imle_linear.engines import Engine, Outcome, Rows, deadline
from imle_linear.program import LinearProgram


class Ladder:
    """Asks one engine after the other until a row's answer holds; a point that does not hold is never passed on.

    Args:
        program: the feasible set.
        rungs: what builds the engines; the first is built at once, others when a row needs them.
        relative: see `SolutionChecker`.

    Raises:
        InstanceError: the first engine refuses the program.
    """

    def __init__(
        self, program: LinearProgram, rungs: Sequence[Callable[[LinearProgram], Engine]], relative: float
    ) -> None:
        self._program = program
        self._rungs = rungs
        self._checker = SolutionChecker(program, relative)
        self._built = [rungs[0](program)]
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
        outcome = self._built[rung].solve(costs, rows, seconds)
        if outcome.point is None:
            return outcome
        point, flaw = self._checker.mend(outcome.point, rows)
        if not flaw:
            return outcome._replace(point=point)
        self._own["rejected_points"] += 1
        message = f"the engine's point is no solution: {flaw}"
        if outcome.status == SolveStatus.FEASIBLE:
            return Outcome(SolveStatus.TIMEOUT, message=f"{outcome.message}; {message}", bound=outcome.bound)
        return Outcome(SolveStatus.ERROR, message=message)
