"""Many workers: serial over parallel, what "auto" and Dask cost, the share of rows that need no solve

Compared are the best of many rounds each, in turns: two workers need two free cores. Results are compared bit by bit
before any time is counted.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from rich.table import Table

import imle
from benchmarks.harness import Claim, race
from imle.datasets import shortest_path
from imle.execution import Parallel
from imle.solvers import PreparedSolver, Solver
from imle_highs import problems
from imle_highs.ilp import HighsILPSolver

Floats = NDArray[np.float64]
ROUNDS = 15
CHEAP = 1e-5, 1e-4, 1e-3
"""Seconds per row of the solvers that "auto" is tried on."""


def busy(seconds: float) -> Callable[[Floats], Floats]:
    """The largest entry of each row, by pure Python that takes so long."""

    def largest(scores: Floats) -> Floats:
        found = np.zeros_like(scores)
        for n, row in enumerate(scores):
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                pass
            found[n].flat[row.argmax()] = 1
        return found

    return largest


def best(candidates: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """The least seconds of each candidate."""
    times = [race(candidates, rounds=1, warmups=0) for _ in range(rounds)]
    return {name: min(turn[name] for turn in times) for name in candidates}


def versus(name: str, serial: PreparedSolver, parallel: PreparedSolver, objective: Floats, **claim: float) -> Claim:
    """Two workers over one."""
    expected = serial.solve(objective).solutions
    for _ in range(3):  # workers start, chunks find their size
        np.testing.assert_array_equal(parallel.solve(objective).solutions, expected)
    times = best({"one": lambda: serial.solve(objective), "two": lambda: parallel.solve(objective)})
    return Claim(name, times["two"], times["one"], note=f"{len(objective)} rows", target=claim["target"])


def auto(seconds: float) -> Claim:
    """executor="auto" over none, once it has made up its mind."""
    function = busy(seconds)
    theta = torch.randn(32, 20)
    layers = {
        name: imle.layer(function, array="numpy", executor=executor, nb_samples=10, noise="gumbel")
        for name, executor in (("serial", None), ("auto", "auto"))
    }
    start = time.perf_counter()
    while time.perf_counter() - start < 2.0:
        layers["auto"](theta)
    times = best({name: lambda layer=layer: layer(theta) for name, layer in layers.items()}, 41)  # type: ignore[misc]
    return Claim(
        f'executor="auto", {seconds * 1e3:g} ms a row', times["auto"], times["serial"], target=1.05, at_most=True
    )


@contextmanager
def dask(workers: int = 2) -> Iterator[Executor]:
    """Dask workers of one thread each."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0", silence_logs=50) as cluster,
        Client(cluster) as client,
        client.get_executor() as executor,
    ):
        yield executor


def over_dask() -> Claim:
    """320 solves of 10 ms on two local Dask workers, over half the serial time."""
    from imle.solvers.function import FunctionSolver

    solver: Solver = FunctionSolver(busy(1e-2), array="numpy")
    objective = np.random.default_rng(0).normal(size=(320, 20))
    expected = solver.prepare().solve(objective).solutions
    with dask() as executor:
        prepared = Parallel(solver, executor).prepare()
        for _ in range(2):
            np.testing.assert_array_equal(prepared.solve(objective).solutions, expected)
        times = best({"dask": lambda: prepared.solve(objective)}, 5)
    return Claim("Dask, 10 ms a row", times["dask"], 320 * 1e-2 / 2, target=1.1, at_most=True, note="320 rows, ideal")


def own_work() -> Claim:
    """A step of 32 x 10 x 144 but for its solves: I-MLE on 12x12 grids with Gumbel noise, the solver's time off."""
    layer = imle.layer("grid-shortest-path", nb_samples=10, temperature=0.01)
    costs = torch.rand(32, 12, 12).add(5.0).requires_grad_()
    dy = torch.randn(32, 12, 12)

    def step() -> float:
        layer.stats.reset()
        costs.grad = None
        start = time.perf_counter()
        layer(costs).backward(dy)
        return time.perf_counter() - start - layer.stats.seconds["solve"]

    for _ in range(20):
        step()
    gc.collect()
    return Claim("the layer's own work, 32x10x144", min(step() for _ in range(200)), 1e-3, target=1.0, at_most=True)


