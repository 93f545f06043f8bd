"""Perfect matchings row by row: as assignments where graphs are bipartite, ten times as fast, or by blossoms."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import rustworkx
from scipy.optimize import linear_sum_assignment

from imle.solvers.compiled import Floats, Ints, Masks
from imle_networkx.graph import Arcs

_BITS = 52
"""Costs become whole numbers of up to 2**52: rounding them moves no cost by more than float64's own precision."""
_TIE = 40
"""Bits of the numbers that break ties."""
_SUM = 54
"""Where costs begin above them: sums over a matching stay below. Weights take 108 of rustworkx' 128 bits."""


class PairMatcher(Protocol):
    """Solves one row: the cost of every pair in, the numbers of the chosen pairs out."""

    def solve(self, costs: Floats, /) -> Any: ...


class Blossom:
    """Matches by rustworkx' blossom method, on whole numbers.

    The graph has a perfect matching, and neither parallel edges nor self-loops.

    Args:
        nodes: how many there are.
        pairs: `[P, 2]` edges.
    """

    def __init__(self, nodes: int, pairs: Ints) -> None:
        self._graph: Any = rustworkx.PyGraph(multigraph=False)
        self._graph.add_nodes_from(range(nodes))
        self._graph.add_edges_from([(int(a), int(b), number) for number, (a, b) in enumerate(pairs)])
        self._number = {(int(a), int(b)): number for number, (a, b) in enumerate(pairs)}
        self._number.update({(b, a): number for (a, b), number in self._number.items()})
        self._ties = _scrambled(len(pairs))

    def solve(self, costs: Floats) -> list[int]:
        """The pairs of the cheapest perfect matching.

        All perfect matchings have the same number of pairs, so that costs may be turned into weights `largest - cost`.
        Equal matchings are told apart by the sum of a fixed random number per pair, whatever rustworkx does first.
        """
        exponent = int(np.frexp(np.abs(costs).max(initial=0.0))[1])
        whole = np.rint(np.ldexp(np.ldexp(costs, -exponent), _BITS)).astype(np.int64)
        spare = (whole.max(initial=0) - whole).tolist()
        weights = [(cost << _SUM) + tie for cost, tie in zip(spare, self._ties, strict=True)]
        matched = rustworkx.max_weight_matching(self._graph, max_cardinality=True, weight_fn=weights.__getitem__)
        return [self._number[pair] for pair in matched]


def has_perfect_matching(nodes: int, pairs: Ints) -> bool:
    """Whether the nodes of a graph can be paired up."""
    graph: Any = rustworkx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(nodes))
    graph.add_edges_from([(int(a), int(b), None) for a, b in pairs])
    return 2 * len(rustworkx.max_weight_matching(graph, max_cardinality=True)) == nodes


def _scrambled(count: int) -> list[int]:
    """Fixed random numbers: with 40 bits, two of the best matchings of a graph practically never have the same sum."""
    numbers: list[int] = np.random.Generator(np.random.PCG64(7)).integers(0, 2**_TIE, count).tolist()
    return numbers


class Bipartite:
    """Matches as scipy assigns. The graph is bipartite, has a perfect matching and no parallel edges.

    Args:
        side: `[nodes]`, 0 or 1.
        pairs: `[P, 2]` edges.
    """

    def __init__(self, side: Masks, pairs: Ints) -> None:
        within = np.where(side == 0, np.cumsum(side == 0), np.cumsum(side == 1)) - 1
        flip = side[pairs[:, 0]] == 1
        self._rows = within[np.where(flip, pairs[:, 1], pairs[:, 0])]
        self._columns = within[np.where(flip, pairs[:, 0], pairs[:, 1])]
        self._size = len(side) // 2
        self._number = np.full((self._size, self._size), -1, np.int32)
        self._number[self._rows, self._columns] = np.arange(len(pairs))

    def solve(self, costs: Floats) -> Ints:
        """The pairs of the cheapest perfect matching."""
        matrix = np.full((self._size, self._size), np.inf)
        matrix[self._rows, self._columns] = costs
        found: Ints = self._number[linear_sum_assignment(matrix)]
        return found


def sides(nodes: int, outgoing: Arcs) -> Masks | None:
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
