"""Rows of a batch on many workers: threads, processes, or any `concurrent.futures.Executor`. Free of torch."""

from __future__ import annotations

import copy
import dataclasses
import math
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

from imle._checks import is_positive_int
from imle.errors import OptionError
from imle.execution import pools
from imle.execution.chunk_solvers import ChunkSolver, Remote, Threads
from imle.execution.fleet import Fleet
from imle.execution.processes import Processes, WorkerDiedError, WorkerTimeoutError
from imle.execution.recipe import Recipe, recipe
from imle.execution.scheduler import Scheduler
from imle.execution.throughput import Throughput
from imle.execution.work import inside_worker
from imle.solvers.combinators.wrapping import PreparedWrapper, Wrapper, solve_checked
from imle.solvers.forks import renew_in_children
from imle.solvers.protocol import PreparedSolver, Solver
from imle.solvers.result import SolveResult
from imle.solvers.rows import join

__all__ = ["Parallel", "Processes", "WorkerDiedError", "WorkerTimeoutError"]

_START_AFTER = 1.0
"""Seconds of serial solving after which executor="auto" starts worker processes: cheap solvers never cause any."""


@dataclass(frozen=True)
class Parallel(Wrapper):
    """Solves chunks of a batch at the same time. Results are those of the solver alone, bit by bit.

    Rows whose worker dies, or whose solver raises something else than an imle error, are solved again, by ever fewer
    at a time; only the rows to blame end with status `error` (`timeout` for those that took longer than `timeout`).
    The counters `parallel_rows`, `worker_deaths`, `repeated_rows` and `lost_executors` say what happened.

    Args:
        solver: does the work. In other processes it is rebuilt, from its pickled options and instance.
        executor: how many workers of this machine; "auto" for as many as there are cores, and only where they were
            measured to be faster than none; or any `concurrent.futures.Executor`.
        threads: an int or "auto" means threads, for backends that release the GIL; else processes.
        thread_safe: threads may share one prepared solver; else each has one of its own.
        timeout: seconds a row may take in a process of imle, on this machine or on a worker of Dask or Ray, before it
            is given up and the process replaced; None for no limit. Rows of threads and other executors it does not
            bound.

    Raises:
        OptionError: not a solver, not an executor, or a solver for torch tensors with processes.
    """

    solver: Solver
    executor: int | Literal["auto"] | Executor = "auto"
    threads: bool = False
    thread_safe: bool = False
    timeout: float | None = None
    throughput: Throughput = field(default_factory=Throughput, init=False, compare=False, repr=False)
    fleet: Fleet = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        given = self.executor if isinstance(self.executor, Executor) else None
        object.__setattr__(self, "fleet", Fleet(given))
        if given is not None:
            object.__setattr__(self, "threads", isinstance(given, ThreadPoolExecutor))
        elif self.executor != "auto" and not is_positive_int(self.executor):
            raise OptionError(
                f"executor: expected an int >= 1, 'auto' or a concurrent.futures.Executor, found {self.executor!r}"
            )
        if self.timeout is not None and not _is_seconds(self.timeout):
            raise OptionError(f"timeout: expected seconds > 0 or None, found {self.timeout!r}")
        if self.solver.array == "torch" and not self.threads and self.executor != "auto":
            raise OptionError(
                f"executor: {type(self.solver).__name__} takes torch tensors, which stay in this process",
                hint="leave executor= out; for a function, array='numpy' lets worker processes call it",
            )

    @property
    def workers(self) -> int:
        """How many tasks are solved at the same time; of a third-party executor, as many as it seems to have."""
        if isinstance(self.executor, int):
            return self.executor
        if isinstance(self.executor, Executor):
            known = getattr(self.executor, "workers", getattr(self.executor, "_max_workers", None))
            return known if isinstance(known, int) and known > 0 else pools.cores()
        return pools.cores()

    def prepare(self, **instance: Any) -> PreparedParallel:
        """Bind the solver inside to an `instance`, which is read now, for the workers too.

        Raises:
            OptionError: workers are processes, and the solver or its instance cannot be pickled.
        """
        return PreparedParallel(self.solver.prepare(**instance), self, self._engines(instance))

    def _engines(self, instance: Mapping[str, Any]) -> Engines | None:
        """What makes engines for an instance; None where "auto" finds that there can be none."""
        if self.threads:
            return Engines(self, None if self.thread_safe else copy.deepcopy(dict(instance)), None)
        try:
            return Engines(self, None, recipe(self.solver, instance))
        except OptionError:
            if self.executor == "auto":
                return None
            raise

    def __deepcopy__(self, memo: dict[int, Any]) -> Parallel:
        copied = dataclasses.replace(self, solver=copy.deepcopy(self.solver, memo))
        object.__setattr__(copied, "fleet", self.fleet)  # workers are shared
        return copied

    def __getstate__(self) -> dict[str, Any]:
        if isinstance(self.executor, Executor):
            raise OptionError(
                f"executor: a layer with a {type(self.executor).__name__} cannot be pickled",
                hint="save its state_dict, or build it with an int or 'auto'",
            )
        return self.__dict__


