"""Perfect matchings row by row: as assignments where graphs are bipartite, ten times as fast, or by blossoms."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import rustworkx
from scipy.optimize import linear_sum_assignment

from imle.solvers.compiled import Floats, Ints, Longs

_BITS = 52
"""Costs become whole numbers of up to 2**52: rounding them moves no cost by more than float64's own precision."""
_TIE = 40
"""Bits of the numbers that break ties."""
_SUM = 54
"""Where costs begin above them: sums over a matching stay below. Weights take 108 of rustworkx' 128 bits."""


class PairMatcher(Protocol):
    """Solves one row: the cost of every pair in, the numbers of the chosen pairs out."""

    def solve(self, costs: Floats, /) -> Any: ...


def matcher(nodes: int, pairs: Ints) -> PairMatcher | None:
    """What finds the best perfect matchings of a graph; None if there are none.

    Args:
        nodes: how many there are.
        pairs: `[P, 2]` edges, neither parallel ones nor self-loops.
    """
    graph: Any = rustworkx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(nodes))
    graph.add_edges_from([(a, b, number) for number, (a, b) in enumerate(pairs.tolist())])
    if 2 * len(rustworkx.max_weight_matching(graph, max_cardinality=True)) < nodes:
        return None
    side = rustworkx.two_color(graph)
    return Blossom(graph, pairs) if side is None else Bipartite(np.array([side[n] for n in range(nodes)]), pairs)


class Blossom:
    """Matches by rustworkx' blossom method, on whole numbers.

    Args:
        graph: rustworkx' own, whose edges carry their numbers.
        pairs: `[P, 2]` its edges.
    """

    def __init__(self, graph: Any, pairs: Ints) -> None:
        self._graph = graph
        ends = pairs.tolist()
        self._number = {pair: n for n, (a, b) in enumerate(ends) for pair in ((a, b), (b, a))}
        # fixed random numbers: with 40 bits, two of the best matchings of a graph practically never have the same sum
        self._ties = np.random.Generator(np.random.PCG64(7)).integers(0, 2**_TIE, len(ends)).tolist()

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


class Bipartite:
    """Matches as scipy assigns.

    Args:
        side: `[nodes]`, 0 or 1, so that every edge joins both.
        pairs: `[P, 2]` edges.
    """

    def __init__(self, side: Longs, pairs: Ints) -> None:
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
