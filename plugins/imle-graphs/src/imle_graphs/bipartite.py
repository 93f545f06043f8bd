"""Perfect matchings in bipartite graphs: assignments, which scipy solves ten times as fast as a blossom method."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from imle_graphs.graph import Arcs


class Bipartite:
    """A bipartite graph without parallel edges that has a perfect matching.

    Args:
        side: `[nodes]`, 0 or 1.
        pairs: `[P, 2]` edges.
    """

    def __init__(self, side: NDArray[np.int8], pairs: NDArray[np.int32]) -> None:
        within = np.where(side == 0, np.cumsum(side == 0), np.cumsum(side == 1)) - 1
        flip = side[pairs[:, 0]] == 1
        self._rows = within[np.where(flip, pairs[:, 1], pairs[:, 0])]
        self._columns = within[np.where(flip, pairs[:, 0], pairs[:, 1])]
        self._size = len(side) // 2
        self._number = np.full((self._size, self._size), -1, np.int32)
        self._number[self._rows, self._columns] = np.arange(len(pairs))

    def solve(self, costs: NDArray[np.float64]) -> NDArray[np.int32]:
        """The pairs of the cheapest perfect matching."""
        matrix = np.full((self._size, self._size), np.inf)
        matrix[self._rows, self._columns] = costs
        found: NDArray[np.int32] = self._number[linear_sum_assignment(matrix)]
        return found


def sides(nodes: int, outgoing: Arcs) -> NDArray[np.int8] | None:
    """0 or 1 for each node, so that every edge joins both; None if there is no such way.

    Args:
        nodes: how many there are.
        outgoing: arcs of both directions.
    """
    side = np.full(nodes, -1, np.int8)
    for first in range(nodes):
        if side[first] >= 0:
            continue
        side[first] = 0
        todo = [first]
        while todo:
            here = todo.pop()
            for there in outgoing.node[outgoing.start[here] : outgoing.start[here + 1]]:
                if side[there] < 0:
                    side[there] = 1 - side[here]
                    todo.append(int(there))
                elif side[there] == side[here]:
                    return None
    return side
