"""What a worker does with some rows: take or rebuild a prepared solver, solve, say how it went."""

from __future__ import annotations

import pickle
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from imle.errors import ImleError, SolverUnavailableError
from imle.execution import pools
from imle.execution.processes import WorkerDiedError
from imle.execution.worker import begun
from imle.solvers.combinators.wrapping import solve_checked
from imle.solvers.forks import renew_in_children
from imle.solvers.interruptible import SIGNAL_POLL
from imle.solvers.protocol import PreparedSolver
from imle.solvers.result import SolveResult

CAPACITY = 64
"""Prepared solvers a worker process keeps for reuse; the least recently used is closed first."""

GETTING_READY = 60.0
"""Seconds a worker process with a time limit has to import and rebuild a solver."""

_inside = threading.local()


def inside_worker() -> bool:
    """Whether this thread solves rows for somebody else: what it calls must not wait for the same workers."""
    return getattr(_inside, "depth", 0) > 0


@dataclass(frozen=True)
class Task:
    """Some rows, and what to solve them with.

    Attributes:
        digest: names the recipe.
        recipe: a pickled (solver, instance); None where the worker should know it by its digest.
        objective: `[n, *shape]`.
        given: keyword arguments of `solve`.
        timed: whether the parent waits to hear that the solve begins.
        name: no two tasks are the same; Dask would take the fate of the first one for that of the second.
    """

    digest: str
    recipe: bytes | None
    objective: Any
    given: Mapping[str, Any]
    timed: bool = False
    name: str = field(default_factory=lambda: uuid4().hex)


@dataclass(frozen=True)
class TaskResult:
    """How a task ended: with a result, an error to raise, an exception of the solver, or because the recipe is missing.

    Attributes:
        result: what the solver returned.
        error: an error of imle, to be raised.
        message: type and text of any other exception.
        trace: its traceback.
        seconds: wall time in the solver.
        missing: the worker does not know the recipe.
        death: the process of the worker that had the rows died.
    """

    result: SolveResult | None = None
    error: ImleError | None = None
    message: str = ""
    trace: str = ""
    seconds: float = 0.0
    missing: bool = False
    death: WorkerDiedError | None = None


class PreparedPool:
    """Prepared solvers that are not in use. One is used by one thread at a time.

    Args:
        capacity: the most that are kept.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._free: OrderedDict[str, list[PreparedSolver]] = OrderedDict()
        self._closed = False
        self.renew()
        renew_in_children(self)

    def renew(self) -> None:
        self._lock = threading.Lock()

    @contextmanager
    def acquire(self, key: str, build: Callable[[], PreparedSolver]) -> Iterator[PreparedSolver]:
        """A prepared solver of this key, made if none is free."""
        with self._lock:
            free = self._free.get(key)
            prepared = free.pop() if free else None
        if prepared is None:
            prepared = build()
        try:
            yield prepared
        finally:
            self._give_back(key, prepared)

    def close(self) -> None:
        """Close all; those in use when they are given back."""
        with self._lock:
            self._closed = True
            unwanted = [prepared for free in self._free.values() for prepared in free]
            self._free.clear()
        for prepared in unwanted:
            prepared.close()

    def _give_back(self, key: str, prepared: PreparedSolver) -> None:
        unwanted = [prepared]
        with self._lock:
            if not self._closed:
                self._free.setdefault(key, []).append(prepared)
                self._free.move_to_end(key)
                unwanted = []
                while sum(map(len, self._free.values())) > self._capacity:
                    oldest = next(iter(self._free))
                    unwanted += self._free[oldest][:1]
                    del self._free[oldest][:1]
                    if not self._free[oldest]:
                        del self._free[oldest]
        for one in unwanted:
            one.close()


_prepared = PreparedPool(CAPACITY)


class _UnknownRecipeError(Exception):
    """No prepared solver of this digest is free, and no recipe came with the task."""


def run_task(task: Task) -> TaskResult:
    """Solve the rows of a task in this process; the solver is rebuilt from its recipe unless it is still there."""

    def build() -> PreparedSolver:
        if task.recipe is None:
            raise _UnknownRecipeError
        try:
            solver, instance = pickle.loads(task.recipe)
            prepared: PreparedSolver = solver.prepare(**instance)
        except ImleError:
            raise
        except Exception as error:  # whatever imports and third-party solvers raise
            raise SolverUnavailableError(
                f"a worker cannot rebuild the solver: {type(error).__name__}: {error}",
                hint="the same packages must be installed where workers run",
            ) from error
        return prepared

    try:
        with _prepared.acquire(task.digest, build) as prepared:
            if task.timed:
                begun()
            return attempt(lambda: solve_checked(prepared, task.objective, task.given))
    except _UnknownRecipeError:
        return TaskResult(missing=True)
    except ImleError as error:
        return TaskResult(error=error)


def run_task_apart(task: Task, seconds: float | None) -> TaskResult:
    """Solve the rows of a task in a child of this process, where they can take nothing with them but the child.

    Args:
        task: the rows.
        seconds: what they may take.
    """
    children = pools.processes(pools.cores())
    future = children.submit_within(seconds, run_task, task, getting_ready=GETTING_READY)
    try:
        while not future.done():  # Ray interrupts tasks that are given up, which is heard between two waits
            futures.wait([future], SIGNAL_POLL)
        outcome: TaskResult = future.result()
    except WorkerDiedError as error:
        return TaskResult(death=error)
    except BaseException:
        children.abandon([future])
        raise
    return outcome


def attempt(solve: Callable[[], SolveResult]) -> TaskResult:
    """Solve rows; exceptions become part of the outcome."""
    start = time.perf_counter()
    _inside.depth = getattr(_inside, "depth", 0) + 1
    try:
        return TaskResult(solve(), seconds=time.perf_counter() - start)
    except ImleError as error:
        return TaskResult(error=error)
    except Exception as error:  # a third-party solver may raise anything; the rows are told apart by the caller
        return TaskResult(message=f"{type(error).__name__}: {error}", trace=traceback.format_exc())
    finally:
        _inside.depth -= 1
