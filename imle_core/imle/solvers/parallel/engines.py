"""Engines: where chunks of rows are solved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, Future
from typing import Any, NamedTuple, Protocol

from imle.solvers.parallel.pace import Pace
from imle.solvers.parallel.pieces import solve_in_pieces
from imle.solvers.parallel.processes import Processes, WorkerDiedError
from imle.solvers.parallel.recipe import Recipe
from imle.solvers.parallel.watch import Watch
from imle.solvers.parallel.work import Outcome, Stock, Task, attempt, perform
from imle.solvers.protocol import PreparedSolver
from imle.solvers.stopping import Stops, stop_until

_SMALL = 1 << 16  # bytes of a recipe that goes with every task
_READY = 60.0  # seconds a worker process with a time limit has to import and rebuild a solver
_PATIENCE = 1.0  # seconds for threads to end once they have been told so; those of solvers that do not listen go on


class Blame(NamedTuple):
    """How rows are found that end their workers.

    Attributes:
        parts: into how many chunks rows are split whose worker died.
        proof: how many times a row on its own has to end its worker.
        alone: nothing else may be under way with suspects: what else their worker had would be blamed, too.
    """

    parts: int
    proof: int
    alone: bool


class Engine(Protocol):
    """Solves chunks of rows, somewhere."""

    blame: Blame
    least: float
    """Seconds of solving below which a task of its own does not pay."""
    most: float | None
    """Seconds of solving that a task should not take longer than, if there is a time limit."""

    def submit(
        self, objective: Any, given: Mapping[str, Any], stops: Stops, *, recipe: bool = False
    ) -> Future[Outcome]:
        """Solve rows, until they are given up; `recipe` says that the worker did not know what to solve them with."""

    def abandon(self, futures: Iterable[Future[Outcome]], stops: Stops) -> None:
        """No caller waits for these any more."""

    def silent(self) -> bool:
        """Whether it is in vain to wait for it; asked again and again while nothing else happens."""

    def close(self) -> None:
        """Free what was prepared here."""


_OWN = Blame(parts=2, proof=2, alone=False)
_CLUSTER = Blame(parts=16, proof=1, alone=True)  # Dask gives a task to four workers before it says that they died


def as_death(error: BaseException) -> WorkerDiedError | None:
    """What an executor raises where a worker died of a task and others go on; None for anything else."""
    if isinstance(error, WorkerDiedError):
        return error
    if type(error).__name__ == "KilledWorker":  # of Dask, which is not imported for this
        return WorkerDiedError("every worker of the cluster that was given this row died")
    return None


class Threads:
    """Threads of this process, for backends that release the GIL.

    Args:
        pool: the threads.
        build: makes a prepared solver, as each thread needs one of its own; or None if `shared` is safe to share.
        shared: a prepared solver of the same instance.
        workers: the most prepared solvers that are kept.
    """

    blame = _OWN
    least = 1e-3
    most: float | None = None

    def __init__(
        self, pool: Executor, build: Callable[[], PreparedSolver] | None, shared: PreparedSolver, workers: int
    ) -> None:
        self._pool = pool
        self._build = build
        self._shared = shared
        self._stock = Stock(workers)
        self._pace = Pace()

    def submit(
        self, objective: Any, given: Mapping[str, Any], stops: Stops, *, recipe: bool = False
    ) -> Future[Outcome]:
        del recipe
        return self._pool.submit(self._solve, objective, given, stops)

    def _solve(self, objective: Any, given: Mapping[str, Any], stops: Stops) -> Outcome:
        with stops.inside():
            if self._build is None:
                return self._attempt(self._shared, objective, given)
            with self._stock.borrow("", self._build) as prepared:
                return self._attempt(prepared, objective, given)

    def _attempt(self, prepared: PreparedSolver, objective: Any, given: Mapping[str, Any]) -> Outcome:
        return attempt(lambda: solve_in_pieces(prepared, objective, given, self._pace))

    def abandon(self, futures: Iterable[Future[Outcome]], stops: Stops) -> None:
        """Tasks end after the piece they are at, native calls that can be stopped before that."""
        stop_until(stops, [future for future in futures if not future.cancel()], _PATIENCE)

    def silent(self) -> bool:
        return False

    def close(self) -> None:
        self._stock.close()


class Remote:
    """Other processes, on this machine or elsewhere, which rebuild solvers from recipes.

    Args:
        executor: runs tasks.
        recipe: what they rebuild.
        seconds: what a row may take; only `Processes` can enforce it. So may a chunk, then its rows are sent alone.
    """

    def __init__(self, executor: Executor, recipe: Recipe, seconds: float | None) -> None:
        self._executor = executor
        self._recipe = recipe
        self._seconds = seconds
        self._sent = False
        own = isinstance(executor, Processes)
        self.blame = _OWN if own else _CLUSTER
        self.least = 2e-3 if own else 2e-2
        self.most = seconds / 4 if own and seconds is not None else None
        client = getattr(executor, "_client", None)  # of Dask
        self._watch = None if client is None else Watch(client.nthreads)

    def submit(
        self, objective: Any, given: Mapping[str, Any], stops: Stops, *, recipe: bool = False
    ) -> Future[Outcome]:
        del stops  # it does not travel
        small = len(self._recipe.content) <= _SMALL
        content = self._recipe.content if small or recipe or not self._sent else None
        self._sent = True
        timed = isinstance(self._executor, Processes) and self._seconds is not None
        task = Task(self._recipe.digest, content, objective, given, timed)
        if isinstance(self._executor, Processes):
            return self._executor.submit_within(self._seconds, perform, task, getting_ready=_READY)
        return self._executor.submit(perform, task)

    def abandon(self, futures: Iterable[Future[Outcome]], stops: Stops) -> None:
        del stops
        if isinstance(self._executor, Processes):
            self._executor.abandon(futures)
        else:
            for future in futures:
                future.cancel()

    def silent(self) -> bool:
        return self._watch is not None and self._watch.silent()

    def close(self) -> None:
        """Workers keep a bounded number of prepared solvers and close the oldest themselves."""