def skipped() -> Table:
    """The share of rows that a real training run need not solve."""
    table = Table("training run", "rows asked for", "solved", "why the others were not", title="Rows not solved")
    for name, options in {
        "blackbox, 5x5 paths": {"estimator": "blackbox"},
        "blackbox, cache=10,000": {"estimator": "blackbox", "cache": 10_000},
        "blackbox, pool=0.1": {"estimator": "blackbox", "pool": 0.1},
        "I-MLE, 10 samples": {"nb_samples": 10, "temperature": 0.1},
    }.items():
        layer = train(**options)
        events = layer.stats.events
        reasons = {key: events[key] for key in ("unchanged_rows", "cache_hits", "duplicate_rows", "pooled_rows")}
        asked = layer.stats.solves + events["unchanged_rows"]
        saved = sum(reasons.values())
        why = ", ".join(f"{key.replace('_', ' ')} {count / asked:.1%}" for key, count in reasons.items() if count)
        table.add_row(name, f"{asked:,}", f"{1 - saved / asked:.1%}", why or "none")
    return table


def train(epochs: int = 20, **options: object) -> imle.SolverLayer:
    """A linear model of the 5x5 shortest paths, learning from optimal paths."""
    torch.manual_seed(0)
    data = shortest_path(200, seed=0)
    ends = {"source": 0, "target": 24}
    layer = imle.layer("networkx-shortest-path", edges=data.edges, **ends, **options)  # type: ignore[arg-type]
    model = torch.nn.Linear(data.features.shape[1], data.costs.shape[1])
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    optimal = layer.eval()(data.costs)
    layer.train()
    layer.stats.reset()
    for _ in range(epochs):
        for rows in torch.randperm(len(optimal)).split(32):
            costs = torch.nn.functional.softplus(model(data.features[rows]))
            loss = (layer(costs) - optimal[rows]).square().sum(dim=1).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return layer


def soak(minutes: float = 5.0) -> Table:
    """Batches without end, on threads and processes: memory and file descriptors before and after."""
    table = Table("after", "batches", "memory", "file descriptors", title=f"Soak, {minutes:g} minutes")
    layers = [
        imle.layer(busy(1e-5), array="numpy", executor=2, nb_samples=4),
        imle.layer("grid-shortest-path", executor=2, nb_samples=4, cache=1000, noise="multiplicative"),
    ]
    begin = time.monotonic()
    batches = 0
    for tenth in range(1, 11):
        while time.monotonic() - begin < tenth * minutes * 6:
            for layer in layers:
                layer(torch.rand(16, 8, 8) + 0.1)
            batches += len(layers)
        table.add_row(f"{tenth * 10} %", f"{batches:,}", f"{memory() / 1e6:.1f} MB", str(descriptors()))
    return table


def memory() -> int:
    """Resident memory of this process, in bytes."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def tables() -> list[Table]:
    return [skipped(), soak(float(os.environ.get("IMLE_SOAK_MINUTES", "5")))]


def claims() -> list[Claim]:
    rng = np.random.default_rng(0)
    sizes = rng.integers(300, 800, size=(3, 32)) / 100
    knapsack = problems.knapsack(sizes, [20.0] * 3)
    function: Solver = imle.layer(busy(1e-3), array="numpy").solver
    return [
        versus(
            "two threads, highs-ilp",
            HighsILPSolver(sense="max").prepare(**knapsack),
            Parallel(HighsILPSolver(sense="max"), 2, threads=True, thread_safe=True).prepare(**knapsack),
            rng.uniform(0.5, 1.5, (96, 32)),
            target=1.7,
        ),
        versus(
            "two processes, 1 ms of Python",
            function.prepare(),
            Parallel(function, 2).prepare(),
            rng.normal(size=(320, 20)),
            target=1.6,
        ),
        *(auto(seconds) for seconds in CHEAP),
        over_dask(),
        own_work(),
    ]
