"""What everybody is given: the same data, model, estimator, step, noise, batch and number of samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from imle import datasets

LAMBDA, TERMS = 10.0, 10
"""I-MLE's step, absolute, and the terms of its sum-of-gamma noise (temperature 1): PyEPO's defaults."""


@dataclass(frozen=True)
class Paths:
    """The cheapest way from corner to corner of a grid, east or south at every cell; a cost per edge."""

    side: int
    edges: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Knapsack:
    """The most valuable items within capacities. weights `[resources, items]`."""

    weights: Tensor
    capacity: tuple[float, ...]


@dataclass(frozen=True)
class Tiles:
    """The cheapest way from corner to corner of a map, to any of 8 neighbours; a cost per cell, never negative."""

    side: int


@dataclass(frozen=True)
class Workload:
    """A model predicts an objective from features, a solver decides, what counts is the objective of the decision.

    Attributes:
        name: as shown.
        problem: the feasible set.
        sense: of the objective.
        features: `[N, ...]`.
        objectives: `[N, *event]`, the true ones.
        model: makes an untrained model; seeded by the caller.
        batch: rows per training step.
        samples: noise draws per row.
        kappa: of the noise.
        train: rows to learn from; the others are for testing.
        steps: how long the short training is.
        rate: Adam's learning rate.
        tolerance: relative difference of objective values up to which two answers are the same.
    """

    name: str
    problem: Paths | Knapsack | Tiles
    sense: Literal["min", "max"]
    features: Tensor
    objectives: Tensor
    model: Callable[[], nn.Module]
    batch: int = 32
    samples: int = 10
    kappa: float = 5.0
    train: int = 1000
    steps: int = 60
    rate: float = 0.1
    tolerance: float = 1e-5

    @property
    def allows_negative(self) -> bool:
        """Whether objectives below zero are solved as they are; on tiles everybody takes them for zero."""
        return not isinstance(self.problem, Tiles)

    @property
    def solves(self) -> int:
        """Per training step: one forward and one backward solve of each sample."""
        return 2 * self.batch * self.samples


def paths(side: int = 5, *, rows: int = 1000, batch: int = 32, samples: int = 10) -> Workload:
    """PyEPO's shortest paths."""
    data = datasets.shortest_path(2 * rows, grid=(side, side))
    return Workload(
        f"shortest path {side}x{side}",
        Paths(side, data.edges),
        "min",
        data.features,
        data.costs,
        lambda: nn.Linear(data.features.shape[1], data.costs.shape[1]),
        batch=batch,
        samples=samples,
        train=rows,
    )


def knapsack() -> Workload:
    """PyEPO's knapsack, 32 items and two resources. A small batch: its peers take milliseconds for a solve."""
    data = datasets.knapsack(1500)
    return Workload(
        "knapsack 32x2",
        Knapsack(data.weights, (20.0, 20.0)),
        "max",
        data.features,
        data.values,
        lambda: nn.Linear(data.features.shape[1], data.values.shape[1]),
        batch=16,
        samples=4,
        rate=1.0,
        tolerance=2e-4,  # SCIP and HiGHS, as PyEPO calls them, stop within 1e-4 of the optimum
    )


def tiles(side: int = 12, *, maps: int = 200, batch: int = 32, samples: int = 10) -> Workload:
    """Maps of terrain; a tile's cost is learned from its mean colour."""
    data = datasets.terrain(2 * maps, size=side)
    colours = nn.functional.avg_pool2d(data.images, data.images.shape[-1] // side)
    return Workload(
        f"8-neighbour grid {side}x{side}",
        Tiles(side),
        "min",
        colours.movedim(1, 3).contiguous(),
        data.costs,
        tile_model,
        batch=batch,
        samples=samples,
        kappa=15.0,
        train=maps,
        rate=0.01,
    )


def tile_model() -> nn.Module:
    """From colours `[B, side, side, 3]` to positive costs `[B, side, side]`, every tile on its own."""
    return nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 1), nn.Softplus(), nn.Flatten(2))


def seeded(work: Workload, seed: int = 0) -> nn.Module:
    """The model all start from."""
    torch.manual_seed(seed)
    return work.model()
