"""Shortest paths on a grid whose edge costs are a polynomial of features (Elmachtoub & Grigas 2022, section 6.1)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from imle.datasets.checks import MOST_EDGES, check_polynomial, check_sizes, check_total, single
from imle.datasets.features import polynomial, widths
from imle.errors import OptionError


class GridData(NamedTuple):
    """Predict the costs of a grid's edges.

    Attributes:
        features: `[rows, features]`.
        costs: `[rows, edges]`, in the order of `edges`.
        edges: pairs of node numbers, row by row: node `i * columns + j` is cell (i, j).
    """

    features: Tensor
    costs: Tensor
    edges: tuple[tuple[int, int], ...]


def grid_edges(height: int, width: int) -> tuple[tuple[int, int], ...]:
    """The edges to the east and to the south of a grid's cells, row by row: first a row's, then those below it.

    Args:
        height: in cells.
        width: in cells.

    Raises:
        OptionError: a side that is no int of at least 1, or more edges than memory holds.
    """
    check_sizes(height=height, width=width)
    check_total("edges of the grid", height * (width - 1) + width * (height - 1), MOST_EDGES)
    edges: list[tuple[int, int]] = []
    for i in range(height):
        edges += [(i * width + j, i * width + j + 1) for j in range(width - 1)]
        if i + 1 < height:
            edges += [(i * width + j, (i + 1) * width + j) for j in range(width)]
    return tuple(edges)


def shortest_path(
    rows: int,
    *,
    features: int = 5,
    grid: tuple[int, int] = (5, 5),
    degree: int = 4,
    noise_width: float = 0.5,
    seed: int = 135,
) -> GridData:
    """Costs ((B x / sqrt(p) + 3)^degree + 1) / 3.5^degree times noise, x standard normal, B of fair coins.

    With the same seed these are the numbers of the field's common benchmark.

    Args:
        rows: how many.
        features: p, per row.
        grid: (height, width) in cells.
        degree: of the polynomial; the higher, the less linear.
        noise_width: factors of noise are uniform in [1 - width, 1 + width].
        seed: of all random numbers.

    Raises:
        OptionError: a size or a width that makes no data.
    """
    if not isinstance(grid, (tuple, list)) or len(grid) != 2 or tuple(grid) == (1, 1):
        raise OptionError(f"datasets: grid: expected (height, width) of at least two cells, found {grid!r}")
    edges = grid_edges(*grid)
    check_polynomial(
        rows=rows, features=features, outputs=len(edges), degree=degree, noise_width=noise_width, seed=seed
    )
    random = np.random.RandomState(seed)
    coins = random.binomial(1, 0.5, (len(edges), features)).astype(float)
    x = random.normal(0, 1, (rows, features))
    costs = (polynomial(x, coins, degree) + 1) / 3.5**degree
    costs *= widths(random, costs.shape, noise_width)
    return GridData(torch.from_numpy(x).float(), torch.from_numpy(single(costs, degree)), edges)
