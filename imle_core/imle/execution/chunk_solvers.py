"""Where chunks of rows are solved: threads of this process, or other processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sized
from concurrent.futures import Executor, Future
from typing import Any, Protocol

from imle.execution.processes import Processes, WorkerDiedError
from imle.execution.ray_executor import RayExecutor
from imle.execution.recipe import Recipe
from imle.execution.throughput import Throughput
from imle.execution.time_slices import solve_in_slices
from imle.execution.watch import Watch
from imle.execution.work import GETTING_READY, PreparedPool, Task, TaskResult, attempt, run_task, run_task_apart
from imle.solvers.cancellation import CancelToken, stop_until
from imle.solvers.protocol import PreparedSolver

_SMALL = 1 << 16  # bytes of a recipe that goes with every task
_PATIENCE = 1.0  # seconds for threads to end once they have been told so; those of solvers that do not listen go on


class ChunkSolver(Protocol):
    """Solves chunks of rows, somewhere."""

    least: float
    """Seconds of solving below which a task of its own does not pay."""
    most: float | None
    """Seconds of solving that a task should not take longer than, if there is a time limit."""

    def submit(
        self, objective: Any, given: Mapping[str, Any], token: CancelToken, *, recipe: bool = False
    ) -> Future[TaskResult]:
        """Solve rows, until they are given up; `recipe` says that the worker did not know what to solve them with."""

    def abandon(self, futures: Iterable[Future[TaskResult]], token: CancelToken) -> None:
        """No caller waits for these any more."""

    def lost(self) -> str:
        """Why it is in vain to wait for it, "" if it is not; asked again and again while nothing else happens."""

    def close(self) -> None:
        """Free what was prepared here."""


def ends_rows(executor: Executor) -> bool:
    """Whether a row that takes too long, or crashes, can be ended there without anything else."""
    return isinstance(executor, Processes) or _workers_of(executor) is not None


def as_death(error: BaseException) -> WorkerDiedError | None:
    """What an executor raises where workers died of a task and others go on; None for anything else."""
    if isinstance(error, WorkerDiedError):
        return error
    if type(error).__name__ == "KilledWorker":  # of Dask, which is not imported for this
        return WorkerDiedError("every worker of the cluster that was given these rows died")
    return None


def _workers_of(executor: Any) -> Callable[[], Sized] | None:
    """What asks a cluster for its workers, of Dask or Ray; None for other executors.

    On clusters, rows are solved in children of workers, which they can end without anything else; and whether a
    cluster still answers is watched. Other executors find out themselves when they break.
    """
    if isinstance(executor, RayExecutor):
        return executor.nodes
    is_dask = type(executor).__module__.partition(".")[0] == "distributed"
    return executor._client.nthreads if is_dask else None


class Threads:
    """Threads of this process, for backends that release the GIL.

    Args:
        pool: the threads.
        build: makes a prepared solver, as each thread needs one of its own; or None if `shared` is safe to share.
        shared: a prepared solver of the same instance.
        workers: the most prepared solvers that are kept.
    """

    least = 1e-3
    most: float | None = None

    def __init__(
        self, pool: Executor, build: Callable[[], PreparedSolver] | None, shared: PreparedSolver, workers: int
    ) -> None:
        self._pool = pool
        self._build = build
        self._shared = shared
        self._prepared = PreparedPool(workers)
        self._throughput = Throughput()

    def submit(
        self, objective: Any, given: Mapping[str, Any], token: CancelToken, *, recipe: bool = False
    ) -> Future[TaskResult]:
        del recipe
        return self._pool.submit(self._solve, objective, given, token)

    def _solve(self, objective: Any, given: Mapping[str, Any], token: CancelToken) -> TaskResult:
        with token.inside():
            if self._build is None:
                return self._attempt(self._shared, objective, given)
            with self._prepared.acquire("", self._build) as prepared:
                return self._attempt(prepared, objective, given)

    def _attempt(self, prepared: PreparedSolver, objective: Any, given: Mapping[str, Any]) -> TaskResult:
        return attempt(lambda: solve_in_slices(prepared, objective, given, self._throughput))

    def abandon(self, futures: Iterable[Future[TaskResult]], token: CancelToken) -> None:
        """Tasks end after the slice they are at, native calls that can be stopped before that."""
        stop_until(token, [future for future in futures if not future.cancel()], _PATIENCE)

    def lost(self) -> str:
        return ""

    def close(self) -> None:
        self._prepared.close()


class Remote:
    """Other processes, on this machine or elsewhere, which rebuild solvers from recipes.

    Args:
        executor: runs tasks.
        recipe: what they rebuild.
        seconds: what a row may take, where that can be enforced. A chunk may take as long; then its rows are sent one
            by one.
    """

    def __init__(self, executor: Executor, recipe: Recipe, seconds: float | None) -> None:
        self._executor = executor
        self._recipe = recipe
        self._seconds = seconds
        self._sent = False
        self.least = 2e-3 if isinstance(executor, Processes) else 2e-2
        self.most = seconds / 4 if seconds is not None and ends_rows(executor) else None
        workers = _workers_of(executor)
        self._watch = None if workers is None else Watch(workers)

    def submit(
        self, objective: Any, given: Mapping[str, Any], token: CancelToken, *, recipe: bool = False
    ) -> Future[TaskResult]:
        del token  # it does not travel
        small = len(self._recipe.content) <= _SMALL
        content = self._recipe.content if small or recipe or not self._sent else None
        self._sent = True
        timed = self._seconds is not None and ends_rows(self._executor)
        task = Task(self._recipe.digest, content, objective, given, timed)
        if isinstance(self._executor, Processes):
            return self._executor.submit_within(self._seconds, run_task, task, getting_ready=GETTING_READY)
        if self._watch is not None:
            return self._executor.submit(run_task_apart, task, self._seconds)
        return self._executor.submit(run_task, task)

    def abandon(self, futures: Iterable[Future[TaskResult]], token: CancelToken) -> None:
        del token
        if isinstance(self._executor, (Processes, RayExecutor)):
            self._executor.abandon(futures)
        else:
            for future in futures:
                future.cancel()

    def lost(self) -> str:
        return "" if self._watch is None else self._watch.lost()

    def close(self) -> None:
        """Workers keep a bounded number of prepared solvers and close the oldest themselves."""
