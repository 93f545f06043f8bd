"""What `imle check` checks the solvers on; imported by checks and by nothing else.

Solutions are listed, by networkx' own definitions of a path, a tree or an arborescence, on small graphs: with parallel
edges, self-loops and named nodes, directed and not.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import networkx as nx
import numpy as np

from imle.testing import Floats, Instance

Edges = Sequence[tuple[Any, Any]]

RING = [(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)]
BOTH_WAYS = [*RING, *((head, tail) for tail, head in RING)]
TANGLE = [(0, 1), (0, 1), (1, 1), (1, 2), (2, 0), (2, 3), (3, 1)]
COMPLETE = list(itertools.combinations(range(5), 2))
ACYCLIC = [(2, 4), (0, 2), (1, 2), (0, 1), (3, 4), (1, 3), (2, 3)]  # networkx would list them node by node
TOO_LARGE = 1e305
"""Finite; sums of a few thousand of them are not."""


def instances(solver_id: str) -> list[Instance]:
    """Small graphs, and all that may be chosen from them."""
    offered: dict[str, Callable[[], list[Instance]]] = {
        "networkx-shortest-path": _shortest_paths,
        "grid-shortest-path": _grids,
        "bounded-path": _bounded_paths,
        "spanning-tree": _trees,
        "arborescence": _arborescences,
        "perfect-matching": _matchings,
        "max-weight-matching": _heaviest_matchings,
        "min-cut": _cuts,
        "max-weight-closure": _closures,
        "steiner-tree": _steiner_trees,
        "k-shortest-paths": _several_paths,
    }
    return offered[solver_id]()


def _shortest_paths() -> list[Instance]:
    cyclic = nx.Graph(nx.grid_2d_graph(3, 3).edges)
    cyclic.add_node("island")
    multi = nx.MultiGraph([("a", "b"), ("a", "b"), ("b", "c"), ("a", "c"), ("c", "d"), ("b", "d")])
    return [
        Instance(
            "acyclic",
            {"edges": ACYCLIC, "source": 0, "target": 4},
            solutions=_paths(ACYCLIC, 0, 4, True),
            objectives=_positive(7),
            rows={"source": [0, 1, 2, 3], "target": [4, 3, 2], "allowed": [None, np.arange(7) != 5, np.arange(7) > 1]},
            bad_row={"source": 4, "target": 0},
        ),
        Instance(
            "grid graph, costs of nodes",
            {"graph": cyclic, "source": (0, 0), "target": (2, 2)},
            {"weights": "node"},
            solutions=_node_paths(cyclic, (0, 0), (2, 2)),
            rows={"allowed": [None, np.arange(10) != 4, np.arange(10) != 1, np.arange(10) > 2]},
            bad_row={"target": "island"},
        ),
        Instance(
            "parallel edges",
            {"graph": multi, "source": "a", "target": "d"},
            solutions=_paths(_edges(multi), "a", "d", False),
            rows={"source": ["a", "b"]},
        ),
    ]


def _grids() -> list[Instance]:
    return [
        Instance(
            f"{height} x {breadth}, {neighbours} neighbours",
            {},
            {"neighbours": neighbours},
            solutions=_node_paths(_steps(height, breadth, neighbours), (0, 0), (height - 1, breadth - 1)).reshape(
                -1, height, breadth
            ),
            shape=(height, breadth),
            rows={
                "source": [(0, 0), (2, 1)],
                "target": [(2, 2), None, (0, 0)],
                "allowed": [None, *_walls(height, breadth)],
            },
        )
        for height, breadth, neighbours in ((3, 3, 8), (3, 4, 4))
    ]


def _walls(height: int, breadth: int) -> list[Floats]:
    """A hole in the middle, and a wall with a gap at its upper end."""
    hole, wall = np.ones((2, height, breadth))
    hole[1, 1] = wall[1:, 1] = 0
    return [hole, wall]


def _trees() -> list[Instance]:
    named = nx.MultiGraph([("a", "b"), ("b", "c"), ("a", "b"), ("c", "a"), ("c", "c")])
    return [
        Instance("ring", {"edges": RING}, solutions=_chosen(RING, 3, _tree(range(4)))),
        Instance("tangle, scores", {"edges": TANGLE}, {"sense": "max"}, solutions=_chosen(TANGLE, 3, _tree(range(4)))),
        Instance("named nodes", {"graph": named}, solutions=_chosen(_edges(named), 2, _tree("abc"))),
    ]


def _arborescences() -> list[Instance]:
    named = nx.DiGraph([("a", "b"), ("b", "c"), ("c", "a"), ("a", "c"), ("c", "b")])
    rooted = _chosen(BOTH_WAYS, 3, lambda chosen: _arborescence(range(4))(chosen) and all(arc[1] for arc in chosen))
    return [
        Instance(
            "root given",
            {"edges": BOTH_WAYS, "root": 0},
            solutions=rooted,
            bad_objective=np.full(len(BOTH_WAYS), TOO_LARGE),
        ),
        Instance(
            "tangle, scores", {"edges": TANGLE}, {"sense": "max"}, solutions=_chosen(TANGLE, 3, _arborescence(range(4)))
        ),
        Instance("named nodes, root free", {"graph": named}, solutions=_chosen(_edges(named), 2, _arborescence("abc"))),
    ]


def _matchings() -> list[Instance]:
    grid = nx.Graph(nx.grid_2d_graph(2, 4).edges)
    odd = list(itertools.combinations(range(6), 2))
    parallel = [(0, 1), (0, 1), (2, 3), (1, 2), (0, 3), (3, 3)]
    return [
        Instance(
            "grid, bipartite",
            {"graph": grid},
            solutions=_chosen(_edges(grid), 4, _pairing(grid)),
            bad_objective=np.full(len(grid.edges), TOO_LARGE),
        ),
        Instance("odd cycles", {"edges": odd}, solutions=_chosen(odd, 3, _pairing(range(6)))),
        Instance(
            "parallel edges, scores",
            {"edges": parallel},
            {"sense": "max"},
            solutions=_chosen(parallel, 2, _pairing(range(4))),
        ),
    ]


def _heaviest_matchings() -> list[Instance]:
    named = nx.MultiGraph([("a", "b"), ("b", "c"), ("a", "b"), ("c", "a"), ("c", "d"), ("d", "d")])
    odd = list(itertools.combinations(range(5), 2))
    return [
        Instance(
            "odd cycles",
            {"edges": odd},
            solutions=_matched(odd, range(3)),
            bad_objective=np.full(len(odd), TOO_LARGE),
        ),
        Instance("as many as possible", {"edges": odd}, {"max_cardinality": True}, solutions=_matched(odd, [2])),
        Instance("named nodes", {"graph": named}, solutions=_matched(_edges(named), range(3))),
    ]


def _closures() -> list[Instance]:
    tools = [(0, 3), (1, 3), (1, 4), (2, 4), (4, 5), (3, 3)]
    named = nx.DiGraph([("a", "b"), ("b", "c"), ("c", "b"), ("d", "a")])
    named.add_node("alone")
    return [
        Instance("projects and tools", {"edges": tools}, solutions=_closed(tools, range(6))),
        Instance("a cycle, named nodes", {"graph": named}, solutions=_closed(_edges(named), list(named))),
    ]


def _steiner_trees() -> list[Instance]:
    wheel = [*((0, rim) for rim in range(1, 6)), *((rim, rim % 5 + 1) for rim in range(1, 6))]
    named = nx.MultiGraph([("a", "b"), ("a", "b"), ("b", "c"), ("c", "d"), ("d", "a"), ("b", "b"), ("x", "y")])
    return [
        Instance(
            "a wheel",
            {"edges": wheel, "terminals": [1, 3, 4]},
            solutions=_steiner(wheel, [1, 3, 4]),
            bad_objective=np.full(len(wheel), TOO_LARGE),
        ),
        Instance(
            "named nodes",
            {"graph": named, "terminals": ["a", "c"]},
            solutions=_steiner(_edges(named), ["a", "c"]),
        ),
        Instance("all nodes", {"edges": RING, "terminals": range(4)}, solutions=_steiner(RING, range(4))),
    ]


def _several_paths() -> list[Instance]:
    named = nx.MultiGraph([("a", "b"), ("b", "c"), ("a", "b"), ("c", "d"), ("a", "c"), ("b", "d"), ("d", "d")])
    ends = {"source": 0, "target": 4, "edges": COMPLETE, "directed": False}
    masks = _paths(COMPLETE, 0, 4, False)
    nodes = [{end for edge, used in zip(COMPLETE, mask, strict=True) if used for end in edge} for mask in masks]
    apart = [
        masks[one] + masks[other]
        for one, other in itertools.combinations(range(len(masks)), 2)
        if nodes[one] & nodes[other] == {0, 4}
    ]
    pairs = [one + other for one, other in itertools.combinations(_paths(_edges(named), "a", "d", False), 2)]
    return [
        Instance(
            "two paths, named nodes",
            {"source": "a", "target": "d", "k": 2, "graph": named},
            solutions=np.unique(pairs, axis=0),
            bad_objective=np.full(len(pairs[0]), TOO_LARGE),
        ),
        Instance(
            "two paths that share no edge",
            {"source": "a", "target": "d", "k": 2, "graph": named},
            {"disjoint": "edges"},
            solutions=np.unique([pair for pair in pairs if pair.max() < 2], axis=0),
        ),
        Instance("two that share no node", {**ends, "k": 2}, {"disjoint": "nodes"}, solutions=np.unique(apart, axis=0)),
        Instance(
            "three paths, acyclic",
            {"source": 0, "target": 4, "k": 3, "edges": ACYCLIC},
            solutions=np.unique(
                [sum(chosen) for chosen in itertools.combinations(_paths(ACYCLIC, 0, 4, True), 3)], axis=0
            ),
        ),
    ]


def _cuts() -> list[Instance]:
    named = nx.MultiGraph([("a", "b"), ("b", "c"), ("a", "b"), ("c", "d"), ("a", "c"), ("b", "d"), ("d", "d")])
    return [
        Instance(
            "both ways", {"source": 0, "target": 2, "edges": BOTH_WAYS}, solutions=_crossings(BOTH_WAYS, 0, 2, True)
        ),
        Instance(
            "undirected",
            {"source": 3, "target": 0, "edges": TANGLE, "directed": False},
            solutions=_crossings(TANGLE, 3, 0, False),
        ),
        Instance(
            "named nodes",
            {"source": "a", "target": "d", "graph": named},
            solutions=_crossings(_edges(named), "a", "d", False),
        ),
    ]


def _bounded_paths() -> list[Instance]:
    named = nx.DiGraph([("a", "b"), ("b", "c"), ("c", "a"), ("a", "c"), ("c", "d"), ("b", "d"), ("d", "b")])
    whole = {"source": 0, "target": 4, "edges": COMPLETE, "directed": False}
    return [
        Instance(
            "at most 2 edges",
            {**whole, "hops": 2},
            solutions=_paths(COMPLETE, 0, 4, False, 2),
            bad_objective=np.full(len(COMPLETE), TOO_LARGE),
        ),
        # with costs of any sign: cycles of negative cost everywhere, which no path may use
        Instance("any number of edges", {**whole, "hops": 9}, solutions=_paths(COMPLETE, 0, 4, False, 9)),
        Instance(
            "parallel arcs",
            {"source": 0, "target": 3, "hops": 3, "edges": TANGLE},
            solutions=_paths(TANGLE, 0, 3, True, 3),
        ),
        Instance(
            "named nodes",
            {"source": "a", "target": "d", "hops": 3, "graph": named},
            solutions=_paths(_edges(named), "a", "d", True, 3),
        ),
    ]


def _edges(graph: Any) -> Edges:
    """In the order of the objective."""
    return [edge[:2] for edge in graph.edges]


def _chosen(edges: Edges, size: int, allowed: Callable[[Edges], bool]) -> Floats:
    """Masks of as many edges as asked for that are allowed."""
    every = itertools.combinations(range(len(edges)), size)
    kept = [places for places in every if allowed([edges[place] for place in places])]
    return np.array([[float(edge in places) for edge in range(len(edges))] for places in kept])


def _tree(nodes: Iterable[Any]) -> Callable[[Edges], bool]:
    return lambda chosen: bool(nx.is_tree(_built(nx.MultiGraph, nodes, chosen)))


def _arborescence(nodes: Iterable[Any]) -> Callable[[Edges], bool]:
    return lambda chosen: bool(nx.is_arborescence(_built(nx.MultiDiGraph, nodes, chosen)))


def _built(kind: Any, nodes: Iterable[Any], edges: Edges) -> Any:
    graph = kind()
    graph.add_nodes_from(nodes)
    graph.add_edges_from(edges)
    return graph


def _pairing(nodes: Iterable[Any]) -> Callable[[Edges], bool]:
    """Each node is the end of exactly one edge."""
    return lambda chosen: sorted(end for edge in chosen for end in edge) == sorted(nodes)


def _matched(edges: Edges, sizes: Iterable[int]) -> Floats:
    """Masks of so many edges of which no two share a node."""

    def apart(chosen: Edges) -> bool:
        ends = [end for edge in chosen for end in edge]
        return len(set(ends)) == len(ends)

    return np.vstack([_chosen(edges, size, apart) for size in sizes])


def _closed(edges: Edges, nodes: Sequence[Any]) -> Floats:
    """Masks of nodes that no edge leaves."""
    every = (dict(zip(nodes, mask, strict=True)) for mask in itertools.product((0.0, 1.0), repeat=len(nodes)))
    return np.array([list(mask.values()) for mask in every if all(mask[a] <= mask[b] for a, b in edges)])


def _steiner(edges: Edges, terminals: Sequence[Any]) -> Floats:
    """Masks of trees with all terminals, whose leaves are terminals."""

    def joins(chosen: Edges) -> bool:
        tree = _built(nx.MultiGraph, terminals, chosen)
        return bool(nx.is_tree(tree)) and all(degree > 1 or node in terminals for node, degree in tree.degree)

    sizes = range(len({end for edge in edges for end in edge}))
    return np.vstack([masks for size in sizes if len(masks := _chosen(edges, size, joins))])


def _crossings(edges: Edges, source: Any, target: Any, directed: bool) -> Floats:
    """Masks of the edges that leave each set of nodes with the source and without the target."""
    others = {end for edge in edges for end in edge} - {source, target}
    masks = []
    for side in itertools.chain.from_iterable(itertools.combinations(others, size) for size in range(len(others) + 1)):
        near = {source, *side}
        leaves = [(tail in near, head in near) for tail, head in edges]
        masks.append([float(ends == (True, False) or (not directed and ends == (False, True))) for ends in leaves])
    return np.unique(masks, axis=0)


def _paths(edges: Edges, source: Any, target: Any, directed: bool, hops: int | None = None) -> Floats:
    """Masks of paths that visit no node twice."""
    graph = nx.MultiDiGraph() if directed else nx.MultiGraph()
    for number, (tail, head) in enumerate(edges):
        graph.add_edge(tail, head, key=number)
    masks = np.zeros((0, len(edges)))
    for path in nx.all_simple_edge_paths(graph, source, target, cutoff=hops):
        used = {number for _, _, number in path}
        masks = np.vstack([masks, [float(edge in used) for edge in range(len(edges))]])
    return masks


def _positive(size: int) -> Callable[[np.random.Generator, int], Floats]:
    return lambda rng, rows: rng.uniform(0.1, 2.0, size=(rows, size))


def _node_paths(graph: Any, source: Any, target: Any) -> Floats:
    paths = dict.fromkeys(map(frozenset, nx.all_simple_paths(graph, source, target)))
    return np.array([[float(node in path) for node in graph.nodes] for path in paths])


def _steps(height: int, breadth: int, neighbours: int) -> Any:
    graph = nx.grid_2d_graph(height, breadth)
    if neighbours == 8:
        cells = itertools.product(list(graph), repeat=2)
        graph.add_edges_from((a, b) for a, b in cells if abs(a[0] - b[0]) == abs(a[1] - b[1]) == 1)
    return graph
