"""Closures of the greatest score, by minimum cuts."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imle.solvers import BaseSolver, PreparedSolver, RowResults
from imle.solvers.compiled import read_only
from imle_networkx.graph import Graph, read
from imle_networkx.kernels.cut import minimum_cuts
from imle_networkx.min_cut import whole_numbers
from imle_networkx.plugin import CLOSURE
from imle_networkx.prepared import PreparedPerGraph, awaiting_graph

_NEVER = 2**61
"""The capacity of an edge that no minimum cut has."""


@dataclass(frozen=True)
class ClosureSolver(BaseSolver, spec=CLOSURE):
    """The set of nodes of the greatest score that no edge leaves, as a 0/1 mask of the nodes.

    An edge says that its tail needs its head: projects need tools, blocks of ore those above them. Nodes on a cycle are
    chosen together or not at all; the empty set is a closure, so that no best one scores less than zero.

    Exact up to the rounding of float64. Several best closures: the one with the fewest nodes, which is part of all
    others. The method is that of Picard ("Maximal closure of a graph and applications to combinatorial problems",
    Management Science 1976): a minimum cut between a source that feeds what scores more than zero, and a sink that
    drains the rest.
    """

    def prepare(self, graph: Any = None, edges: Any = None, nodes: Any = None) -> PreparedSolver:
        """Bind to a directed graph.

        Args:
            graph, edges, nodes: the graph, see `imle_networkx.graph.read`; scores follow `G.nodes` or `nodes`.

        Raises:
            InstanceError: not such a graph.
        """
        found = read(CLOSURE.id, graph, edges, nodes, directed=True)
        return awaiting_graph(CLOSURE.id) if found is None else PreparedClosure(self, found, _network(found))


@dataclass(frozen=True, eq=False)
class PreparedClosure(PreparedPerGraph):
    """A directed graph, and the same one with a source and a sink."""

    network: Graph

    @property
    def objective_shape(self) -> tuple[int]:
        """`(V,)`."""
        return (self.graph.nodes,)

    @property
    def labels(self) -> Sequence[Hashable]:
        """`[V]` the nodes as the user calls them."""
        return list(self.graph.node_labels)

    def choose(self, rows: RowResults) -> tuple[str, ...]:
        """Find the best closure of each row: the side of the source of a minimum cut."""
        network, nodes = self.network, self.graph.nodes
        size = whole_numbers(np.abs(rows.objective))
        capacities = np.full((len(size), len(network.tails)), _NEVER)
        capacities[:, :nodes] = np.where(rows.objective > 0, size, 0)
        capacities[:, nodes : 2 * nodes] = np.where(rows.objective < 0, size, 0)
        cut = np.zeros(capacities.shape, np.int8)
        ends = nodes, nodes + 1
        minimum_cuts(read_only(capacities), True, *ends, network.tails, network.heads, *network.links, cut)
        np.equal(cut[:, :nodes], 0, out=rows.solutions, casting="unsafe")
        return ()


def _network(graph: Graph) -> Graph:
    """Edges from a source to all nodes, from them to a sink, and those of the graph."""
    nodes = np.arange(graph.nodes, dtype=np.int32)
    source, sink = np.full_like(nodes, graph.nodes), np.full_like(nodes, graph.nodes + 1)
    tails, heads = np.concatenate([source, nodes, graph.tails]), np.concatenate([nodes, sink, graph.heads])
    return Graph(graph.nodes + 2, read_only(tails), read_only(heads), directed=True)
