"""Perfect matchings in general graphs, by rustworkx' blossom method on whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import rustworkx
from numpy.typing import NDArray

_BITS = 52
"""Costs become whole numbers of up to 2**52: rounding them moves no cost by more than float64's own precision."""
_TIE = 40
"""Bits of the numbers that break ties."""
_SUM = 54
"""Where costs begin above them: sums over a matching stay below. Weights take 108 of rustworkx' 128 bits."""


class Blossom:
    """A graph without parallel edges and self-loops that has a perfect matching.

    Args:
        nodes: how many there are.
        pairs: `[P, 2]` edges.
    """

    def __init__(self, nodes: int, pairs: NDArray[np.int32]) -> None:
        self._graph: Any = rustworkx.PyGraph(multigraph=False)
        self._graph.add_nodes_from(range(nodes))
        self._graph.add_edges_from([(int(a), int(b), number) for number, (a, b) in enumerate(pairs)])
        self._number = {(int(a), int(b)): number for number, (a, b) in enumerate(pairs)}
        self._number.update({(b, a): number for (a, b), number in self._number.items()})
        self._ties = _scrambled(len(pairs))

    def solve(self, costs: NDArray[np.float64]) -> list[int]:
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


def has_perfect_matching(nodes: int, pairs: NDArray[np.int32]) -> bool:
    """Whether the nodes of a graph can be paired up."""
    graph: Any = rustworkx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(nodes))
    graph.add_edges_from([(int(a), int(b), None) for a, b in pairs])
    return 2 * len(rustworkx.max_weight_matching(graph, max_cardinality=True)) == nodes


def _scrambled(count: int) -> list[int]:
    """Fixed random numbers: with 40 bits, two of the best matchings of a graph practically never have the same sum."""
    numbers: list[int] = np.random.Generator(np.random.PCG64(7)).integers(0, 2**_TIE, count).tolist()
    return numbers
