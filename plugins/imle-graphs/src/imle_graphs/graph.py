"""Graphs as users give them, a networkx graph or a list of edges, as arrays."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle_graphs.kernels.compiling import read_only

Ints = NDArray[np.int32]
_MOST = 2**31 - 1


@dataclass(frozen=True, eq=False)
class Graph:
    """A snapshot of a graph; later changes of the user's object do not reach it.

    Attributes:
        nodes: how many there are.
        tails, heads: `[E]` node numbers, in the order of the objective.
        directed: whether edges lead from tail to head only.
        positions: number of each node as the user calls it; None if nodes are called by their numbers.
    """

    nodes: int
    tails: Ints
    heads: Ints
    directed: bool
    positions: dict[Hashable, int] | None = None

    @property
    def edges(self) -> int:
        """E, the size of an objective."""
        return len(self.tails)

    def number(self, who: str, name: str, node: Any) -> int:
        """The number of a node.

        Raises:
            InstanceError: the graph has no such node.
        """
        if self.positions is not None:
            try:
                return self.positions[node]
            except (KeyError, TypeError):  # TypeError: unhashable
                first = next(iter(self.positions))
                raise InstanceError(
                    f"{who}: {name}: the graph has no node {node!r}",
                    hint=f"nodes are compared as in G.nodes; the first one is {first!r} ({type(first).__name__})",
                ) from None
        if isinstance(node, (bool, np.bool_)) or not hasattr(node, "__index__") or not 0 <= int(node) < self.nodes:
            raise InstanceError(f"{who}: {name}: expected a node, 0 to {self.nodes - 1}, found {node!r}")
        return int(node)

    def name(self, number: int) -> Any:
        """How the user calls a node."""
        return number if self.positions is None else list(self.positions)[number]


def read(who: str, graph: Any, edges: Any, nodes: Any, directed: bool | None) -> Graph | None:
    """Check and convert an instance; None if there is none yet.

    Args:
        who: the solver, for messages.
        graph: a networkx graph of any kind, or None.
        edges: `[E, 2]` node numbers instead.
        nodes: how many nodes there are; by default the largest number in `edges` plus one.
        directed: what edge lists are, and what networkx graphs have to be; None leaves both open (lists are directed).

    Raises:
        InstanceError: both or half of an instance, the wrong kind of graph, no nodes, or not node numbers.
    """
    if graph is not None:
        if edges is not None or nodes is not None:
            raise InstanceError(f"{who}: expected either graph or edges and nodes, found graph and one of these")
        return _from_networkx(who, graph, directed)
    if edges is None:
        if nodes is not None:
            raise InstanceError(f"{who}: expected edges beside nodes, found nodes alone")
        return None
    return _from_list(who, edges, nodes, directed is not False)


def _from_networkx(who: str, graph: Any, directed: bool | None) -> Graph:
    if not all(hasattr(graph, name) for name in ("nodes", "edges", "is_directed", "is_multigraph")):
        raise InstanceError(
            f"{who}: graph: expected a networkx graph, found {type(graph).__name__}",
            hint="an array of edges is given as edges=..., with nodes=... if some have no edge",
        )
    found = bool(graph.is_directed())
    if directed is not None and found != directed:
        wanted, method = ("a directed", "to_directed") if directed else ("an undirected", "to_undirected")
        raise InstanceError(
            f"{who}: graph: expected {wanted} graph, found {type(graph).__name__}",
            hint=f"graph.{method}() makes one; objectives then follow the order of its edges",
        )
    positions = {node: number for number, node in enumerate(graph)}
    if not positions:
        raise InstanceError(f"{who}: graph: expected at least one node, found none")
    edges = list(graph.edges(keys=True) if graph.is_multigraph() else graph.edges)
    tails = np.fromiter((positions[edge[0]] for edge in edges), np.int32, len(edges))
    heads = np.fromiter((positions[edge[1]] for edge in edges), np.int32, len(edges))
    return Graph(len(positions), read_only(tails), read_only(heads), found, positions)


def _from_list(who: str, edges: Any, nodes: Any, directed: bool) -> Graph:
    try:
        ends = np.asarray(edges)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InstanceError(f"{who}: edges: expected an array [E, 2] of node numbers: {error}") from None
    if ends.size == 0:
        ends = np.zeros((0, 2), np.int64)
    if ends.ndim != 2 or ends.shape[1] != 2 or ends.dtype.kind not in "iu":
        raise InstanceError(
            f"{who}: edges: expected an array [E, 2] of node numbers, found {ends.dtype} of shape {list(ends.shape)}"
        )
    least = int(ends.max(initial=-1)) + 1
    count = least if nodes is None else nodes
    if isinstance(count, (bool, np.bool_)) or not hasattr(count, "__index__") or not 0 < int(count) <= _MOST:
        raise InstanceError(f"{who}: nodes: expected the number of nodes, at least 1, found {count!r}")
    outside = np.flatnonzero(((ends < 0) | (ends >= int(count))).any(axis=1))
    if len(outside):
        row = int(outside[0])
        raise InstanceError(
            f"{who}: edges: expected node numbers 0 to {int(count) - 1}, found {ends[row].tolist()} at position {row}"
        )
    tails, heads = ends.astype(np.int32).T
    return Graph(int(count), read_only(tails), read_only(heads), directed)


@dataclass(frozen=True, eq=False)
class Arcs:
    """Arcs sorted by one of their ends; an undirected edge is two arcs.

    Attributes:
        start: `[nodes + 1]`, where the arcs of each node begin.
        node: `[arcs]`, the other end.
        item: `[arcs]`, the edge.
    """

    start: Ints
    node: Ints
    item: Ints


def arcs(nodes: int, own: Ints, other: Ints, item: Ints) -> Arcs:
    """Sort arcs by `own`, then by item."""
    order = np.lexsort((item, own))
    start = np.zeros(nodes + 1, np.int32)
    np.cumsum(np.bincount(own, minlength=nodes), out=start[1:])
    return Arcs(read_only(start), read_only(other[order]), read_only(item[order]))


def both_ways(graph: Graph) -> tuple[Ints, Ints, Ints]:
    """Tails, heads and edges of all arcs, self-loops left out."""
    item = np.flatnonzero(graph.tails != graph.heads).astype(np.int32)
    tails, heads = graph.tails[item], graph.heads[item]
    if graph.directed:
        return tails, heads, item
    return np.concatenate([tails, heads]), np.concatenate([heads, tails]), np.concatenate([item, item])


def distances(nodes: int, arcs_out: Arcs, source: int) -> NDArray[np.int64]:
    """`[nodes]` numbers of arcs from a node to all others, -1 for those out of reach."""
    found = np.full(nodes, -1, np.int64)
    found[source] = 0
    front = np.array([source])
    step = 0
    while len(front):
        step += 1
        start, end = arcs_out.start[front], arcs_out.start[front + 1]
        offsets = np.arange(int((end - start).sum())) - np.repeat(np.cumsum(end - start) - (end - start), end - start)
        reached = np.unique(arcs_out.node[np.repeat(start, end - start) + offsets])
        front = reached[found[reached] < 0]
        found[front] = step
    return found
