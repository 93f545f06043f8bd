"""Predict, then optimise: costs or scores of rows are predicted, and what a solver makes of them is judged."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

import imle
from benchmarks.defaults.listing import Listing
from benchmarks.defaults.problem import Problem, Sizes
from benchmarks.defaults.scripts import sudoku_boards, terrain_maps, visual_sudoku
from benchmarks.energy.problems import FOLDER, per_slot
from imle import datasets, metrics

OPTIMAL = 1e-4
"""Paths whose totals differ by a smaller share of the best are equally cheap, rounding aside."""


@dataclass(frozen=True, kw_only=True)
class Decisions(Problem):
    """Decisions that are judged by the best ones, or by what they cost.

    Attributes:
        inputs: `[rows, ...]` what the network sees.
        network: makes one, from inputs to objectives.
        loss: of a sample: entries that differ from the best solution, or regret in units of the mean best value.
        score: on unseen rows: the regret, or the share of decisions that are optimal (right, without a truth), in %.
        counted: `[rows, *event]` 0 where the network has no say; None if it has one everywhere.
    """

    inputs: Tensor
    solutions: Tensor
    network: Callable[[], nn.Module]
    loss: Literal["distance", "regret"] = "distance"
    score: Literal["regret", "optimal"] = "regret"
    counted: Tensor | None = None

    @functools.cached_property
    def decide(self) -> imle.SolverLayer:
        """The solver without noise."""
        return self.layer(noise=None)

    @functools.cached_property
    def unit(self) -> float:
        """The mean best value of rows that are trained with."""
        assert self.truth is not None
        best = (self.truth * self.solutions)[: self.sizes.train].flatten(1).sum(dim=1)
        return float(best.abs().mean())

    def model(self) -> nn.Module:
        return self.network()

    def objective(self, model: nn.Module, rows: Tensor | slice) -> Tensor:
        found = model(self.inputs[rows])
        found = found.reshape(len(found), *self.solutions.shape[1:])
        return found if self.counted is None else found * self.counted[rows]

    def losses(self, model: nn.Module, z: Tensor, rows: Tensor) -> Tensor:
        best = self.solutions[rows].unsqueeze(1)
        if self.loss == "distance":
            return (z * (1 - best) + (1 - z) * best).flatten(2).sum(dim=2)
        assert self.truth is not None
        sign = 1 if self.decide.solver.sense == "min" else -1
        return sign * (self.truth[rows].unsqueeze(1) * (z - best)).flatten(2).sum(dim=2) / self.unit

    @torch.no_grad()
    def judge(self, model: nn.Module, rows: slice) -> float:
        model.eval()
        found, best = self.decide(self.objective(model, rows)), self.solutions[rows]
        if self.truth is None:
            return 100 * float((found == best).flatten(1).all(dim=1).float().mean())
        about: Any = {"sense": self.decide.solver.sense, "event_ndim": best.ndim - 1}
        if self.score == "regret":
            return 100 * float(metrics.normalised_regret(self.truth[rows], found, best, **about))
        lost = metrics.regret(self.truth[rows], found, best, **about)
        return 100 * float((lost < OPTIMAL * (self.truth[rows] * best).flatten(1).sum(dim=1).abs()).float().mean())

    def choose(self, model: nn.Module, rows: slice) -> float:
        found = self.judge(model, rows)
        return found if self.score == "regret" else -found


def _linear(
    layer: Callable[..., imle.SolverLayer], sizes: Sizes, features: Tensor, truth: Tensor, **options: Any
) -> Decisions:
    """Objectives that a linear model predicts."""
    return Decisions(
        layer=layer,
        sizes=sizes,
        inputs=features,
        solutions=layer(noise=None)(truth),
        truth=truth,
        network=functools.partial(nn.Linear, features.shape[1], math.prod(truth.shape[1:])),
        **options,
    )


def paths(seed: int, sizes: Sizes) -> Problem:
    """Through a 5 x 5 grid to the south and the east."""
    data = datasets.shortest_path(sizes.total, seed=seed)
    layer = functools.partial(imle.layer, "networkx-shortest-path", edges=data.edges, source=0, target=24)
    return _linear(layer, sizes, data.features, data.costs)


def knapsack(seed: int, sizes: Sizes) -> Problem:
    """20 items, two resources of capacity 20."""
    data = datasets.knapsack(sizes.total, items=20, seed=seed)
    layer = functools.partial(imle.layer, "knapsack", weights=data.weights.numpy(), capacity=[20.0, 20.0])
    return _linear(layer, sizes, data.features, data.values, loss="regret")


def electricity(seed: int, sizes: Sizes) -> Problem:
    """48 half hours of a day in a knapsack of 60; one linear function of 8 features says what each is worth."""
    data = datasets.load_energy(FOLDER, seed=seed)
    layer = functools.partial(imle.layer, "knapsack", weights=data.weights.double().numpy(), capacity=[60.0])
    features, values = (torch.cat([getattr(part, name) for part in data[:3]]) for name in ("features", "values"))
    return Decisions(
        layer=layer,
        sizes=sizes,
        inputs=features,
        solutions=layer(noise=None)(values),
        truth=values,
        network=per_slot,
        loss="regret",
    )


def matching(seed: int, sizes: Sizes) -> Problem:
    """7 things with 7 others; a pair costs what an item of a knapsack is worth."""
    data = datasets.knapsack(sizes.total, items=49, seed=seed)
    layer = functools.partial(imle.layer, "assignment")
    return _linear(layer, sizes, data.features, data.values.reshape(-1, 7, 7))


def tours(seed: int, sizes: Sizes) -> Problem:
    """Round trips through 7 cities: there are 360."""
    data = datasets.tsp(sizes.total, nodes=7, seed=seed)
    place = {edge: index for index, edge in enumerate(data.edges)}
    found = set()
    for order in itertools.permutations(range(1, 7)):
        trip = (0, *order, 0)
        found.add(tuple(sorted(place[min(a, b), max(a, b)] for a, b in itertools.pairwise(trip))))
    trips = torch.zeros(len(found), len(data.edges))
    trips.scatter_(1, torch.tensor(sorted(found)), 1.0)
    return _linear(
        functools.partial(imle.layer, Listing(trips, "min")), sizes, data.features, data.costs, loss="regret"
    )


def terrain(seed: int, sizes: Sizes) -> Problem:
    """The paths of `examples/terrain.py` through maps of 12 x 12 tiles."""
    data = datasets.terrain(sizes.total, seed=seed)
    layer = functools.partial(imle.layer, terrain_maps.SOLVER)
    return Decisions(
        layer=layer,
        sizes=sizes,
        inputs=data.images,
        solutions=layer(noise=None)(data.costs),
        truth=data.costs,
        network=functools.partial(terrain_maps.Network, data.images.shape[-1] // data.costs.shape[-1]),
        score="optimal",
    )


def sudoku(seed: int, sizes: Sizes) -> Problem:
    """The 4 x 4 puzzles of `examples/visual_sudoku.py`, learned from completed boards, of which there are 288."""
    boards = np.stack(list(sudoku_boards.completions(np.zeros((4, 4), np.int64), box=2)))
    seen = visual_sudoku.make_puzzles(visual_sudoku.SMALL, sizes.train + sizes.validation, seed, test=False)
    unseen = visual_sudoku.make_puzzles(visual_sudoku.SMALL, sizes.test, seed, test=True)
    pictures, given, solutions = (
        torch.cat([getattr(seen, name), getattr(unseen, name)]) for name in ("pictures", "given", "boards")
    )
    listing = Listing(nn.functional.one_hot(torch.from_numpy(boards) - 1, 4).float(), "max")
    return Decisions(
        layer=functools.partial(imle.layer, listing),
        sizes=sizes,
        inputs=pictures,
        solutions=solutions,
        network=functools.partial(visual_sudoku.make_network, 4),
        score="optimal",
        counted=given.unsqueeze(-1),
        batch=8,
    )
