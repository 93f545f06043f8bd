"""What is decided: knapsacks and schedules of real electricity prices, and paths whose costs are made."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

import imle
from benchmarks.energy.scheduling import ScheduleSolver
from benchmarks.results import FOLDER as BENCHMARKS
from imle import datasets

FOLDER = Path(os.environ.get("IMLE_ENERGY_DATA") or BENCHMARKS.parents[1] / "shared" / "data" / "energy")
"""Where the electricity prices are, which the repository does not contain."""

CAPACITIES = (60, 120, 180)
SCHEDULES = (1, 2, 3)
DEGREES = (1, 2, 4, 6, 8)


@dataclass(frozen=True)
class Part:
    """Rows to predict objectives of.

    Attributes:
        features: `[N, ...]`.
        objectives: `[N, n]`.
        best: `[N, n]`, exact solutions.
    """

    features: Tensor
    objectives: Tensor
    best: Tensor


@dataclass(frozen=True)
class Problem:
    """One seed's data of a problem, and how it is trained on.

    Attributes:
        solver: makes a layer with these options.
        model: makes an untrained model; seeded by the caller.
        batch: rows per step.
        epochs: passes over the training rows, at most.
    """

    solver: Callable[..., imle.SolverLayer]
    model: Callable[[], nn.Module]
    train: Part
    validation: Part
    test: Part
    batch: int
    epochs: int


def per_slot() -> nn.Module:
    """One linear function for all half hours. `[B, 48, 8]` to `[B, 48]`."""
    return nn.Sequential(nn.Linear(datasets.energy.FEATURES, 1), nn.Flatten(1))


def per_edge() -> nn.Module:
    """A linear function for each edge of a 5x5 grid. `[B, 5]` to `[B, 40]`."""
    return nn.Linear(5, 40)


def knapsack(capacity: int, seed: int) -> Problem:
    """An item for every half hour: which are worth most, within the capacity?"""
    data = datasets.load_energy(FOLDER, seed=seed)
    solver = partial(imle.layer, "knapsack", weights=data.weights.double().numpy(), capacity=[float(capacity)])
    parts = [(part.features, part.values) for part in data[:3]]
    return _problem(solver, per_slot, parts, batch=128, epochs=35)


def schedule(number: int, seed: int) -> Problem:
    """Jobs on machines: when does each run, at the least cost?"""
    solver = partial(imle.layer, ScheduleSolver(), data=datasets.load_schedule(FOLDER, number))
    parts = [(part.features, part.prices) for part in datasets.load_energy(FOLDER, seed=seed)[:3]]
    return _problem(solver, per_slot, parts, batch=64, epochs=20)


def paths(degree: int, seed: int, rows: tuple[int, int, int] = (1000, 250, 1000)) -> Problem:
    """The cheapest way from corner to corner of a 5x5 grid, whose costs are a polynomial of features."""
    data = datasets.shortest_path(sum(rows), degree=degree, seed=seed)
    solver = partial(imle.layer, "networkx-shortest-path", edges=data.edges, source=0, target=24)
    parts = list(zip(data.features.split(rows), data.costs.split(rows), strict=True))
    return _problem(solver, per_edge, parts, batch=128, epochs=30)


PROBLEMS: dict[str, Callable[[int], Problem]] = {
    **{f"knapsack {capacity}": partial(knapsack, capacity) for capacity in CAPACITIES},
    **{f"schedule {number}": partial(schedule, number) for number in SCHEDULES},
    **{f"paths, degree {degree}": partial(paths, degree) for degree in DEGREES},
}
"""By name, given a seed."""


def unavailable(name: str) -> str | None:
    """Why a problem cannot be had here; None if it can."""
    if name.startswith("paths") or (FOLDER / "prices.npz").is_file():
        return None
    return f"skipped: {name}: no electricity prices in {FOLDER.name}; IMLE_ENERGY_DATA names their folder"


def _problem(
    solver: Callable[..., imle.SolverLayer],
    model: Callable[[], nn.Module],
    parts: list[tuple[Tensor, Tensor]],
    **training: Any,
) -> Problem:
    decide = solver(noise=None).eval()
    return Problem(solver, model, *(Part(x, objectives, decide(objectives)) for x, objectives in parts), **training)
