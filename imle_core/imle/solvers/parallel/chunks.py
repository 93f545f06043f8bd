"""Chunks: the rows of a batch on their way through an engine, with everything that can go wrong on it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, InvalidStateError, wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from imle.errors import ImleError
from imle.solvers import progress
from imle.solvers.combinators.rows import Part, between
from imle.solvers.parallel.engines import Engine
from imle.solvers.parallel.pace import Pace
from imle.solvers.parallel.processes import WorkerDiedError, WorkerTimeoutError
from imle.solvers.parallel.work import Outcome
from imle.solvers.result import SolveStatus
from imle.solvers.stopping import GivenUpError, Stops, stoppable

log = logging.getLogger("imle.parallel")

_HEARD = 0.5
"""Seconds after which Ctrl-C is heard for sure: a signal a moment before a thread begins to wait does not wake it."""


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows; `deaths` counts the workers that died of just these."""

    start: int
    stop: int
    deaths: int = 0

    @property
    def rows(self) -> int:
        return self.stop - self.start

    def halves(self) -> list[Chunk]:
        middle = (self.start + self.stop) // 2
        return [Chunk(self.start, middle), Chunk(middle, self.stop)]


@dataclass
class Batch:
    """One batch while it is solved.

    Rows whose worker dies or whose solver raises are solved again in halves, until the row to blame stands alone: it
    is reported with status `error` (`timeout` if it took too long) and the others are as if nothing had been.

    Args:
        engine: solves chunks.
        rescue: makes another engine, for when the first one fails as a whole; None if there is no other.
        objective: `[N, *shape]`.
        given: keyword arguments of `solve`, one entry per row each.
        pace: told how long rows take.
    """

    engine: Engine
    rescue: Callable[[], Engine] | None
    objective: Any
    given: Mapping[str, Any]
    pace: Pace
    parts: list[Part] = field(default_factory=list)
    errors: list[ImleError] = field(default_factory=list)
    counters: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    _told: bool = False
    _waiting: dict[Future[Outcome], tuple[Chunk, Engine]] = field(default_factory=dict)
    _stops: Stops = field(default_factory=Stops)
    _unwanted: Future[Any] = field(default_factory=Future)

    def solve(self, chunks: Sequence[tuple[int, int]]) -> list[Part]:
        """What became of all rows.

        Raises:
            ImleError: what the solver raises, for the first row it does so.
            GivenUpError: nobody waits for these rows any more.
        """
        try:
            with stoppable(self._give_up):
                for start, stop in chunks:
                    self._submit(Chunk(start, stop))
                while self._waiting:
                    self._wait()
        except BaseException:  # Ctrl-C above all: nobody will read what is under way
            self._stops.stop()  # also what is not among those that are waited for yet
            for engine in {id(engine): engine for _, engine in self._waiting.values()}.values():
                engine.abandon([future for future, (_, own) in self._waiting.items() if own is engine], self._stops)
            raise
        if self.errors:
            raise min(self.errors, key=lambda error: -1 if error.row is None else error.row)
        return self.parts

    def _wait(self) -> None:
        for future in wait([*self._waiting, self._unwanted], _HEARD, FIRST_COMPLETED).done:
            if future is self._unwanted:
                raise GivenUpError("nobody waits for these rows any more")
            self._ended(future, *self._waiting.pop(future))

    def _give_up(self) -> None:
        """Called from another thread."""
        with suppress(InvalidStateError):  # it was told before
            self._unwanted.set_result(None)

    def _submit(self, chunk: Chunk, *, recipe: bool = False) -> None:
        objective = self.objective[chunk.start : chunk.stop]
        given = between(self.given, chunk.start, chunk.stop)
        engine = self.engine
        try:
            future = engine.submit(objective, given, self._stops, recipe=recipe)
        except RuntimeError as error:  # it was shut down, or broke
            self._elsewhere(chunk, engine, error)
        else:
            self._waiting[future] = chunk, engine

    def _ended(self, future: Future[Outcome], chunk: Chunk, engine: Engine) -> None:
        error = CancelledError() if future.cancelled() else future.exception()
        if isinstance(error, WorkerDiedError):
            self._died(chunk, error)
        elif error is not None:
            self._elsewhere(chunk, engine, error)
        else:
            self._answered(future.result(), chunk)

    def _answered(self, outcome: Outcome, chunk: Chunk) -> None:
        if outcome.missing:
            self._submit(chunk, recipe=True)
        elif outcome.result is not None:
            self.seconds += outcome.seconds
            self.pace.solved(chunk.rows, outcome.seconds)
            self._settled(Part(chunk.start, chunk.stop, outcome.result))
        elif outcome.error is not None:
            if outcome.error.row is not None:
                outcome.error.row += chunk.start
            self.errors.append(outcome.error)
        elif chunk.rows == 1:
            level = logging.DEBUG if self._told else logging.WARNING  # one traceback tells more than hundreds
            log.log(level, "row %d: %s\n%s", chunk.start, outcome.message, outcome.trace)
            self._told = True
            self._settled(Part(chunk.start, chunk.stop, None, SolveStatus.ERROR, outcome.message))
        else:
            self._split(chunk)

    def _settled(self, part: Part) -> None:
        self.parts.append(part)
        progress.report(part.stop - part.start)

    def _died(self, chunk: Chunk, error: WorkerDiedError) -> None:
        """A worker died: of these rows, or of something else."""
        log.warning("rows %d to %d: %s", chunk.start, chunk.stop - 1, error.message)
        self.counters["worker_deaths"] += 1
        late = isinstance(error, WorkerTimeoutError)
        if chunk.rows > 1:
            self._split(chunk)
        elif chunk.deaths == 0 and not late:
            self.counters["repeated_rows"] += 1
            self._submit(Chunk(chunk.start, chunk.stop, 1), recipe=True)
        else:
            status = SolveStatus.TIMEOUT if late else SolveStatus.ERROR
            self._settled(Part(chunk.start, chunk.stop, None, status, error.message))

    def _split(self, chunk: Chunk) -> None:
        self.counters["repeated_rows"] += chunk.rows
        for half in chunk.halves():
            self._submit(half, recipe=True)

    def _elsewhere(self, chunk: Chunk, engine: Engine, error: BaseException) -> None:
        """The executor failed, not the solver: rows may be solved by another."""
        if self.engine is engine:  # else it was replaced already
            if self.rescue is None or self.counters["lost_executors"]:
                raise error
            log.warning("executor lost (%s: %s): its rows are solved by workers of imle", type(error).__name__, error)
            self.counters["lost_executors"] += 1
            self.engine = self.rescue()
        self.counters["repeated_rows"] += chunk.rows
        self._submit(chunk, recipe=True)
