"""Spanning arborescences: directed spanning trees, with a given root or the best one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from imle.errors import InstanceError
from imle.solvers import BaseSolver, PreparedSolver, RowResults, Sense
from imle_networkx.graph import Graph, distances, read
from imle_networkx.kernels.branching import arborescences
from imle_networkx.plugin import ARBORESCENCE
from imle_networkx.prepared import PreparedPerGraph, awaiting_graph


@dataclass(frozen=True)
class ArborescenceSolver(BaseSolver, spec=ARBORESCENCE):
    """The best spanning arborescence of a directed graph, as a 0/1 mask of its arcs.

    One arc enters every node but the root, and the root reaches them all.

    Args:
        sense: "min" for costs, "max" for scores.

    Exact up to the rounding of float64, for objectives of any sign. Several best ones: one of them, the same one every
    time.
    """

    sense: Sense = "min"

    def prepare(self, graph: Any = None, edges: Any = None, nodes: Any = None, root: Any = None) -> PreparedSolver:
        """Bind to a directed graph.

        Args:
            graph, edges, nodes: the graph and the order of its edges, see `imle_networkx.graph.read`.
            root: the node the arborescence starts from; None leaves the choice to the solver.

        Raises:
            InstanceError: not such a graph, or the root (no node, if it is free) does not reach every other node.
        """
        found = read(ARBORESCENCE.id, graph, edges, nodes, directed=True)
        if found is None:
            return awaiting_graph(ARBORESCENCE.id)
        number = -1 if root is None else found.number(ARBORESCENCE.id, "root", root)
        _check(found, number)
        return PreparedArborescence(self, found, number)


@dataclass(frozen=True, eq=False)
class PreparedArborescence(PreparedPerGraph):
    """A directed graph, and the number of its root or -1."""

    root: int

    def choose(self, rows: RowResults) -> tuple[str, ...]:
        """Find the best arborescence of each row."""
        graph = self.graph
        arborescences(self.summable_costs(rows), graph.nodes, self.root, graph.tails, graph.heads, rows.solutions)
        return ()


def _check(graph: Graph, root: int) -> None:
    """Refuse graphs without any arborescence: if some node reaches all, so does the last one that none has reached."""
    outgoing, start = graph.out, root
    if root < 0:
        seen = np.zeros(graph.nodes, np.bool_)
        for node in range(graph.nodes):
            if not seen[node]:
                start = node
                seen |= distances(outgoing, node) >= 0
    steps = distances(outgoing, start)
    if (steps >= 0).all():
        return
    first, out = graph.node_labels[start], graph.node_labels[int(np.argmin(steps))]
    if root < 0:
        raise InstanceError(
            f"{ARBORESCENCE.id}: expected a node that reaches all others, found none; {first!r} does not reach {out!r}"
        )
    raise InstanceError(
        f"{ARBORESCENCE.id}: root: expected a node that reaches all others, found {first!r}, "
        f"which does not reach {out!r}",
        hint="root=None lets the solver choose",
    )
