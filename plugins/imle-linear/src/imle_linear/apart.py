"""Engines in processes of their own: some crash, and some hear neither Ctrl-C nor the clock."""

from __future__ import annotations

import itertools
import os
from collections import Counter, OrderedDict
from contextlib import suppress
from functools import partial

from imle.execution import Processes, WorkerDiedError, WorkerTimeoutError, begun
from imle.solvers import SolveStatus
from imle.solvers.cancellation import raise_if_cancelled
from imle.solvers.interruptible import interruptible
from imle_linear.arrays import Floats
from imle_linear.engines import Engine, MakesEngine, Outcome
from imle_linear.program import LinearProgram, Rows

_LONGER, _MORE = 1.25, 0.5
"""A process is ended after so many times its time limit, and so many seconds more."""
_FOREVER = 1e6
"""Seconds that are no limit: more than these some clocks cannot hold."""
_START = 60.0
"""Seconds that a process may take to start and to build its engine."""
_KEPT = 8
"""Engines that a process keeps."""
_Row = tuple[Floats, Rows, float | None]
_Recipe = tuple[LinearProgram, MakesEngine]
_Answer = tuple[Outcome, Counter[str]]
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
        with suppress(WorkerDiedError):  # then each row is an error
            self._ask(None, self._recipe, None)  # now: to start takes longer than many a time limit

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Minimise `costs` `[n]` within the time limit, if there is one. Nothing of the answer is checked."""
        if seconds is not None and seconds > _FOREVER:
            seconds = None
        row = costs, rows, seconds
        try:
            answer = self._ask(row, None, seconds) or self._ask(row, self._recipe, seconds)
        except WorkerTimeoutError:
            return Outcome(SolveStatus.TIMEOUT, message="stopped at the time limit without a feasible point")
        except WorkerDiedError as died:
            raise_if_cancelled()
            return Outcome(SolveStatus.ERROR, message=f"{self._name}: {died.message}")
        assert answer is not None
        outcome, events = answer
        self.events += events
        return outcome

    def _ask(self, row: _Row | None, recipe: _Recipe | None, seconds: float | None) -> _Answer | None:
        """What `_solve` returns there."""
        idle = _idle.setdefault(os.getpid(), [])
        process = idle.pop() if idle else Processes(1)
        patience = None if seconds is None else _LONGER * seconds + _MORE
        try:
            asked = process.submit_within(patience, _solve, self._number, recipe, row, getting_ready=_START)
            answer: _Answer | None = interruptible(asked.result, partial(process.abandon, [asked]))
            return answer
        finally:
            idle.append(process)


_engines: OrderedDict[int, Engine] = OrderedDict()
"""Those of this process that were asked last."""


def _solve(number: int, recipe: _Recipe | None, row: _Row | None) -> _Answer | None:
    """Solve one row in this process, if there is one.

    Args:
        number: of the engine.
        recipe: what it is made from; None if this process should have it.
        row: costs, ends of rows and seconds; see `Engine.solve`.

    Returns:
        the outcome and what happened; None if the process does not have the engine, or there is no row.
    """
    if recipe is not None:
        program, make = recipe
        _engines[number] = make(program)
        while len(_engines) > _KEPT:
            _engines.popitem(last=False)
    if number not in _engines or row is None:
        return None
    _engines.move_to_end(number)
    engine = _engines[number]
    before = Counter(engine.events)
    begun()
    return engine.solve(*row), engine.events - before
