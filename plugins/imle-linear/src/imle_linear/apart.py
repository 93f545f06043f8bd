"""Engines in processes of their own: some crash, and some hear neither Ctrl-C nor the clock."""

from __future__ import annotations

import itertools
import os
from collections import Counter, OrderedDict
from functools import partial

from imle.execution import Processes, WorkerDiedError, WorkerTimeoutError
from imle.solvers import SolveStatus
from imle.solvers.cancellation import raise_if_cancelled
from imle.solvers.interruptible import interruptible
from imle_linear.arrays import Floats
from imle_linear.engines import Engine, MakesEngine, Outcome, Rows
from imle_linear.program import LinearProgram

_LONGER, _MORE = 1.25, 0.5
"""A process is ended after so many times its time limit, and so many seconds more."""
_FOREVER = 1e6
"""Seconds that are no limit: more than these some clocks cannot hold."""
_KEPT = 4
"""Engines that a process keeps."""
_numbers = itertools.count()
_idle: dict[int, list[Processes]] = {}
"""Processes that no engine uses, by the process that has started them: a forked child cannot use its parent's."""


class ApartEngine:
    """An engine in another process, one row after the other.

    Args:
        program: the feasible set.
        name: of the engine, for messages.
        make: builds it there, and so has to travel.
    """

    def __init__(self, program: LinearProgram, name: str, make: MakesEngine) -> None:
        self.events: Counter[str] = Counter()
        self._name = name
        self._recipe = program, make
        self._number = next(_numbers)

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Minimise `costs` `[n]` within the time limit, if there is one. Nothing of the answer is checked."""
        try:
            return self._ask(costs, rows, None if seconds is None or seconds > _FOREVER else seconds)
        except WorkerTimeoutError:
            return Outcome(SolveStatus.TIMEOUT, message="stopped at the time limit without a feasible point")
        except WorkerDiedError as died:
            raise_if_cancelled()
            return Outcome(SolveStatus.ERROR, message=f"{self._name}: {died.message}")

    def _ask(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        idle = _idle.setdefault(os.getpid(), [])
        process = idle.pop() if idle else Processes(1)
        patience = None if seconds is None else _LONGER * seconds + _MORE
        try:
            for recipe in (None, self._recipe):
                asked = process.submit_within(patience, _solve, self._number, recipe, costs, rows, seconds)
                answer: tuple[Outcome, Counter[str]] | None = interruptible(
                    asked.result, partial(process.abandon, [asked])
                )
                if answer is not None:
                    self.events += answer[1]
                    return answer[0]
        finally:
            idle.append(process)
        raise AssertionError("a process that is given a model has it")


_engines: OrderedDict[int, Engine] = OrderedDict()
"""Those of this process that were asked last."""


def _solve(
    number: int, recipe: tuple[LinearProgram, MakesEngine] | None, costs: Floats, rows: Rows, seconds: float | None
) -> tuple[Outcome, Counter[str]] | None:
    """Solve one row in this process.

    Args:
        number: of the engine.
        recipe: what it is made from; None if this process should have it.
        costs, rows, seconds: see `Engine.solve`.

    Returns:
        the outcome and what happened; None if the process does not have the engine.
    """
    if recipe is not None:
        program, make = recipe
        _engines[number] = make(program)
        while len(_engines) > _KEPT:
            _engines.popitem(last=False)
    if number not in _engines:
        return None
    _engines.move_to_end(number)
    engine = _engines[number]
    before = Counter(engine.events)
    return engine.solve(costs, rows, seconds), engine.events - before
