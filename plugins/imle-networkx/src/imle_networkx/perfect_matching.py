"""Perfect matchings of general graphs, of least cost or greatest score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from imle.errors import InstanceError
from imle.solvers import RowResults, Sense
from imle.solvers.compiled import Longs
from imle_networkx.bases import GraphSolver, PreparedPerGraph
from imle_networkx.graph import Graph
from imle_networkx.matchings import PairMatcher, matcher
from imle_networkx.plugin import MATCHING


@dataclass(frozen=True)
class PerfectMatchingSolver(GraphSolver, spec=MATCHING):
    """The best perfect matching of an undirected graph, as a 0/1 mask of its edges: every node lies on one of them.

    Args:
        sense: "min" for costs, "max" for scores.

    Exact up to the rounding of float64, for objectives of any sign. Several best matchings: one of them, the same one
    every time; of parallel edges, the first of the best ones.

    Raises:
        OptionError: another sense.
    """

    sense: Sense = "min"
    directed: ClassVar[bool] = False

    def bind(self, graph: Graph, /) -> PreparedPerfectMatching:
        """Bind to an undirected graph.

        Raises:
            InstanceError: its nodes cannot be paired up.
        """
        if graph.nodes % 2:
            raise InstanceError(
                f"{MATCHING.id}: expected an even number of nodes, found {graph.nodes}: one would be left over"
            )
        ends = np.sort(np.stack([graph.tails, graph.heads], axis=1), axis=1)
        proper = np.flatnonzero(ends[:, 0] != ends[:, 1])
        pairs, pair = np.unique(ends[proper], axis=0, return_inverse=True)
        order = np.argsort(pair.ravel(), kind="stable")
        best = matcher(graph.nodes, pairs)
        if best is None:
            raise InstanceError(
                f"{MATCHING.id}: expected a graph with a perfect matching, "
                f"found none that covers all {graph.nodes} nodes"
            )
        return PreparedPerfectMatching(self, graph, proper[order], pair.ravel()[order], best)


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