@dataclass(frozen=True)
class Engines:
    """Makes the engines of one instance.

    Attributes:
        options: the combinator.
        instance: a copy of the instance, for threads that do not share a prepared solver.
        recipe: likewise for processes.
    """

    options: Parallel
    instance: Mapping[str, Any] | None
    recipe: Recipe | None

    def make(self, inner: PreparedSolver, given: Executor | None) -> ChunkSolver:
        """An engine on an executor that was given, or on imle's own workers."""
        options = self.options
        if self.recipe is not None:
            return Remote(given or pools.processes(options.workers), self.recipe, options.timeout)
        build = None if self.instance is None else lambda: options.solver.prepare(**self.instance or {})
        return Threads(given or pools.threads(options.workers), build, inner, options.workers)


class PreparedParallel(PreparedWrapper):
    """A prepared solver whose rows go to workers.

    Args:
        inner: the prepared solver inside, which solves what stays here.
        options: the combinator.
        engines: makes what solves the rest; None if everything stays.
    """

    def __init__(self, inner: PreparedSolver, options: Parallel, engines: Engines | None) -> None:
        super().__init__(inner)
        self._options = options
        self._engines = engines
        self.renew()
        renew_in_children(self)

    def renew(self) -> None:
        """Forget an engine whose threads a forked child has not got."""
        self._lock = threading.Lock()
        self._engine: ChunkSolver | None = None
        self._works_on: Executor | None = None

    def solve(self, objective: Any, **given: Any) -> SolveResult:
        """Solve `[N, *shape]` objectives.

        Raises:
            ImleError: what the solver inside raises, with the row of this batch.
        """
        engines, auto = self._engines, self._options.executor == "auto"
        if engines is None or inside_worker() or not len(objective) or (auto and not self._pays(len(objective))):
            return self._here(objective, given)
        return self._there(engines, objective, given)

    def close(self) -> None:
        """Close the solver inside, and those of the threads."""
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()
        super().close()

    def _here(self, objective: Any, given: Mapping[str, Any]) -> SolveResult:
        start = time.perf_counter()
        result = solve_checked(self.inner, objective, given)
        seconds = time.perf_counter() - start
        if len(objective):
            self._options.throughput.solved(len(objective), seconds)
            self._options.throughput.waited("serial", len(objective), seconds)
        return result

    def _there(self, engines: Engines, objective: Any, given: Mapping[str, Any]) -> SolveResult:
        start = time.perf_counter()
        throughput, workers = self._options.throughput, self._options.workers
        engine = self._engine_now(engines)

        def fallback() -> ChunkSolver:
            """Workers of imle in place of an executor that is lost, from now on."""
            self._options.fleet.executor = None
            return self._engine_now(engines)

        batch = Scheduler(engine, fallback if self._works_on else None, objective, given, throughput, workers)
        result = join(batch.solve(throughput.chunks(len(objective), workers, engine.least, engine.most)), objective)
        seconds = time.perf_counter() - start
        throughput.waited("parallel", len(objective), seconds)
        wait = max(0.0, seconds - batch.seconds / workers)
        return dataclasses.replace(
            result,
            counters={**result.counters, **batch.counters, "parallel_rows": len(objective)},
            seconds={**result.seconds, "wait": result.seconds.get("wait", 0.0) + wait},
        )

    def _engine_now(self, engines: Engines) -> ChunkSolver:
        """The engine, on what is left of the fleet."""
        with self._lock:
            executor = self._options.fleet.executor
            if self._engine is None or self._works_on is not executor:
                self._engine, self._works_on = engines.make(self.inner, executor), executor
            return self._engine

    def _pays(self, rows: int) -> bool:
        """Whether "auto" sends these rows to workers: measured, not believed."""
        own = self._options
        if own.workers < 2 or (own.solver.array == "torch" and not own.threads):
            return False
        if not own.throughput.worth_splitting(rows, Threads.least if own.threads else 2e-3):
            return False
        if not own.threads:
            if own.throughput.serial_seconds < _START_AFTER:
                return False
            pool = pools.processes(own.workers)
            if not pool.ready:
                pool.start()
                return False
        return own.throughput.better() == "parallel"


def _is_seconds(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf


def workers_of(solver: Solver) -> int:
    """How many instances of a solver may be solved at the same time: those of the `Parallel` inside, else 1."""
    inside: Any = solver
    while isinstance(inside, Wrapper):
        if isinstance(inside, Parallel):
            return inside.workers if inside.executor != "auto" or inside.threads else 1
        if not inside.concurrent:
            return 1
        inside = inside.solver
    return 1
