"""Spanning arborescences: directed spanning trees, with a given root or the best one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from imle.errors import InstanceError
from imle.solvers import ArrayKind, PreparedSolver, Sense, SolveResult
from imle_graphs import checks
from imle_graphs.graph import Graph, arcs, both_ways, distances, read
from imle_graphs.kernels.branching import arborescences
from imle_graphs.kernels.compiling import read_only
from imle_graphs.rows import Floats, Rows
from imle_graphs.unbound import Unbound

_WHO = "arborescence"


@dataclass(frozen=True)
class ArborescenceSolver:
    """The best spanning arborescence of a directed graph, as a 0/1 mask of its arcs.

    One arc enters every node but the root, and the root reaches them all.

    Args:
        sense: "min" for costs, "max" for scores.

    Exact up to the rounding of float64, for objectives of any sign. Several best ones: one of them, the same one every
    time.

    Raises:
        OptionError: another sense.
    """

    sense: Sense = "min"

    array: ClassVar[ArrayKind] = "numpy"

    def __post_init__(self) -> None:
        checks.choice(_WHO, "sense", self.sense, ("min", "max"))

    def prepare(
        self, graph: Any = None, edges: Any = None, nodes: int | None = None, root: Any = None
    ) -> PreparedSolver:
        """Bind to a directed graph.

        Args:
            graph: a networkx DiGraph or MultiDiGraph; objectives follow the order of its edges.
            edges: `[E, 2]` node numbers instead, (tail, head).
            nodes: how many nodes there are; by default the largest number in `edges` plus one.
            root: the node the arborescence starts from; None leaves the choice to the solver.

        Raises:
            InstanceError: not such a graph, or the root (no node, if it is free) does not reach every other node.
        """
        given = read(_WHO, graph, edges, nodes, directed=True)
        if given is None:
            return Unbound(_WHO)
        number = -1 if root is None else given.number(_WHO, "root", root)
        _check(given, number)
        return PreparedArborescence(self.sense, given, number)


@dataclass(frozen=True, eq=False)
class PreparedArborescence:
    """A directed graph, and the number of its root or -1."""

    sense: Sense
    graph: Graph
    root: int
    any_size: ClassVar[bool] = True  # costs are compared, whatever they are

    @property
    def objective_shape(self) -> tuple[int]:
        """`(E,)`."""
        return (self.graph.edges,)

    def solve(self, objective: Floats, *, hint: Floats | None = None) -> SolveResult:
        """Find the best arborescence of each row.

        Args:
            objective: `[N, E]`.
            hint: not used; a solve costs less than checking one.

        Raises:
            ObjectiveError: another shape.
        """
        del hint
        rows = Rows.of(_WHO, objective, self.graph.edges)
        rows.refuse_large(_WHO)
        arborescences(
            read_only(rows.costs),
            self.sense == "max",
            self.graph.nodes,
            self.root,
            self.graph.tails,
            self.graph.heads,
            rows.solutions,
        )
        return rows.result()

    def close(self) -> None:
        """Nothing to free."""


def _check(graph: Graph, root: int) -> None:
    """Refuse graphs without any arborescence: if some node reaches all, so does the last one that none has reached."""
    outgoing = arcs(graph.nodes, *both_ways(graph))
    start = root
    if root < 0:
        seen = np.zeros(graph.nodes, np.bool_)
        for node in range(graph.nodes):
            if not seen[node]:
                start = node
                seen |= distances(graph.nodes, outgoing, node) >= 0
    reached = distances(graph.nodes, outgoing, start)
    if (reached < 0).any():
        out = graph.name(int(np.argmin(reached)))
        if root < 0:
            raise InstanceError(
                f"{_WHO}: expected a node that reaches all others, found none; "
                f"{graph.name(start)!r} does not reach {out!r}"
            )
        raise InstanceError(
            f"{_WHO}: root: expected a node that reaches all others, found {graph.name(root)!r}, "
            f"which does not reach {out!r}",
            hint="root=None lets the solver choose",
        )
