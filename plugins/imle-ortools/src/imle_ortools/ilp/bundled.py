"""SCIP and CBC in processes that can be ended: neither hears Ctrl-C, and both look at the clock when they please."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from functools import partial

from imle.execution import Processes, WorkerDiedError, WorkerTimeoutError
from imle.solvers import SolveStatus
from imle.solvers.cancellation import raise_if_cancelled
from imle.solvers.interruptible import interruptible
from imle_linear.arrays import Floats
from imle_linear.engines import Outcome, Rows
from imle_linear.program import LinearProgram
from imle_ortools.ilp.mp import NAMES, Bundled, solve

_LONGER, _MORE = 1.25, 0.5
"""A process is ended after so many times its time limit, and so many seconds more."""
_FOREVER = 1e6
"""Seconds that are no limit: more than these some clocks cannot hold."""
_numbers = itertools.count()
_idle: dict[int, list[Processes]] = {}
"""Processes that nobody uses, by the process that has started them: a forked child cannot use its parent's."""


class BundledEngine:
    """One model in a process of its own, one row after the other.

    Args:
        program: the feasible set.
        how: to solve it.

    Raises:
        SolverUnavailableError: this build of OR-Tools lacks the backend.
        OptionError: SCIP does not know a parameter, or not that value.
    """

    def __init__(self, program: LinearProgram, how: Bundled) -> None:
        self.events: Counter[str] = Counter()
        how.solver()
        self._recipe = program, how
        self._number = next(_numbers)

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Minimise `costs` `[n]` within the time limit, if there is one. Nothing of the answer is checked."""
        backend = self._recipe[1].backend
        self.events[backend] += 1
        try:
            return self._ask(costs, rows, None if seconds is None or seconds > _FOREVER else seconds)
        except WorkerTimeoutError:
            return Outcome(SolveStatus.TIMEOUT, message="stopped at the time limit without a feasible point")
        except WorkerDiedError as died:
            raise_if_cancelled()
            return Outcome(SolveStatus.ERROR, message=f"{NAMES[backend]}: {died.message}")

    def _ask(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        idle = _idle.setdefault(os.getpid(), [])
        process = idle.pop() if idle else Processes(1)
        patience = None if seconds is None else _LONGER * seconds + _MORE
        try:
            for recipe in (None, self._recipe):
                asked = process.submit_within(patience, solve, self._number, recipe, costs, rows, seconds)
                outcome: Outcome | None = interruptible(asked.result, partial(process.abandon, [asked]))
                if outcome is not None:
                    return outcome
        finally:
            idle.append(process)
        raise AssertionError("a process that is given a model has it")
