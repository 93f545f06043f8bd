"""Perfect matchings of general graphs, of least cost or greatest score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from imle.errors import InstanceError
from imle.solvers import BaseSolver, PreparedSolver, RowResults, Sense
from imle.solvers.compiled import Floats, Longs
from imle_networkx.graph import Graph, read
from imle_networkx.matchings import Bipartite, Blossom, PairMatcher, has_perfect_matching, sides
from imle_networkx.plugin import MATCHING
from imle_networkx.prepared import PreparedPerGraph, awaiting_graph, summable


@dataclass(frozen=True)
class PerfectMatchingSolver(BaseSolver, spec=MATCHING):
    """The best perfect matching of an undirected graph, as a 0/1 mask of its edges: every node lies on one of them.

    Args:
        sense: "min" for costs, "max" for scores.

    Exact up to the rounding of float64, for objectives of any sign. Several best matchings: one of them, the same one
    every time; of parallel edges, the first of the best ones.

    Raises:
        OptionError: another sense.
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
        return awaiting_graph(MATCHING.id) if found is None else _prepared(self, found)


@dataclass(frozen=True, eq=False)
class PreparedPerfectMatching(PreparedPerGraph):
    """A graph whose nodes can be paired up.

    Attributes:
        parts: `[P']` edges sorted by the pair of nodes they join; self-loops are left out.
        starts: `[P]`, where in `parts` those of each pair begin.
        matcher: matches pairs.
    """

    parts: Longs
    starts: Longs
    matcher: PairMatcher

    def choose(self, rows: RowResults) -> tuple[str, ...]:
        """Find the best perfect matching of each row."""
        costs = summable(rows, MATCHING.id)[:, self.parts]
        if self.solver.sense == "max":
            np.negative(costs, out=costs)
        least = np.minimum.reduceat(costs, self.starts, axis=1)
        for row in rows.open:
            pairs = np.asarray(self.matcher.solve(least[row]), np.int64)
            rows.solutions[row, self.parts[self._first(costs[row], least[row], pairs)]] = 1
        return ()

    def _first(self, costs: Floats, least: Floats, pairs: Longs) -> Longs:
        """Where in `parts` the first of the best edges of each pair is."""
        if len(self.starts) == len(self.parts):
            return pairs
        ends = np.append(self.starts[1:], len(self.parts))
        return np.array(
            [self.starts[p] + int(np.argmax(costs[self.starts[p] : ends[p]] == least[p])) for p in pairs], np.int64
        )


def _prepared(solver: PerfectMatchingSolver, graph: Graph) -> PreparedPerfectMatching:
    if graph.nodes % 2:
        raise InstanceError(
            f"{MATCHING.id}: expected an even number of nodes, found {graph.nodes}: one would be left over"
        )
    low, high = np.minimum(graph.tails, graph.heads), np.maximum(graph.tails, graph.heads)
    order = np.lexsort((high, low))
    parts = order[low[order] != high[order]]
    ends = np.stack([low[parts], high[parts]], axis=1)
    fresh = np.ones(len(ends), np.bool_)
    fresh[1:] = (ends[1:] != ends[:-1]).any(axis=1)
    starts = np.flatnonzero(fresh)
    pairs = ends[starts]
    if not has_perfect_matching(graph.nodes, pairs):
        raise InstanceError(
            f"{MATCHING.id}: expected a graph with a perfect matching, found none that covers all {graph.nodes} nodes"
        )
    side = sides(graph.nodes, graph.out)
    matcher: PairMatcher = Blossom(graph.nodes, pairs) if side is None else Bipartite(side, pairs)
    return PreparedPerfectMatching(solver, graph, parts, starts, matcher)
