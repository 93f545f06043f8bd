"""The map: 16 x 16 cells, three walls, and the shortest path from corner to corner.

It is the example of the original torch-imle (Minervini, Franceschi and Niepert; `annotation-cli.py`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
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
def clipping_expected() -> Iterator[None]:
    """Silence the solver's advice about negative costs: the demo counts them and shows the count instead."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SolverWarning)
        yield
