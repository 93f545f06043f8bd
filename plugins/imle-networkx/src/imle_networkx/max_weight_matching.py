"""Matchings of general graphs, of the greatest score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imle.solvers import BaseSolver, PreparedSolver, RowResults
from imle_networkx.graph import read
from imle_networkx.matchings import Blossom, Pairs
from imle_networkx.plugin import HEAVIEST_MATCHING
from imle_networkx.prepared import PreparedPerGraph, awaiting_graph


@dataclass(frozen=True)
class MaxWeightMatchingSolver(BaseSolver, spec=HEAVIEST_MATCHING):
    """The matching of the greatest score in an undirected graph, as a 0/1 mask of its edges: no two share a node.

    Args:
        max_cardinality: only matchings with as many edges as possible count, whatever they score. Otherwise edges with
            a score of zero or less are never chosen.

    Exact up to the rounding of float64, for scores of any sign. Several best matchings: one of them, the same one
    every time; of parallel edges, the first of the best ones.
    """

    max_cardinality: bool = False

    def prepare(self, graph: Any = None, edges: Any = None, nodes: Any = None) -> PreparedSolver:
        """Bind to an undirected graph.

        Args:
            graph, edges, nodes: the graph and the order of its edges, see `imle_networkx.graph.read`.

        Raises:
            InstanceError: not such a graph.
        """
        found = read(HEAVIEST_MATCHING.id, graph, edges, nodes, directed=False)
        if found is None:
            return awaiting_graph(HEAVIEST_MATCHING.id)
        pairs = Pairs.of(found)
        return PreparedMaxWeightMatching(self, found, pairs, Blossom(pairs.graph, self.max_cardinality))


@dataclass(frozen=True, eq=False)
class PreparedMaxWeightMatching(PreparedPerGraph):
    """A graph, its pairs, and what matches them."""

    pairs: Pairs
    blossom: Blossom

    def choose(self, rows: RowResults) -> tuple[str, ...]:
        """Find the best matching of each row."""
        self.pairs.write(self.blossom, self.summable_costs(rows), rows.solutions)
        return ()
