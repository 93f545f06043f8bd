"""Perfect matchings of general graphs, of least cost or greatest score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imle.errors import InstanceError
from imle.solvers import BaseSolver, PreparedSolver, RowResults, Sense
from imle_networkx.graph import read
from imle_networkx.matchings import PairMatcher, Pairs, perfect_matcher
from imle_networkx.plugin import MATCHING
from imle_networkx.prepared import PreparedPerGraph, awaiting_graph


@dataclass(frozen=True)
class PerfectMatchingSolver(BaseSolver, spec=MATCHING):
    """The best perfect matching of an undirected graph, as a 0/1 mask of its edges: every node lies on one of them.

    Args:
        sense: "min" for costs, "max" for scores.

    Exact up to the rounding of float64, for objectives of any sign. Several best matchings: one of them, the same one
    every time; of parallel edges, the first of the best ones.
    """

    sense: Sense = "min"

    def prepare(self, graph: Any = None, edges: Any = None, nodes: Any = None) -> PreparedSolver:
        """Bind to an undirected graph.

        Args:
            graph, edges, nodes: the graph and the order of its edges, see `imle_networkx.graph.read`.

        Raises:
            InstanceError: not such a graph, or its nodes cannot be paired up.
        """
        found = read(MATCHING.id, graph, edges, nodes, directed=False)
        if found is None:
            return awaiting_graph(MATCHING.id)
        hint = "max-weight-matching with max_cardinality=True leaves as few nodes over as it can"
        if found.nodes % 2:
            raise InstanceError(
                f"{MATCHING.id}: expected an even number of nodes, found {found.nodes}: one would be left over",
                hint=hint,
            )
        pairs = Pairs.of(found)
        best = perfect_matcher(pairs.graph)
        if best is None:
            raise InstanceError(
                f"{MATCHING.id}: expected a graph with a perfect matching, "
                f"found none that covers all {found.nodes} nodes",
                hint=hint,
            )
        return PreparedPerfectMatching(self, found, pairs, best)


@dataclass(frozen=True, eq=False)
class PreparedPerfectMatching(PreparedPerGraph):
    """A graph whose nodes can be paired up, its pairs, and what matches them."""

    pairs: Pairs
    matcher: PairMatcher

    def choose(self, rows: RowResults) -> tuple[str, ...]:
        """Find the best perfect matching of each row."""
        self.pairs.write(self.matcher, self.summable_costs(rows), rows.solutions)
        return ()
