"""Chunks: the rows of a batch on their way through an engine, with everything that can go wrong on it."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
from concurrent.futures import FIRST_COMPLETED, Future, InvalidStateError, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from imle.errors import ImleError, SolveError
from imle.execution.chunk_solvers import ChunkSolver, as_death
from imle.execution.isolation import FailureBisection
from imle.execution.processes import WorkerDiedError, WorkerTimeoutError
from imle.execution.throughput import Throughput
from imle.execution.work import TaskResult
from imle.solvers import progress
from imle.solvers.cancellation import CancelledError, CancelToken, first_failure_ends, stoppable
from imle.solvers.interruptible import SIGNAL_POLL
from imle.solvers.result import SolveStatus
from imle.solvers.rows import Part, between

log = logging.getLogger("imle.execution")

_HOPELESS = 3
"""Rows that end their workers, if no other row of the batch is solved, after which the rest is not tried."""
_SELDOM = 16
"""Likewise one after the other, if other rows of the batch were solved before."""


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows.

    Attributes:
        start: the first row.
        stop: the row after the last one.
        died: a worker died of just these rows.
        suspect: a worker died of these rows, or of more rows that these were among.
        again: they were sent before, and perhaps to another worker.
    """

    start: int
    stop: int
    died: bool = False
    suspect: bool = False
    again: bool = False

    @property
    def rows(self) -> int:
        return self.stop - self.start

    def parts(self, count: int, *, suspect: bool = False) -> list[Chunk]:
        """The same rows in so many chunks, at most one per row; the last rows come first, as on a stack."""
        count = min(count, self.rows)
        bounds = [self.start + self.rows * n // count for n in range(count + 1)]
        return [Chunk(bounds[n], bounds[n + 1], False, suspect, True) for n in reversed(range(count))]


@dataclass
class Scheduler:
    """One batch while it is solved.

    Rows whose worker dies are solved again, by ever fewer at a time and before all others, until the row to blame
    stands alone: it is reported with status `error` (`timeout` if it took too long) and the others are as if nothing
    had been. Rows for which the solver raises are found in the same way. Where `first_failure_ends`, a row to
    blame ends the batch. If only rows to blame are found, the rest is not tried.

    Args:
        engine: solves chunks.
        fallback: makes another engine, for when the first one fails as a whole; None if there is no other.
        objective: `[N, *shape]`.
        given: keyword arguments of `solve`.
        throughput: told how long rows take.
        workers: how many chunks are solved at the same time.
    """

    engine: ChunkSolver
    fallback: Callable[[], ChunkSolver] | None
    objective: Any
    given: Mapping[str, Any]
    throughput: Throughput
    workers: int
    bisection: FailureBisection = field(default_factory=FailureBisection)
    errors: list[ImleError] = field(default_factory=list)
    counters: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    _todo: list[Chunk] = field(default_factory=list)  # stacks: the next one is the last
    _suspects: list[Chunk] = field(default_factory=list)
    _waiting: dict[Future[TaskResult], tuple[Chunk, ChunkSolver]] = field(default_factory=dict)
    _blamed: int = 0  # rows since the last one that was solved
    _probes: set[int] = field(default_factory=set)  # rows that are to show whether all are to blame
    _solved: bool = False
    _hopeless: str = ""
    _token: CancelToken = field(default_factory=CancelToken)
    _unwanted: Future[Any] = field(default_factory=Future)

    def solve(self, chunks: Sequence[tuple[int, int]]) -> list[Part]:
        """What became of all rows.

        Raises:
            ImleError: what the solver raises, for the first row it does so.
            SolveError: a row is to blame for the end of its workers, where `first_failure_ends`.
            CancelledError: no caller waits for these rows any more.
        """
        self._todo = [Chunk(start, stop) for start, stop in reversed(chunks)]
        try:
            with stoppable(self._give_up):
                self._send()
                while self._waiting:
                    self._wait()
                    self._send()
        except BaseException:  # Ctrl-C above all: no caller will read what is under way
            self._token.cancel()  # also what is not among those that are waited for yet
            for engine in {id(engine): engine for _, engine in self._waiting.values()}.values():
                engine.abandon([future for future, (_, own) in self._waiting.items() if own is engine], self._token)
            raise
        if self.errors:
            raise min(self.errors, key=lambda error: -1 if error.row is None else error.row)
        self.counters["repeated_rows"] += self.bisection.repeated
        return self.bisection.parts

    def _send(self) -> None:
        """Submit what may be under way now.

        That is all of it once workers have answered: before, two for each, so that rows or a solver that end them do
        not meet them all; while there are suspects, one for each.
        """
        while stack := self._suspects or self._todo:
            most = self.workers if self._suspicion() else math.inf if self._solved else 2 * self.workers
            if len(self._waiting) >= most:
                return
            self._submit(stack.pop())

    def _suspicion(self) -> bool:
        """Whether there are suspects, or they are under way."""
        if not self.counters["worker_deaths"]:
            return False
        return bool(self._suspects) or any(chunk.suspect for chunk, _ in self._waiting.values())

    def _wait(self) -> None:
        done = wait([*self._waiting, self._unwanted], SIGNAL_POLL, FIRST_COMPLETED).done
        if not done:
            for engine in {engine for _, engine in self._waiting.values()}:  # also one that was replaced
                if reason := engine.lost():
                    self._abandoned(engine, TimeoutError(reason))
        for future in done:
            if future is self._unwanted:
                raise CancelledError("no caller waits for these rows any more")
            if future in self._waiting:  # else it was called back
                self._ended(future, *self._waiting.pop(future))

    def _give_up(self) -> None:
        """Called from another thread."""
        with suppress(InvalidStateError):  # it was told before
            self._unwanted.set_result(None)

    def _submit(self, chunk: Chunk) -> None:
        objective = self.objective[chunk.start : chunk.stop]
        given = between(self.given, chunk.start, chunk.stop)
        engine = self.engine
        try:
            future = engine.submit(objective, given, self._token, recipe=chunk.again)
        except RuntimeError as error:  # it was shut down, or broke
            self._elsewhere(chunk, engine, error)
        else:
            self._waiting[future] = chunk, engine

    def _ended(self, future: Future[TaskResult], chunk: Chunk, engine: ChunkSolver) -> None:
        error = futures.CancelledError() if future.cancelled() else future.exception()
        death = None if error is None else as_death(error)
        if death is not None:
            self._died(chunk, death)
        elif error is not None:
            self._elsewhere(chunk, engine, error)
        else:
            self._answered(future.result(), chunk)

    def _answered(self, outcome: TaskResult, chunk: Chunk) -> None:
        if outcome.missing:
            self._submit(replace(chunk, again=True))
            return
        if outcome.death is not None:
            self._died(chunk, outcome.death)
            return
        self._blamed, self._solved = 0, True
        self._probes.clear()
        if outcome.result is not None:
            self.seconds += outcome.seconds
            self.throughput.solved(chunk.rows, outcome.seconds)
            self._settled(Part(chunk.start, chunk.stop, outcome.result))
        elif outcome.error is not None:
            self._refused(outcome.error, chunk)
        else:
            halves = self.bisection.raised(chunk.start, chunk.stop, outcome.message, outcome.trace)
            self._todo += [Chunk(start, stop, again=True) for start, stop in reversed(halves)]
            if not halves:
                progress.report(chunk.rows)

    def _refused(self, error: ImleError, chunk: Chunk) -> None:
        """An error that is to be raised: that of the first row, or at once if it is about all rows.

        Raises:
            ImleError: it is.
        """
        if error.row is None:
            raise error
        error.row += chunk.start
        self.errors.append(error)
        self._todo = [other for other in self._todo if other.start < error.row]
        self._suspects = [other for other in self._suspects if other.start < error.row]

    def _settled(self, part: Part) -> None:
        self.bisection.parts.append(part)
        progress.report(part.stop - part.start)

    def _died(self, chunk: Chunk, death: WorkerDiedError) -> None:
        """A worker died: of these rows, or of something else."""
        log.warning("rows %d to %d: %s", chunk.start, chunk.stop - 1, death.message)
        self.counters["worker_deaths"] += 1
        self._call_back()
        late = isinstance(death, WorkerTimeoutError)
        if self._hopeless:
            self._settled(Part(chunk.start, chunk.stop, None, SolveStatus.ERROR, self._hopeless))
        elif chunk.rows > 1:
            self.counters["repeated_rows"] += chunk.rows
            self._suspects += chunk.parts(chunk.rows if late else 2, suspect=True)
        elif late or chunk.died:
            self._blame(chunk, death, late=late)
        else:
            self.counters["repeated_rows"] += 1
            self._suspects.append(Chunk(chunk.start, chunk.stop, True, True, True))

    def _call_back(self) -> None:
        """Take back what waits for a worker: suspects come first."""
        for future, (chunk, _) in reversed(list(self._waiting.items())):
            if future.cancel():
                del self._waiting[future]
                (self._suspects if chunk.suspect else self._todo).append(replace(chunk, again=True))

    def _blame(self, chunk: Chunk, death: WorkerDiedError, *, late: bool) -> None:
        """One row is proven to end its workers.

        Raises:
            SolveError: that ends the batch.
        """
        if first_failure_ends.get():
            raise SolveError(
                f"{death.message}; other rows were not waited for",
                hint='on_failure="zero-grad" skips such rows, "last" puts an earlier solution in their place',
                row=chunk.start,
            )
        status = SolveStatus.TIMEOUT if late else SolveStatus.ERROR
        self._settled(Part(chunk.start, chunk.stop, None, status, death.message))
        self._probes.discard(chunk.start)
        if late:
            return
        self._blamed += 1
        if self._blamed == 1 and not self._solved:
            self._probe()
        if self._blamed >= (_SELDOM if self._solved else _HOPELESS) and not self._probes:
            self._give_rest_up()

    def _probe(self) -> None:
        """Perhaps only rows near the one that is to blame are: try two that are far from it, and from each other."""
        for part in (2, 1):
            if self._todo:
                place = len(self._todo) * part // 3
                far = self._todo.pop(place)
                if far.rows > 1:
                    self._todo.insert(place, replace(far, stop=far.stop - 1))
                self._probes.add(far.stop - 1)
                self._suspects.append(Chunk(far.stop - 1, far.stop, False, True, True))

    def _give_rest_up(self) -> None:
        """Rows that were not tried end like those before them."""
        found = f"{self._blamed} rows ended their workers"
        found += " one after the other" if self._solved else ", and none was solved"
        self._hopeless = f"not tried: {found}"
        log.warning("the rest of the batch is not tried: %s", found)
        for chunk in [*self._todo, *self._suspects]:
            self._settled(Part(chunk.start, chunk.stop, None, SolveStatus.ERROR, self._hopeless))
        self._todo, self._suspects = [], []

    def _abandoned(self, engine: ChunkSolver, reason: Exception) -> None:
        """An executor that does not answer: its futures are dropped, as even to cancel them would wait for it."""
        lost = [(future, chunk) for future, (chunk, own) in self._waiting.items() if own is engine]
        for future, chunk in lost:
            del self._waiting[future]
            self._elsewhere(chunk, engine, reason)

    def _elsewhere(self, chunk: Chunk, engine: ChunkSolver, error: BaseException) -> None:
        """The executor failed, not the solver: rows may be solved by another."""
        if self.engine is engine:  # else it was replaced already
            if self.fallback is None or self.counters["lost_executors"]:
                raise error
            log.warning("executor lost (%s: %s): its rows are solved by workers of imle", type(error).__name__, error)
            self.counters["lost_executors"] += 1
            self.engine = self.fallback()
        self.counters["repeated_rows"] += chunk.rows
        self._submit(replace(chunk, again=True))
