"""Minimum and maximum spanning trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from imle.errors import InstanceError
from imle.solvers import BaseSolver, PreparedSolver, RowResults, Sense
from imle_networkx.graph import distances, read
from imle_networkx.kernels.tree import spanning_trees
from imle_networkx.plugin import TREE
from imle_networkx.prepared import PreparedPerGraph, awaiting_graph


@dataclass(frozen=True)
class SpanningTreeSolver(BaseSolver, spec=TREE):
    """The best spanning tree of an undirected graph, as a 0/1 mask of its edges.

    Args:
        sense: "min" for costs, "max" for scores.

    Exact for objectives of any sign. Of equal edges the earlier one is preferred, which leaves one best tree.
    """

    sense: Sense = "min"

    def prepare(self, graph: Any = None, edges: Any = None, nodes: Any = None) -> PreparedSolver:
        """Bind to an undirected graph.

        Args:
            graph, edges, nodes: the graph and the order of its edges, see `imle_networkx.graph.read`.

        Raises:
            InstanceError: not such a graph, or not a connected one.
        """
        found = read(TREE.id, graph, edges, nodes, directed=False)
        if found is None:
            return awaiting_graph(TREE.id)
        reached = distances(found.out, 0)
        if (reached < 0).any():
            first, out = found.node_labels[0], found.node_labels[int(np.argmin(reached))]
            raise InstanceError(
                f"{TREE.id}: expected a connected graph, found no path from node {first!r} to node {out!r}",
                hint="a spanning tree needs one; solve each component on its own",
            )
        return PreparedSpanningTree(self, found)


@dataclass(frozen=True, eq=False)
class PreparedSpanningTree(PreparedPerGraph):
    """A connected graph."""

    def choose(self, rows: RowResults) -> tuple[str, ...]:
        """Find the best tree of each row."""
        graph = self.graph
        spanning_trees(self.costs(rows), graph.nodes, graph.tails, graph.heads, rows.solutions)
        return ()
