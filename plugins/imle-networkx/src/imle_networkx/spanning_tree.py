"""Minimum and maximum spanning trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from imle.errors import InstanceError
from imle.solvers import RowResults, Sense
from imle_networkx.bases import GraphSolver, PreparedPerGraph
from imle_networkx.graph import Graph, distances
from imle_networkx.kernels.tree import spanning_trees
from imle_networkx.plugin import TREE


@dataclass(frozen=True)
class SpanningTreeSolver(GraphSolver, spec=TREE):
    """The best spanning tree of an undirected graph, as a 0/1 mask of its edges.

    Args:
        sense: "min" for costs, "max" for scores.

    Exact for objectives of any sign. Of equal edges the earlier one is preferred, which leaves one best tree.

    Raises:
        OptionError: another sense.
    """

    sense: Sense = "min"
    directed: ClassVar[bool] = False

    def bind(self, graph: Graph, /) -> PreparedSpanningTree:
        """Bind to an undirected graph.

        Raises:
            InstanceError: it is not connected.
        """
        steps = distances(graph.out, 0)
        if (steps < 0).any():
            first, out = graph.node_labels[0], graph.node_labels[int(np.argmin(steps))]
            raise InstanceError(
                f"{TREE.id}: expected a connected graph, found no path from node {first!r} to node {out!r}",
                hint="a spanning tree needs one; solve each component on its own",
            )
        return PreparedSpanningTree(self, graph)


@dataclass(frozen=True, eq=False)
class PreparedSpanningTree(PreparedPerGraph):
    """A connected graph."""

    def choose(self, rows: RowResults) -> tuple[str, ...]:
        """Find the best tree of each row."""
        graph = self.graph
        spanning_trees(self.costs(rows), graph.nodes, graph.tails, graph.heads, rows.solutions)
        return ()
