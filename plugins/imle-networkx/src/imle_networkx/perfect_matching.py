"""Perfect matchings of general graphs, of least cost or greatest score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from imle.errors import InstanceError
from imle.solvers import BaseSolver, PreparedSolver, RowResults, Sense
from imle.solvers.compiled import Longs
from imle_networkx.graph import read
from imle_networkx.matchings import PairMatcher, matcher
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
        if found.nodes % 2:
            raise InstanceError(
                f"{MATCHING.id}: expected an even number of nodes, found {found.nodes}: one would be left over"
            )
        ends = np.sort(np.stack([found.tails, found.heads], axis=1), axis=1)
        proper = np.flatnonzero(ends[:, 0] != ends[:, 1])
        pairs, pair = np.unique(ends[proper], axis=0, return_inverse=True)
        order = np.argsort(pair.ravel(), kind="stable")
        best = matcher(found.nodes, pairs)
        if best is None:
            raise InstanceError(
                f"{MATCHING.id}: expected a graph with a perfect matching, "
                f"found none that covers all {found.nodes} nodes"
            )
        return PreparedPerfectMatching(self, found, proper[order], pair.ravel()[order], best)


@dataclass(frozen=True, eq=False)
class PreparedPerfectMatching(PreparedPerGraph):
    """A graph whose nodes can be paired up.

    Attributes:
        edges: `[E']` their numbers, sorted by the pair of nodes they join; self-loops are left out.
        pair: `[E']` the number of that pair.
        matcher: matches pairs.
    """

    edges: Longs
    pair: Longs
    matcher: PairMatcher

    def choose(self, rows: RowResults) -> tuple[str, ...]:
        """Find the best perfect matching of each row; of parallel edges, the first of the best ones stands for all."""
        costs = self.summable_costs(rows)[:, self.edges]
        starts = np.flatnonzero(np.diff(self.pair, prepend=-1))
        least = np.minimum.reduceat(costs, starts, axis=1)
        places = np.where(costs == least[:, self.pair], np.arange(len(self.edges)), len(self.edges))
        first = np.minimum.reduceat(places, starts, axis=1)
        for row in rows.open:
            rows.solutions[row, self.edges[first[row, self.matcher.solve(least[row])]]] = 1
        return ()
