"""Monotone paths on a square of cells, to the right or down: their exact law, and the solver that finds the cheapest.

All paths have the same number of cells, the case for which the sum-of-gamma noise was made, and their exponential
family p(z) ~ exp(-<costs, z> / tau) is summed exactly by two sweeps over the square.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import imle
from imle.layers import SolverLayer

Floats = NDArray[np.float64]

SIDE = 8
CELLS = 2 * SIDE - 1
"""Cells of every path."""


def random_costs(seed: int) -> Floats:
    """Uniform in [0, 1]. `[8, 8]`."""
    return np.random.default_rng(seed).uniform(size=(SIDE, SIDE))


def exact_marginals(costs: Floats, temperature: float) -> Floats:
    """How likely each cell is to be on a path, under p(z) ~ exp(-<costs, z> / tau). `[n, n]` to `[n, n]`.

    ahead[i, j] is the log of the sum over all paths from the first cell to (i, j), that cell included; behind is the
    same from (i, j) to the last cell.
    """
    scores = -costs / temperature
    ahead, behind = _log_sums(scores), _log_sums(scores[::-1, ::-1])[::-1, ::-1]
    return np.asarray(np.exp(ahead + behind - scores - ahead[-1, -1]))


def _log_sums(scores: Floats) -> Floats:
    sums = np.full(scores.shape, -np.inf)
    for (row, column), score in np.ndenumerate(scores):
        above = sums[row - 1, column] if row else -np.inf
        left = sums[row, column - 1] if column else -np.inf
        before = np.logaddexp(above, left) if row or column else 0.0
        sums[row, column] = score + before
    return sums


def path_layer(**options: Any) -> SolverLayer:
    """Cheapest monotone paths: `[B, 64]` costs of any sign, row by row, to 0/1 masks."""
    import networkx as nx

    cells = nx.grid_2d_graph(SIDE, SIDE, create_using=nx.DiGraph)  # its edges go to the right and down, and back
    graph = nx.DiGraph()
    graph.add_nodes_from(cells.nodes)
    graph.add_edges_from((a, b) for a, b in cells.edges if a < b)
    return imle.layer(
        "networkx-shortest-path",
        graph=graph,
        source=(0, 0),
        target=(SIDE - 1, SIDE - 1),
        weights="node",
        **options,
    )
