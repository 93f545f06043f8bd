"""Matchings of pairs of nodes: by blossoms in any graph, and as assignments, which are faster, in bipartite ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy.optimize import linear_sum_assignment

from imle.solvers.compiled import Flags, Floats, Longs, Masks, read_only
from imle_networkx.graph import Graph, distances
from imle_networkx.kernels.blossoms import heaviest_matchings

_BITS = 52
"""Weights become whole numbers of up to 2**52: rounding them moves none by more than float64's own precision."""
_SUM = 59
"""Where the number of pairs comes first, a matching weighs less than 2**59 besides. From 128 nodes on that leaves less
than 52 bits to a weight, and rounding still moves a sum by less than adding it up in float64 may do."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """The edges of a graph by the two nodes they join, self-loops left out.

    Attributes:
        graph: without parallel edges, P of them.
        edges: `[E']` numbers of the edges, sorted by pair.
        pair: `[E']` the number of that pair.
    """

    graph: Graph
    edges: Longs
    pair: Longs

    @classmethod
    def of(cls, graph: Graph) -> Pairs:
        """Those of a graph."""
        ends = np.sort(np.stack([graph.tails, graph.heads], axis=1), axis=1)
        proper = np.flatnonzero(ends[:, 0] != ends[:, 1])
        pairs, pair = np.unique(ends[proper], axis=0, return_inverse=True)
        order = np.argsort(pair.ravel(), kind="stable")
        simple = Graph(graph.nodes, read_only(pairs[:, 0]), read_only(pairs[:, 1]), directed=False)
        return cls(simple, proper[order], pair.ravel()[order])

    def write(self, matcher: PairMatcher, costs: Floats, solutions: Masks) -> None:
        """Mark the edges of the cheapest matching of each row; between two nodes, the first of the cheapest ones.

        Args:
            matcher: chooses pairs.
            costs, solutions: `[N, E]`.
        """
        own, starts = costs[:, self.edges], np.flatnonzero(np.diff(self.pair, prepend=-1))
        if not len(starts):
            return
        least = np.minimum.reduceat(own, starts, axis=1)
        row, pair = np.nonzero(matcher.solve(least))
        places = np.where(own == least[:, self.pair], np.arange(len(self.edges)), len(self.edges))
        solutions[row, self.edges[np.minimum.reduceat(places, starts, axis=1)[row, pair]]] = 1


class PairMatcher(Protocol):
    """Solves rows: the cost of every pair in, `[N, P]`, the chosen ones out."""

    def solve(self, costs: Floats, /) -> Flags: ...


def perfect_matcher(graph: Graph) -> PairMatcher | None:
    """What finds the cheapest perfect matchings of a graph; None if there are none.

    Args:
        graph: neither parallel edges nor self-loops.
    """
    blossom = Blossom(graph, most=True)
    if 2 * int(blossom.solve(np.zeros((1, len(graph.tails)))).sum()) < graph.nodes:
        return None
    side = _sides(graph)
    return blossom if side is None else Bipartite(graph, side)


@dataclass(frozen=True, eq=False)
class Blossom:
    """Finds the cheapest matchings by blossoms, on whole numbers.

    Args:
        graph: neither parallel edges nor self-loops.
        most: choose as many pairs as possible, and the cheapest of these matchings; else only pairs that cost less than
            nothing are chosen.
    """

    graph: Graph
    most: bool

    def solve(self, costs: Floats) -> Flags:
        """The pairs of the cheapest matching of each row."""
        bits = min(_BITS, _SUM - 1 - (self.graph.nodes // 2).bit_length()) if self.most else _BITS
        sizes = np.abs(costs) if self.most else np.maximum(-costs, 0.0)
        exponents = np.frexp(sizes.max(axis=1, initial=0.0))[1].astype(np.int64)[:, None]
        relative = np.ldexp(costs if self.most else np.minimum(costs, 0.0), -exponents)
        whole = np.rint(np.ldexp(relative, bits)).astype(np.int64)
        # where a pair more weighs more than any other change, the heaviest matching has as many pairs as possible
        weights = whole.max(axis=1, initial=0, keepdims=True) - whole + 2**_SUM if self.most else -whole
        chosen = np.zeros(costs.shape, np.int8)
        heaviest_matchings(read_only(weights), *self._links, chosen)
        return chosen.view(np.bool_)

    @cached_property
    def _links(self) -> tuple[Longs, Longs, Longs]:
        graph = self.graph
        ends, start, link = (part.astype(np.int64) for part in (graph.ends, graph.links.start, graph.links.item))
        return read_only(ends), read_only(start), read_only(link)


class Bipartite:
    """Matches as scipy assigns.

    Args:
        graph: has a perfect matching.
        side: `[nodes]`, 0 or 1, so that every edge joins both.
    """

    def __init__(self, graph: Graph, side: Longs) -> None:
        within = np.where(side == 0, np.cumsum(side == 0), np.cumsum(side == 1)) - 1
        flip = side[graph.tails] == 1
        self._rows = within[np.where(flip, graph.heads, graph.tails)]
        self._columns = within[np.where(flip, graph.tails, graph.heads)]
        self._size = len(side) // 2
        self._number = np.full((self._size, self._size), -1, np.int32)
        self._number[self._rows, self._columns] = np.arange(len(graph.tails))

    def solve(self, costs: Floats) -> Flags:
        """The pairs of the cheapest perfect matching of each row."""
        chosen = np.zeros(costs.shape, np.bool_)
        matrix = np.full((self._size, self._size), np.inf)
        for row, own in zip(chosen, costs, strict=True):
            matrix[self._rows, self._columns] = own
            row[self._number[linear_sum_assignment(matrix)]] = True
        return chosen


def _sides(graph: Graph) -> Longs | None:
    """`[nodes]` 0 or 1, so that every edge joins both; None if that cannot be."""
    side = np.full(graph.nodes, -1, np.int64)
    for node in range(graph.nodes):
        if side[node] < 0:
            steps = distances(graph.out, node)
            side[steps >= 0] = steps[steps >= 0] % 2
    return None if (side[graph.tails] == side[graph.heads]).any() else side
