"""Minimum and maximum spanning trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from imle.errors import InstanceError
from imle.solvers import ArrayKind, PreparedSolver, Sense, SolveResult
from imle_graphs import checks
from imle_graphs.graph import Graph, arcs, both_ways, distances, read
from imle_graphs.kernels.compiling import read_only
from imle_graphs.kernels.tree import spanning_trees
from imle_graphs.rows import Floats, Rows
from imle_graphs.unbound import Unbound

_WHO = "spanning-tree"


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
        checks.choice(_WHO, "sense", self.sense, ("min", "max"))

    def prepare(self, graph: Any = None, edges: Any = None, nodes: int | None = None) -> PreparedSolver:
        """Bind to an undirected graph.

        Args:
            graph: a networkx Graph or MultiGraph; objectives follow the order of its edges.
            edges: `[E, 2]` node numbers instead.
            nodes: how many nodes there are; by default the largest number in `edges` plus one.

        Raises:
            InstanceError: not such a graph, or not a connected one.
        """
        given = read(_WHO, graph, edges, nodes, directed=False)
        if given is None:
            return Unbound(_WHO)
        tails, heads, item = both_ways(given)
        reached = distances(given.nodes, arcs(given.nodes, tails, heads, item), 0)
        if (reached < 0).any():
            out = given.name(int(np.argmin(reached)))
            raise InstanceError(
                f"{_WHO}: expected a connected graph, found no path from node {given.name(0)!r} to node {out!r}",
                hint="a spanning tree needs one; solve each component on its own",
            )
        return PreparedSpanningTree(self.sense, given)


@dataclass(frozen=True, eq=False)
class PreparedSpanningTree:
    """A connected graph."""

    sense: Sense
    graph: Graph
    any_size: ClassVar[bool] = True  # costs are compared, whatever they are

    @property
    def objective_shape(self) -> tuple[int]:
        """`(E,)`."""
        return (self.graph.edges,)

    def solve(self, objective: Floats, *, hint: Floats | None = None) -> SolveResult:
        """Find the best tree of each row.

        Args:
            objective: `[N, E]`.
            hint: not used; a solve costs less than checking one.

        Raises:
            ObjectiveError: another shape.
        """
        del hint
        rows = Rows.of(_WHO, objective, self.graph.edges)
        spanning_trees(
            read_only(rows.costs),
            self.sense == "max",
            self.graph.nodes,
            self.graph.tails,
            self.graph.heads,
            rows.solutions,
        )
        return rows.result()

    def close(self) -> None:
        """Nothing to free."""
