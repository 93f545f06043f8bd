"""Minimum and maximum spanning trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from imle.errors import InstanceError
from imle.plugins.parameters import check_fields
from imle.solvers import ArrayKind, PreparedSolver, Sense, SolveResult
from imle_networkx.graph import distances, read
from imle_networkx.kernels.compiling import Floats
from imle_networkx.kernels.tree import spanning_trees
from imle_networkx.outcome import Outcome
from imle_networkx.plugin import TREE
from imle_networkx.prepared import AwaitingGraph, PreparedOnEdges


@dataclass(frozen=True)
class SpanningTreeSolver:
    """The best spanning tree of an undirected graph, as a 0/1 mask of its edges.

    Args:
        sense: "min" for costs, "max" for scores.

    Exact for objectives of any sign. Of equal edges the earlier one is preferred, which leaves one best tree.

    Raises:
        OptionError: another sense.
    """

    sense: Sense = "min"

    array: ClassVar[ArrayKind] = "numpy"

    def __post_init__(self) -> None:
        check_fields(TREE, self)

    def prepare(self, graph: Any = None, edges: Any = None, nodes: Any = None) -> PreparedSolver:
        """Bind to an undirected graph.

        Args:
            graph, edges, nodes: the graph and the order of its edges, see `imle_networkx.graph.read`.

        Raises:
            InstanceError: not such a graph, or not a connected one.
        """
        found = read(TREE.id, graph, edges, nodes, directed=False)
        if found is None:
            return AwaitingGraph(TREE.id)
        reached = distances(found.out, 0)
        if (reached < 0).any():
            first, out = found.node_labels[0], found.node_labels[int(np.argmin(reached))]
            raise InstanceError(
                f"{TREE.id}: expected a connected graph, found no path from node {first!r} to node {out!r}",
                hint="a spanning tree needs one; solve each component on its own",
            )
        return PreparedSpanningTree(found, self.sense)


@dataclass(frozen=True, eq=False)
class PreparedSpanningTree(PreparedOnEdges):
    """A connected graph."""

    sense: Sense

    def solve(self, objective: Floats, *, hint: Floats | None = None) -> SolveResult:
        """Find the best tree of each row.

        Args:
            objective: `[N, E]`.
            hint: not used; a solve costs less than checking one.

        Raises:
            ObjectiveError: another shape.
        """
        del hint
        graph = self.graph
        outcome = Outcome.of(TREE.id, objective, len(graph.tails))
        costs = outcome.summable()
        spanning_trees(costs, self.sense == "max", graph.nodes, graph.tails, graph.heads, outcome.solutions)
        return outcome.result()
