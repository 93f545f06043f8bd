"""The map: 16 x 16 cells, three walls, the shortest path from corner to corner, and paths drawn under noise.

It is the example of the original torch-imle (Minervini, Franceschi and Niepert; `annotation-cli.py`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import imle
from imle.errors import SolverUnavailableError, SolverWarning, UnknownSolverError
from imle.layers import SolverLayer
from imle.noise import SumOfGammaNoiseDistribution

SIDE = 16
GROUND, WALL = -1.0, -100.0
WALLS = ((1, 5, 0, 11), (8, 11, 1, 15), (14, 15, 6, 9))
"""First and last row, first and last column, all inclusive."""

SAMPLES = 100
"""S, noise draws per step."""


def true_weights() -> Tensor:
    """theta of the map, to be maximised along a path. `[1, 16, 16]`."""
    weights = torch.full((1, SIDE, SIDE), GROUND)
    for top, bottom, left, right in WALLS:
        weights[0, top : bottom + 1, left : right + 1] = WALL
    return weights


def walls() -> NDArray[np.bool_]:
    """Where the map has walls. `[16, 16]`."""
    found: NDArray[np.bool_] = (true_weights()[0] == WALL).numpy()
    return found


def noise() -> SumOfGammaNoiseDistribution:
    """Sum-of-gamma noise for paths of about 1.3 times the side of the map, as in the original."""
    return SumOfGammaNoiseDistribution(k=SIDE * 1.3, nb_iterations=100)


def path_layer(**options: Any) -> SolverLayer:
    """Shortest paths from the first to the last cell: `[B, 16, 16]` costs to 0/1 masks.

    Raises:
        SolverUnavailableError: imle-networkx is not installed, or does not work.
    """
    try:
        return imle.layer("grid-shortest-path", neighbours=8, **options)
    except UnknownSolverError as error:
        raise SolverUnavailableError(
            "the demo needs the solver 'grid-shortest-path', which is not installed", hint='pip install "imle[demo]"'
        ) from error


def shortest_path(weights: Tensor) -> Tensor:
    """The path of largest weight, without noise. `[B, 16, 16]` theta to 0/1 masks."""
    path: Tensor = path_layer(output="map")(-weights)
    return path


def hamming(paths: Tensor, gold: Tensor) -> Tensor:
    """Cells on which a path and the gold path differ, averaged over paths. `[B, 16, 16]` and `[1, 16, 16]`."""
    return (paths * (1 - gold) + (1 - paths) * gold).sum(dim=(1, 2)).mean()


@contextmanager
def no_solver_warnings() -> Iterator[None]:
    """Silence the solvers' advice, about negative costs for example: it is counted and shown instead."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SolverWarning)
        yield


@dataclass(frozen=True)
class Sampled:
    """Paths in the order they were drawn.

    Attributes:
        temperature: of the noise.
        paths: `[S, 16, 16]` masks.
        clipped: share of the perturbed costs that were below zero, where the solver puts zero.
    """

    temperature: float
    paths: NDArray[np.bool_]
    clipped: float

    @property
    def marginals(self) -> NDArray[np.float64]:
        """After each sample, how often each cell was on a path so far. `[S, 16, 16]`."""
        counts: NDArray[np.int64] = np.arange(1, len(self.paths) + 1)
        running: NDArray[np.float64] = self.paths.cumsum(axis=0) / counts[:, None, None]
        return running

    @property
    def mean(self) -> NDArray[np.float64]:
        """The marginals. `[16, 16]`."""
        found: NDArray[np.float64] = self.paths.mean(axis=0)
        return found

    @property
    def distinct(self) -> int:
        """How many of the paths differ."""
        return len(np.unique(self.paths, axis=0))

    def facts(self) -> dict[str, float]:
        """What was drawn, as numbers."""
        return {
            "temperature": self.temperature,
            "distinct_paths": self.distinct,
            "mean_cells": float(self.paths.sum(axis=(1, 2)).mean()),
            "clipped_costs": self.clipped,
        }


def sample_paths(seed: int, temperature: float = 1.0, samples: int = SAMPLES) -> Sampled:
    """Draw paths."""
    layer = path_layer(
        noise=noise(),
        nb_samples=samples,
        temperature=temperature,
        output="samples",
        generator=torch.Generator().manual_seed(seed),
    )
    with no_solver_warnings(), torch.no_grad():
        paths = layer(-true_weights())[0]
    return Sampled(temperature, paths.numpy().astype(bool), layer.stats.events["clipped_entries"] / paths.numel())
