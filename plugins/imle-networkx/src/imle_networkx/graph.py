"""Graphs as users give them, a networkx graph or a list of edges, as arrays. networkx itself is never imported."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle.solvers import missing_instance
from imle.solvers.compiled import Ints, read_only
from imle_networkx.kernels import Arcs

Edge = tuple[Hashable, ...]

_MOST = 2**31 - 1


@dataclass(frozen=True, eq=False)
class Graph:
    """A snapshot of a graph; later changes of the user's object do not reach it.

    Attributes:
        nodes: how many there are.
        tails, heads: `[E]` node numbers, in the order of the objective.
        directed: whether edges lead from tail to head only.
        names: the edges as the user calls them; None if they are pairs of node numbers.
        positions: number of each node as the user calls it; None if nodes are called by their numbers.
        listed: where users find the names of nodes.
    """

    nodes: int
    tails: Ints
    heads: Ints
    directed: bool
    names: list[Edge] | None = None
    positions: dict[Hashable, int] | None = None
    listed: str = "edges"

    @cached_property
    def edge_labels(self) -> list[Edge]:
        """`[E]` the edges as the user calls them."""
        return list(zip(self.tails.tolist(), self.heads.tolist(), strict=True)) if self.names is None else self.names

    @cached_property
    def node_labels(self) -> list[Hashable]:
        """The nodes as the user calls them."""
        return list(range(self.nodes) if self.positions is None else self.positions)

    @cached_property
    def arcs(self) -> Arcs:
        """Arcs twice, self-loops left out: row 0 sorted by tail, row 1 by head."""
        tails, heads, edge = both_ways(self, directed=self.directed)
        pairs = zip(sort(self.nodes, tails, heads, edge), sort(self.nodes, heads, tails, edge), strict=True)
        return Arcs(*(read_only(np.stack(pair)) for pair in pairs))

    @property
    def out(self) -> Arcs:
        """Arcs by tail, self-loops left out."""
        return Arcs(*(both[0] for both in self.arcs))

    @property
    def into(self) -> Arcs:
        """Arcs by head, self-loops left out."""
        return Arcs(*(both[1] for both in self.arcs))

    @cached_property
    def links(self) -> Arcs:
        """All edges in both directions, by tail, whatever the graph: link 2e leads from tail to head of edge e, 2e + 1
        back. Self-loops are left out."""
        tails, heads, edge = both_ways(self, directed=False)
        return sort(self.nodes, tails, heads, 2 * edge + np.arange(len(edge), dtype=np.int32) % 2)

    @cached_property
    def ends(self) -> Ints:
        """`[2E]` the node that each link leads to; self-loops are in."""
        return read_only(np.stack([self.heads, self.tails], axis=1).ravel())

    @cached_property
    def topological(self) -> Ints | None:
        """Node numbers in topological order; None if there is a cycle, such as a self-loop or an undirected edge."""
        if not self.directed or (self.tails == self.heads).any():
            return None
        waiting = np.diff(self.into.start).tolist()
        start, heads = self.out.start.tolist(), self.out.node.tolist()
        order = [node for node, count in enumerate(waiting) if not count]
        for node in order:  # it grows on the way
            for head in heads[start[node] : start[node + 1]]:
                waiting[head] -= 1
                if not waiting[head]:
                    order.append(head)
        return read_only(np.array(order, np.int32)) if len(order) == self.nodes else None

    @cached_property
    def order(self) -> Ints:
        """All node numbers, in topological order if there is one."""
        return read_only(np.arange(self.nodes, dtype=np.int32)) if self.topological is None else self.topological

    def number(self, who: str, name: str, node: Any) -> int:
        """The number of a node.

        Args:
            who, name: the solver and the parameter, for messages.
            node: as the user calls it.

        Raises:
            InstanceError: the graph has no such node, or it is None.
        """
        if node is None:  # never a node in networkx
            raise missing_instance(who, f"{name} missing", f"{name}=...")
        if self.positions is not None:
            try:
                return self.positions[node]
            except (KeyError, TypeError):  # TypeError: unhashable
                hint = self._similar(node)
                raise InstanceError(f"{who}: {name}: the graph has no node {node!r}", hint=hint) from None
        number = whole(node)
        if number is None or not 0 <= number < self.nodes:
            raise InstanceError(f"{who}: {name}: expected a node, 0 to {self.nodes - 1}, found {node!r}")
        return number

    def _similar(self, node: Any) -> str:
        names = [other for other in self.node_labels if isinstance(other, str)]
        close = difflib.get_close_matches(node, names, n=3) if isinstance(node, str) else []
        if close:
            return f"did you mean {' or '.join(map(repr, close))}?"
        first = self.node_labels[0]
        return f"nodes are compared as in {self.listed}; the first one is {first!r} ({type(first).__name__})"


def read(who: str, graph: Any, edges: Any = None, nodes: Any = None, directed: bool | None = None) -> Graph | None:
    """Check and convert an instance; None if there is none yet.

    Args:
        who: the solver, for messages.
        graph: a networkx graph of any kind, or None.
        edges: with a graph, all its edges in the order of the objective, `(u, v)` or, for a multigraph, `(u, v, key)`;
            undirected ones may be spelled from either end. Without a graph, the edges that make one, `[E, 2]` node
            numbers or a sequence of pairs of names; an edge that is listed twice is two parallel edges.
        nodes: for edges without a graph: how many nodes there are (by default the largest number plus one), or the
            names of all nodes (by default those in `edges`, in the order in which they appear).
        directed: what lists are, and what networkx graphs have to be; None leaves both open (lists are directed).

    Raises:
        InstanceError: half of an instance, the wrong kind of graph, no nodes, edges that are not those of the graph,
            or not pairs of nodes.
    """
    if graph is None:
        if edges is not None:
            return _from_list(who, edges, nodes, directed is not False)
        if nodes is not None:
            raise InstanceError(f"{who}: expected edges beside nodes, found nodes alone")
        return None
    if nodes is not None:
        raise InstanceError(f"{who}: expected either graph or nodes, found both", hint="the graph has its own nodes")
    found = snapshot(who, graph)
    if directed is not None and found.directed != directed:
        wanted, method = ("a directed", "to_directed") if directed else ("an undirected", "to_undirected")
        raise InstanceError(
            f"{who}: graph: expected {wanted} graph, found {type(graph).__name__}",
            hint=f"graph.{method}() makes one; objectives then follow the order of its edges",
        )
    return found if edges is None else _in_order(who, found, edges)


_snapshots: WeakKeyDictionary[Any, tuple[object, Graph]] = WeakKeyDictionary()


def snapshot(who: str, graph: Any) -> Graph:
    """A networkx graph as arrays, built once per graph and again if its nodes or edges have changed since.

    Raises:
        InstanceError: not a networkx graph, or one without nodes.
    """
    needed = ("nodes", "edges", "adjacency", "is_directed", "is_multigraph")
    if isinstance(graph, type) or not all(hasattr(graph, name) for name in needed):
        raise InstanceError(
            f"{who}: graph: expected a networkx graph, found {type(graph).__name__}",
            hint="Graph, DiGraph, MultiGraph and MultiDiGraph are accepted; a list of edges is given as edges=...",
        )
    if not len(graph):
        raise InstanceError(f"{who}: graph: expected at least one node, found an empty graph")
    structure = _structure(graph)
    try:
        known = _snapshots.get(graph)
    except TypeError:  # a subclass that compares by content cannot be hashed
        return _from_networkx(graph)
    if known is None or known[0] != structure:
        known = _snapshots[graph] = (structure, _from_networkx(graph))
    return known[1]


def _structure(graph: Any) -> object:
    """Everything that a snapshot depends on, in a form that is quick to make and to compare."""
    neighbours = [adjacent for _, adjacent in graph.adjacency()]
    parallel: list[Any] = []
    if graph.is_multigraph():
        keys = list(chain.from_iterable(adjacent.values() for adjacent in neighbours))
        parallel = [list(map(len, keys)), list(chain.from_iterable(keys))]
    return list(graph), list(map(len, neighbours)), list(chain.from_iterable(neighbours)), parallel


def _from_networkx(graph: Any) -> Graph:
    edges = list(graph.edges(keys=True) if graph.is_multigraph() else graph.edges)
    return _named(edges, {node: number for number, node in enumerate(graph)}, bool(graph.is_directed()), "G.nodes")


def _in_order(who: str, graph: Graph, edges: Any) -> Graph:
    """The graph with its edges as a list has them."""
    known = graph.edge_labels
    numbers = {edge: number for number, edge in enumerate(known)}
    if not graph.directed:
        numbers = {(edge[1], edge[0], *edge[2:]): number for edge, number in numbers.items()} | numbers
    given = _as_tuples(who, edges)
    first: dict[int, int] = {}  # where each edge is listed
    for place, edge in enumerate(given):
        try:
            number = numbers[edge]
        except (KeyError, TypeError):  # TypeError: unhashable
            raise InstanceError(
                f"{who}: edges: expected edges of the graph, found {edge!r} at position {place}",
                hint=f"edges are written as in G.edges; the first one is {known[0]!r}" if known else "it has no edge",
            ) from None
        if number in first:
            raise InstanceError(
                f"{who}: edges: expected every edge once, found {given[first[number]]!r} at position {first[number]} "
                f"and {edge!r} at position {place}"
            )
        first[number] = place
    if len(first) < len(known):
        missing = next(edge for number, edge in enumerate(known) if number not in first)
        raise InstanceError(
            f"{who}: edges: expected all {len(known)} edges of the graph, found {len(first)}, {missing!r} is missing",
            hint="leave the graph out if this list is the graph",
        )
    order = np.fromiter(first, np.int32, len(first))
    return replace(graph, tails=read_only(graph.tails[order]), heads=read_only(graph.heads[order]), names=given)


def _from_list(who: str, edges: Any, nodes: Any, directed: bool) -> Graph:
    if isinstance(nodes, Iterable) and not isinstance(nodes, (str, bytes)) and whole(nodes) is None:
        return _from_names(who, edges, list(nodes), directed)
    try:
        ends = np.asarray(edges)
    except (TypeError, ValueError, RuntimeError):  # names of different lengths; a tensor on a GPU, or with a gradient
        ends = np.asarray(edges.tolist() if hasattr(edges, "tolist") else None)
    if ends.size == 0:
        ends = np.zeros((0, 2), np.int64)
    if ends.ndim == 2 and ends.shape[1] == 2 and ends.dtype.kind in "iu":
        return _from_numbers(who, ends, nodes, directed)
    if ends.ndim and ends.ndim < 3 and ends.dtype.kind in "iufcb":
        raise InstanceError(
            f"{who}: edges: expected an array [E, 2] of node numbers, found {ends.dtype} of shape {list(ends.shape)}",
            hint="edges.T turns an edge index [2, E]"
            if ends.shape[:1] == (2,)
            else "or a sequence of pairs of names, in the order of the objective",
        )
    if nodes is not None:
        raise InstanceError(f"{who}: nodes: expected the names of the nodes, as edges have them, found {nodes!r}")
    return _from_names(who, edges, None, directed)


def _from_numbers(who: str, ends: NDArray[Any], nodes: Any, directed: bool) -> Graph:
    least = int(ends.max()) + 1 if len(ends) else 0
    count = least if nodes is None else whole(nodes)
    if count is None or not 0 < count <= _MOST:
        found = least if nodes is None else nodes
        raise InstanceError(f"{who}: nodes: expected the number of nodes, at least 1, found {found!r}")
    outside = np.flatnonzero(((ends < 0) | (ends >= count)).any(axis=1))
    if len(outside):
        row = int(outside[0])
        raise InstanceError(
            f"{who}: edges: expected node numbers 0 to {count - 1}, found {ends[row].tolist()} at position {row}"
        )
    tails, heads = ends.astype(np.int32).T
    return Graph(count, read_only(tails), read_only(heads), directed)


def _from_names(who: str, edges: Any, nodes: list[Any] | None, directed: bool) -> Graph:
    pairs = _as_tuples(who, edges)
    try:
        distinct = dict.fromkeys(chain.from_iterable(pairs) if nodes is None else nodes)
    except TypeError as error:
        raise InstanceError(f"{who}: edges: expected names of nodes that can be hashed: {error}") from None
    distinct.pop(None, None)  # never a node in networkx
    if nodes is not None and (not nodes or len(distinct) < len(nodes)):
        raise InstanceError(f"{who}: nodes: expected the name of every node once, found {nodes!r}")
    for place, pair in enumerate(pairs):
        if len(pair) != 2 or pair[0] not in distinct or pair[1] not in distinct:
            wanted = "pairs of nodes" if nodes is None else "pairs of the nodes in nodes"
            raise InstanceError(f"{who}: edges: expected {wanted}, found {pair!r} at position {place}")
    positions = {node: number for number, node in enumerate(distinct)}
    return _named(pairs, positions, directed, "edges" if nodes is None else "nodes")


def _named(edges: list[Edge], positions: dict[Hashable, int], directed: bool, listed: str) -> Graph:
    tails = np.fromiter((positions[edge[0]] for edge in edges), np.int32, len(edges))
    heads = np.fromiter((positions[edge[1]] for edge in edges), np.int32, len(edges))
    return Graph(len(positions), read_only(tails), read_only(heads), directed, edges, positions, listed)


def _as_tuples(who: str, edges: Any) -> list[Edge]:
    if hasattr(edges, "__array__"):  # a table would list its columns, an array its rows as arrays
        edges = edges.tolist() if hasattr(edges, "tolist") else np.asarray(edges).tolist()
    try:
        return [tuple(edge) for edge in edges]
    except TypeError as error:
        raise InstanceError(f"{who}: edges: expected a sequence of pairs of nodes: {error}") from None


def whole(value: Any) -> int | None:
    """A whole number of any type as an int; None for anything else, True and False among it."""
    if isinstance(value, (bool, np.bool_)):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def sort(nodes: int, own: Ints, other: Ints, item: Ints) -> Arcs:
    """Sort arcs by `own`; those of one node keep their order."""
    order = np.argsort(own, kind="stable")
    start = np.zeros(nodes + 1, np.int32)
    np.cumsum(np.bincount(own, minlength=nodes), out=start[1:])
    return Arcs(read_only(start), read_only(other[order]), read_only(item[order]))


def both_ways(graph: Graph, *, directed: bool) -> tuple[Ints, Ints, Ints]:
    """Tails, heads and edges of all arcs, by edge, self-loops left out; two arcs of an edge unless directed."""
    edge = np.flatnonzero(graph.tails != graph.heads).astype(np.int32)
    tails, heads = graph.tails[edge], graph.heads[edge]
    if directed:
        return tails, heads, edge
    return np.stack([tails, heads], axis=1).ravel(), np.stack([heads, tails], axis=1).ravel(), edge.repeat(2)


def distances(outgoing: Arcs, source: int) -> NDArray[np.int64]:
    """`[nodes]` numbers of arcs from a node to all others, -1 for those out of reach."""
    found = np.full(len(outgoing.start) - 1, -1, np.int64)
    found[source] = 0
    front = np.array([source])
    step = 0
    while len(front):
        step += 1
        start, end = outgoing.start[front], outgoing.start[front + 1]
        offsets = np.arange(int((end - start).sum())) - np.repeat(np.cumsum(end - start) - (end - start), end - start)
        reached = np.unique(outgoing.node[np.repeat(start, end - start) + offsets])
        front = reached[found[reached] < 0]
        found[front] = step
    return found
