"""A model of scale: what a task, a byte and a worker cost, and what follows for 10, 100 and 1,000 workers

Costs are CPU seconds: of the parent process, as it sends tasks one after the other (of Dask, its scheduler's are among
them, which runs in a process of its own elsewhere), and of all processes below it, which are workers. Rows sleep, so
that more workers than cores can be measured. Predictions are those of `benchmarks/scale_model.py`, for a batch of
10,000 rows of 100 entries over a link of 10 Gbit/s: speed-ups over the solves alone, one after the other, and what the
batch waits for; in brackets those of the simulation.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import psutil
from rich.table import Table

from benchmarks.harness import Claim, race
from benchmarks.parallel import Floats, dask
from benchmarks.scale_model import Costs, Load, Prediction, predict, simulate
from imle.execution import Parallel, Processes, RayExecutor
from imle.execution.chunk_solvers import Remote
from imle.execution.recipe import recipe
from imle.execution.scheduler import Scheduler
from imle.execution.throughput import Throughput
from imle.solvers.function import FunctionSolver

WORKERS = 10, 100, 1000
ROWS = 1e-4, 1e-3, 1e-2, 1e-1
BATCH = 10_000
ROW_BYTES = 1600.0
"""100 entries of 8 bytes, there and back."""
LINK = 1.25e9
CHECKED = (400, 1e-3), (128, 1e-2)
"""Rows, and seconds of each."""
LARGE = 65_536
"""Entries of a row that shows what a byte costs: 1 MiB there and back."""


class Measured(NamedTuple):
    """One kind of executor.

    Attributes:
        costs: of tasks and bytes.
        start: seconds from its first task to the answer, for a worker that has to start.
        checks: by workers, rows and seconds a row: what was measured, and what the model says.
    """

    costs: Costs
    start: float
    checks: dict[tuple[int, int, float], tuple[float, Prediction]]


def sleeping(seconds: float) -> Callable[[Floats], Floats]:
    """The scores themselves, after so many seconds per row."""

    def solve(scores: Floats) -> Floats:
        if seconds:
            time.sleep(len(scores) * seconds)
        return scores.copy()

    return solve


@contextmanager
def processes(workers: int) -> Iterator[Executor]:
    executor = Processes(workers)
    yield executor
    executor.shutdown()


@contextmanager
def ray(workers: int) -> Iterator[Executor]:
    import ray as library

    os.environ["PYTHONPATH"] = os.pathsep.join(entry for entry in sys.path if entry)  # which Ray's processes inherit
    library.init("local", num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level=50)
    try:
        with RayExecutor() as executor:
            yield executor
    finally:
        library.shutdown()


KINDS: Mapping[str, tuple[Callable[[int], AbstractContextManager[Executor]], tuple[int, ...]]] = {
    "processes": (processes, (1, 2, 8)),
    "Dask": (dask, (1, 2)),
    "Ray": (ray, (1, 2)),
}
"""How each kind of executor is made, and the numbers of workers that are measured."""


class Tasks:
    """Batches whose tasks are given, on their way through everything that a layer's batches go through."""

    def __init__(self, executor: Executor, workers: int) -> None:
        self._engine = Remote(executor, recipe(FunctionSolver(sleeping(0.0), array="numpy"), {}), None)
        self._workers = workers
        self.least = self._engine.least

    def solve(self, objective: Floats, count: int) -> None:
        bounds = [len(objective) * n // count for n in range(count + 1)]
        Scheduler(self._engine, None, objective, {}, Throughput(), self._workers).solve(list(pairwise(bounds)))


def seconds_of_workers() -> float:
    """CPU seconds of all processes below this one that live."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def cpu(call: Callable[[], object], times: int) -> tuple[float, float]:
    """CPU seconds of the parent and of workers in a call: the least of several each, which others disturb least."""
    own, theirs = [], []
    for _ in range(times):
        begun, below = time.process_time(), seconds_of_workers()
        call()
        own.append(time.process_time() - begun)
        theirs.append(seconds_of_workers() - below)
    return min(own), min(theirs)


def costs_of(executor: Executor) -> tuple[Costs, float]:
    """What tasks and bytes cost on two workers, and seconds to the first answer."""
    tasks, size = Tasks(executor, 2), 2.0 * 8 * LARGE
    begun = time.perf_counter()
    tasks.solve(np.zeros((1, 1)), 1)
    start = time.perf_counter() - begun
    few, many = np.zeros((40, LARGE)), np.zeros((400, 1))
    tasks.solve(many, 40)
    task, worker_task = (seconds / 400 for seconds in cpu(lambda: tasks.solve(many, 400), 3))
    large, worker_large = (seconds / 40 for seconds in cpu(lambda: tasks.solve(few, 40), 3))
    byte, worker_byte = max(0.0, large - task) / size, max(0.0, worker_large - worker_task) / size
    return Costs(task, byte, worker_task, worker_byte, tasks.least), start


def check(executor: Executor, costs: Costs, workers: int, rows: int, seconds: float) -> tuple[float, Prediction]:
    """Seconds of a batch, and what the model says for rows that take what workers see them take."""
    parallel = Parallel(FunctionSolver(sleeping(seconds), array="numpy"), executor)
    prepared, objective = parallel.prepare(), np.zeros((rows, 100))
    for _ in range(3):  # chunks find their size
        prepared.solve(objective)
    turns = int(5.0 * workers / (rows * seconds))  # five seconds of them: others disturb some
    found = min(race({"": lambda: prepared.solve(objective)}, rounds=1, warmups=0)[""] for _ in range(turns))
    busy = parallel.throughput.busy
    assert busy is not None
    return found, predict(costs, Load(rows, busy, ROW_BYTES), workers)


@cache
def measured() -> dict[str, Measured]:
    """All kinds of executors."""
    found = {}
    for name, (make, numbers) in KINDS.items():
        with make(2) as executor:
            costs, start = costs_of(executor)
        checks = {}
        for workers in numbers:
            with make(workers) as executor:
                for rows, seconds in CHECKED:
                    checks[workers, rows, seconds] = check(executor, costs, workers, rows, seconds)
        found[name] = Measured(costs, start, checks)
    return found


def tables() -> list[Table]:
    prices = Table(
        *("executor", "a task: parent", "worker", "a MB: parent", "worker", "first answer of a new worker"),
        title="What things cost",
    )
    found = Table(
        *("executor", "a row takes", *(f"{workers:,} workers" for workers in WORKERS)),
        title="Predicted speed-ups",
    )
    for name, kind in measured().items():
        own = kind.costs
        seconds = own.task, own.worker_task, own.byte * 1e6, own.worker_byte * 1e6
        prices.add_row(name, *(f"{value * 1e3:.2f} ms" for value in seconds), f"{kind.start:.1f} s")
        for row in ROWS:
            cells = (cell(own, Load(BATCH, row, ROW_BYTES), workers) for workers in WORKERS)
            found.add_row(name, f"{row * 1e3:g} ms", *cells)
    return [prices, found]


def cell(costs: Costs, load: Load, workers: int) -> str:
    """A speed-up, that of the simulation, and what the batch waits for."""
    alone = load.rows * load.seconds
    told = predict(costs, load, workers, LINK)
    return f"{alone / told.seconds:,.3g}x ({alone / simulate(costs, load, workers, LINK):,.3g}x) {told.limit}"


def claims() -> list[Claim]:
    return [
        Claim(
            f"{name}, {workers} worker{'s' * (workers > 1)}, {seconds * 1e3:g} ms a row",
            found,
            told.seconds,
            target=1.3,
            at_most=True,
            note=f"{rows} rows, the model",
        )
        for name, kind in measured().items()
        for (workers, rows, seconds), (found, told) in kind.checks.items()
    ]
