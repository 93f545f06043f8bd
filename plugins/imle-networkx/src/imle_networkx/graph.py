"""NetworkX graphs as arrays: a snapshot of the structure, kept per graph as long as the graph lives."""

from __future__ import annotations

import difflib
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, Literal, NamedTuple
from weakref import WeakKeyDictionary

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle_networkx.plugin import GRAPH

Weights = Literal["edge", "node"]

SMALL = 2048
"""Arcs up to which any graph is swept in lanes; beyond, bidirectional search wins where paths have few arcs."""

THIN, MEDIUM = 4, 8192
"""Arcs per node, and arcs, up to which graphs are swept all the same: in lattices, roads and trees no search is short.
All three measured: at these sizes the two methods are within a factor of two of each other on the wrong side."""


class Arcs(NamedTuple):
    """Arcs in CSR form, twice: row 0 sorted by tail, row 1 by head.

    Attributes:
        start: `[2, nodes + 1]`, where the arcs of each tail (head) begin.
        node: `[2, arcs]`, the other end.
        item: `[2, arcs]`, the position in the objective that the arc costs.
    """

    start: NDArray[np.int32]
    node: NDArray[np.int32]
    item: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The structure of a graph at one time; later changes of the graph do not reach it.

    Attributes:
        position: number of each node, in the order of `G.nodes`.
        edges: in the order of `G.edges` (with keys for a multigraph).
        tails, heads, edge: arcs and the edge each belongs to; an undirected edge is two arcs.
        topological: node numbers in topological order, or None if there is a cycle.
    """

    position: dict[Hashable, int]
    edges: list[tuple[Any, ...]]
    tails: NDArray[np.int32]
    heads: NDArray[np.int32]
    edge: NDArray[np.int32]
    topological: NDArray[np.int32] | None

    @cached_property
    def edge_arcs(self) -> Arcs:
        """Arcs that cost their edge."""
        return self._arcs(self.edge)

    @cached_property
    def node_arcs(self) -> Arcs:
        """Arcs that cost the node they enter."""
        return self._arcs(self.heads)

    def _arcs(self, item: NDArray[np.int32]) -> Arcs:
        starts = np.zeros((2, len(self.position) + 1), np.int32)
        ends = ((self.tails, self.heads), (self.heads, self.tails))
        orders = [np.argsort(own, kind="stable") for own, _ in ends]
        for start, (own, _) in zip(starts, ends, strict=True):
            np.cumsum(np.bincount(own, minlength=len(self.position)), out=start[1:])
        nodes = [other[order] for order, (_, other) in zip(orders, ends, strict=True)]
        return Arcs(starts, np.stack(nodes), np.stack([item[order] for order in orders]))

    @property
    def sweepable(self) -> bool:
        """Whether the structure favours sweeps in lanes; a choice by structure alone keeps ties reproducible."""
        if self.topological is not None:
            return True
        arcs = len(self.tails)
        return arcs <= SMALL or (arcs <= MEDIUM and arcs <= THIN * len(self.position))

    @cached_property
    def order(self) -> NDArray[np.int32]:
        """The order of sweeps: topological if there is one."""
        return np.arange(len(self.position), dtype=np.int32) if self.topological is None else self.topological

    def number(self, name: str, node: Any) -> int:
        """The number of a node.

        Raises:
            InstanceError: the graph has no such node, or it is None.
        """
        if node is None:  # never a node in networkx
            raise InstanceError(
                f"{GRAPH.id}: {name} missing",
                hint=f"give {name}=... to imle.layer for all rows, or to the call, one per row",
            )
        try:
            return self.position[node]
        except (KeyError, TypeError):  # TypeError: unhashable
            raise InstanceError(
                f"{GRAPH.id}: {name}: the graph has no node {node!r}", hint=self._similar(node)
            ) from None

    def _similar(self, node: Any) -> str:
        names = [other for other in self.position if isinstance(other, str)]
        close = difflib.get_close_matches(node, names, n=3) if isinstance(node, str) else []
        if close:
            return f"did you mean {' or '.join(map(repr, close))}?"
        first = next(iter(self.position))
        return f"nodes are compared as in G.nodes; the first one is {first!r} ({type(first).__name__})"


_snapshots: WeakKeyDictionary[nx.Graph, tuple[object, Snapshot]] = WeakKeyDictionary()


def snapshot(graph: Any) -> Snapshot:
    """The graph as arrays, built once per graph and again if its nodes or edges have changed since.

    Raises:
        InstanceError: not a networkx graph, or one without nodes.
    """
    if not isinstance(graph, nx.Graph):
        raise InstanceError(
            f"{GRAPH.id}: graph: expected a networkx graph, found {type(graph).__name__}",
            hint="Graph, DiGraph, MultiGraph and MultiDiGraph are accepted",
        )
    if len(graph) == 0:
        raise InstanceError(f"{GRAPH.id}: graph: expected at least one node, found an empty graph")
    structure = _structure(graph)
    try:
        known = _snapshots.get(graph)
    except TypeError:  # a subclass that compares by content cannot be hashed
        return _build(graph)
    if known is None or known[0] != structure:
        known = _snapshots[graph] = (structure, _build(graph))
    return known[1]


def _structure(graph: nx.Graph) -> object:
    """Everything that a snapshot depends on, in a form that is quick to make and to compare."""
    neighbours = [adjacent for _, adjacent in graph.adjacency()]
    parallel: list[Any] = []
    if graph.is_multigraph():
        keys = list(chain.from_iterable(adjacent.values() for adjacent in neighbours))
        parallel = [list(map(len, keys)), list(chain.from_iterable(keys))]
    return list(graph), list(map(len, neighbours)), list(chain.from_iterable(neighbours)), parallel


def _build(graph: nx.Graph) -> Snapshot:
    position = {node: number for number, node in enumerate(graph)}
    edges = list(graph.edges(keys=True) if graph.is_multigraph() else graph.edges)
    tails = np.fromiter((position[edge[0]] for edge in edges), np.int32, len(edges))
    heads = np.fromiter((position[edge[1]] for edge in edges), np.int32, len(edges))
    number = np.arange(len(edges), dtype=np.int32)
    topological = None
    if graph.is_directed():
        try:
            order = [position[node] for node in nx.topological_sort(graph)]
            topological = np.array(order, np.int32)
        except nx.NetworkXUnfeasible:
            pass  # there is a cycle
    else:
        tails, heads = np.concatenate([tails, heads]), np.concatenate([heads, tails])
        number = np.concatenate([number, number])
    return Snapshot(position, edges, tails, heads, number, topological)
