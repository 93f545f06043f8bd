"""Trees, matchings, cuts and paths of small multigraphs, all listed by their definitions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from fuzz.case import Case, Floats, literal
from fuzz.sets import ROWS, case, senses

Edges = list[tuple[int, int]]
Generator = np.random.Generator
_MOST = 10
"""Edges of a graph."""


def _graph(rng: Generator, nodes: int) -> Edges:
    """Parallel edges and loops among them."""
    edges = [(int(a), int(b)) for a, b in rng.integers(0, nodes, (int(rng.integers(nodes - 1, _MOST + 1)), 2))]
    if rng.random() < 0.7:  # connected
        order = rng.permutation(nodes).tolist()
        edges[: nodes - 1] = [(order[int(rng.integers(place))], order[place]) for place in range(1, nodes)]
    return edges if rng.random() < 0.3 else [edge for edge in edges if edge[0] != edge[1]] or [(0, 1)]


def _masks(edges: Edges, chosen: Iterator[Sequence[int]] | Sequence[Sequence[int]]) -> Floats:
    """`[M, E]` a mask for each choice of edge numbers."""
    found = [[float(edge in places) for edge in range(len(edges))] for places in map(set, chosen)]
    return np.unique(np.array(found).reshape(-1, len(edges)), axis=0)


def _reached(edges: Edges, places: Sequence[int], start: int, *, directed: bool) -> set[int]:
    seen, todo = {start}, [start]
    while todo:
        node = todo.pop()
        for place in places:
            tail, head = edges[place]
            for one, other in ((tail, head),) if directed else ((tail, head), (head, tail)):
                if one == node and other not in seen:
                    seen.add(other)
                    todo.append(other)
    return seen


def _within(points: Floats, allowed: NDArray[np.bool_]) -> Floats:
    """The masks that are part of another one."""
    return points[~(points > allowed).reshape(len(points), allowed.size).any(axis=1)]


def _edges(rng: Generator, nodes: int, edges: Edges) -> dict[str, str]:
    """The instance as a list of edges."""
    needed = max(map(max, edges)) + 1 < nodes
    return {"edges": literal(edges)} | ({"nodes": str(nodes)} if needed or rng.random() < 0.3 else {})


def spanning_tree(target: str, rng: Generator) -> Case:
    nodes = int(rng.integers(2, 6))
    edges = _graph(rng, nodes)
    chosen = [
        places
        for places in itertools.combinations(range(len(edges)), nodes - 1)
        if len(_reached(edges, places, 0, directed=False)) == nodes
    ]
    return case(rng, target.split("/")[1], senses(rng), _edges(rng, nodes, edges), [_masks(edges, chosen)])


def arborescence(target: str, rng: Generator) -> Case:
    nodes = int(rng.integers(2, 6))
    edges = _graph(rng, nodes)
    edges += [edge[::-1] for edge in edges[: _MOST - len(edges)]]
    root = int(rng.integers(nodes)) if rng.random() < 0.5 else None
    chosen = [
        places
        for places in itertools.combinations(range(len(edges)), nodes - 1)
        for start in (range(nodes) if root is None else [root])
        if len(_reached(edges, places, start, directed=True)) == nodes
    ]
    instance = _edges(rng, nodes, edges) | ({} if root is None else {"root": str(root)})
    return case(rng, target.split("/")[1], senses(rng), instance, [_masks(edges, chosen)])


def perfect_matching(target: str, rng: Generator) -> Case:
    nodes = 2 * int(rng.integers(1, 4))
    edges = _graph(rng, nodes)
    if rng.random() < 0.3:  # bipartite graphs have an algorithm of their own
        edges = [(a, b) for a, b in edges if (a < nodes // 2) != (b < nodes // 2)] or [(0, nodes - 1)]
    chosen = [
        places
        for places in itertools.combinations(range(len(edges)), nodes // 2)
        if len({end for place in places for end in edges[place]}) == nodes
    ]
    return case(rng, target.split("/")[1], senses(rng), _edges(rng, nodes, edges), [_masks(edges, chosen)])


def max_weight_matching(target: str, rng: Generator) -> Case:
    nodes = int(rng.integers(2, 8))
    edges, most = _graph(rng, nodes), bool(rng.random() < 0.4)
    chosen: list[tuple[int, ...]] = []
    for size in range(nodes // 2 + 1):
        larger = [
            places
            for places in itertools.combinations(range(len(edges)), size)
            if len({end for place in places for end in edges[place]}) == 2 * size
        ]
        chosen = (larger or chosen) if most else chosen + larger
    options = {"max_cardinality": most}
    return case(rng, target.split("/")[1], options, _edges(rng, nodes, edges), [_masks(edges, chosen)])


def max_weight_closure(target: str, rng: Generator) -> Case:
    nodes = int(rng.integers(2, 8))
    edges = _graph(rng, nodes)
    every = np.array(list(itertools.product([0.0, 1.0], repeat=nodes)))
    closed = np.all([every[:, tail] <= every[:, head] for tail, head in edges], axis=0)
    return case(rng, target.split("/")[1], {}, _edges(rng, nodes, edges), [every[closed]])


def steiner_tree(target: str, rng: Generator) -> Case:
    nodes = int(rng.integers(2, 7))
    edges = _graph(rng, nodes)
    terminals = rng.permutation(nodes)[: int(rng.integers(1, nodes + 1))].tolist()
    chosen = []
    for size in range(nodes):
        for places in itertools.combinations(range(len(edges)), size):
            ends = [end for place in places for end in edges[place]]
            reached = _reached(edges, places, terminals[0], directed=False)
            leaves = {end for end in ends if ends.count(end) == 1}
            if len(reached) == size + 1 and leaves <= set(terminals) <= reached:
                chosen.append(places)
    instance = _edges(rng, nodes, edges) | {"terminals": literal(terminals)}
    return case(rng, target.split("/")[1], {}, instance, [_masks(edges, chosen)], positive=True)


def k_shortest_paths(target: str, rng: Generator) -> Case:
    nodes, count = int(rng.integers(2, 6)), int(rng.integers(1, 4))
    edges, directed, disjoint = _graph(rng, nodes), bool(rng.random() < 0.5), str(rng.choice(["no", "edges", "nodes"]))
    source, sink = rng.permutation(nodes)[:2].tolist()
    paths = [set(places) for places in _paths(edges, source, sink, directed=directed, hops=nodes)]
    inner = [{end for place in path for end in edges[place]} - {source, sink} for path in paths]

    def apart(one: int, other: int) -> bool:
        return disjoint == "no" or not (
            paths[one] & paths[other] or (disjoint == "nodes" and inner[one] & inner[other])
        )

    sums = [
        [float(sum(place in paths[path] for path in chosen)) for place in range(len(edges))]
        for chosen in itertools.combinations(range(len(paths)), count)
        if all(apart(*pair) for pair in itertools.combinations(chosen, 2))
    ]
    points = np.unique(np.array(sums).reshape(-1, len(edges)), axis=0)
    ends = {"source": str(source), "target": str(sink), "k": str(count), "directed": str(directed)}
    instance = _edges(rng, nodes, edges) | ends
    return case(rng, target.split("/")[1], {"disjoint": disjoint}, instance, [points], positive=True)


def min_cut(target: str, rng: Generator) -> Case:
    nodes = int(rng.integers(2, 6))
    edges, directed = _graph(rng, nodes), bool(rng.random() < 0.5)
    source, sink = rng.permutation(nodes)[:2].tolist()
    chosen = []
    for side in itertools.product([False, True], repeat=nodes):
        if side[source] and not side[sink]:
            crossing = [(side[tail], side[head]) for tail, head in edges]
            leaving = [(True, False)] if directed else [(True, False), (False, True)]
            chosen.append([place for place, ends in enumerate(crossing) if ends in leaving])
    instance = _edges(rng, nodes, edges) | {"source": str(source), "target": str(sink), "directed": str(directed)}
    return case(rng, target.split("/")[1], {}, instance, [_masks(edges, chosen)], positive=True)


def _paths(edges: Edges, source: int, sink: int, *, directed: bool, hops: int) -> list[list[int]]:
    """Edge numbers of all paths that visit no node twice."""
    found: list[list[int]] = []

    def extend(node: int, seen: set[int], places: list[int]) -> None:
        if node == sink:
            found.append(places)
            return
        if len(places) == hops:
            return
        for place, (tail, head) in enumerate(edges):
            for one, other in {(tail, head)} if directed else {(tail, head), (head, tail)}:
                if one == node and other not in seen:
                    extend(other, seen | {other}, [*places, place])

    extend(source, {source}, [])
    return found


def bounded_path(target: str, rng: Generator) -> Case:
    nodes = int(rng.integers(2, 7))
    edges, directed = _graph(rng, nodes), bool(rng.random() < 0.5)
    source, sink = rng.permutation(nodes)[:2].tolist()
    hops = int(rng.integers(1, nodes + 2))
    chosen = _paths(edges, source, sink, directed=directed, hops=hops)
    ends = {"source": str(source), "target": str(sink), "hops": str(hops), "directed": str(directed)}
    return case(rng, target.split("/")[1], {}, _edges(rng, nodes, edges) | ends, [_masks(edges, chosen)])


def shortest_path(target: str, rng: Generator) -> Case:
    """Acyclic graphs with costs of any sign, others with costs that are not negative; edges or nodes that cost; some
    with walls."""
    import networkx as nx  # only for the order of its edges, which is the order of objectives

    nodes = int(rng.integers(2, 7))
    edges, acyclic = _graph(rng, nodes), bool(rng.random() < 0.4)
    kind = str(
        rng.choice(["DiGraph", "MultiDiGraph"] if acyclic else ["Graph", "DiGraph", "MultiGraph", "MultiDiGraph"])
    )
    if acyclic:
        edges = [(min(edge), max(edge)) for edge in edges if edge[0] != edge[1]] or [(0, 1)]
    graph = getattr(nx, kind)()
    graph.add_nodes_from(range(nodes))
    graph.add_edges_from(edges)
    setup = [f"graph = nx.{kind}()", f"graph.add_nodes_from(range({nodes}))", f"graph.add_edges_from({edges!r})"]
    listed, by_node = [edge[:2] for edge in graph.edges], bool(rng.random() < 0.3)
    ends = [tuple(rng.permutation(nodes)[:2].tolist()) for _ in range(2)]
    sets = []
    for source, sink in ends:
        paths = _paths(listed, source, sink, directed=graph.is_directed(), hops=nodes)
        if by_node:
            visited = [{source, *(end for place in path for end in listed[place])} for path in paths]
            masks = np.array([[float(node in path) for node in range(nodes)] for path in visited]).reshape(-1, nodes)
            sets.append(np.unique(masks, axis=0))
        else:
            sets.append(_masks(listed, paths))
    instance, which, rows = {"graph": "graph", "source": str(ends[0][0]), "target": str(ends[0][1])}, None, {}
    if rng.random() < 0.5:
        which = rng.integers(0, 2, ROWS)
        rows = {name: [ends[kind][end] for kind in which.tolist()] for end, name in enumerate(("source", "target"))}
    options = {"weights": "node"} if by_node else {}
    chosen = sets[:1] if which is None else sets
    if rng.random() < 0.4:
        items = nodes if by_node else len(listed)
        walls = rng.random((len(chosen), items)) < 0.8
        chosen = [_within(points, own) for points, own in zip(chosen, walls, strict=True)]
        if which is None:
            instance["allowed"] = literal(walls[0])
        else:
            rows["allowed"] = [walls[kind].tolist() for kind in which.tolist()]
    return case(
        rng,
        target.split("/")[1],
        options,
        instance,
        chosen,
        shape=(nodes if by_node else len(listed),),
        setup="\n".join(["import networkx as nx", *setup]),
        which=which,
        rows=rows,
        positive=not acyclic,
    )


def grid(target: str, rng: Generator) -> Case:
    """Masks of cells; the way from corner to corner, or between any two; some with walls."""
    height, width = [(1, 1), (1, 4), (2, 2), (3, 2), (2, 4), (3, 3)][int(rng.integers(6))]
    neighbours = int(rng.choice([4, 8]))
    cells = list(itertools.product(range(height), range(width)))
    near: Edges = [
        (one, other)
        for one, other in itertools.combinations(range(len(cells)), 2)
        if sum(abs(a - b) for a, b in zip(cells[one], cells[other], strict=True)) == 1
        or (neighbours == 8 and max(abs(a - b) for a, b in zip(cells[one], cells[other], strict=True)) == 1)
    ]
    source, sink = (0, len(cells) - 1) if rng.random() < 0.5 else rng.integers(0, len(cells), 2).tolist()
    masks = []
    for path in _paths(near, source, sink, directed=False, hops=len(cells)):
        visited = {source, *(end for place in path for end in near[place])}
        masks.append([float(cell in visited) for cell in range(len(cells))])
    points = np.unique(np.array(masks), axis=0).reshape(-1, height, width)
    instance = {"source": repr(cells[source]), "target": repr(cells[sink])}
    options, shape = {"neighbours": neighbours}, (height, width)
    if rng.random() < 0.5:
        return case(rng, target.split("/")[1], options, instance, [points], shape=shape, positive=True)
    walls = rng.random((2, height, width)) < 0.8
    sets = [points, *(_within(points, own) for own in walls)]
    if rng.random() < 0.5:
        instance["allowed"] = f"np.array({literal(walls[0])})"
        return case(rng, target.split("/")[1], options, instance, sets[1:2], shape=shape, positive=True)
    which, masks_of = rng.integers(0, 3, ROWS), [None, *walls.tolist()]
    rows = {"allowed": [masks_of[kind] for kind in which.tolist()]}
    return case(rng, target.split("/")[1], options, instance, sets, shape=shape, which=which, rows=rows, positive=True)


DRAWS: dict[str, Callable[[str, Generator], Case]] = {
    "graphs/spanning-tree": spanning_tree,
    "graphs/arborescence": arborescence,
    "graphs/perfect-matching": perfect_matching,
    "graphs/max-weight-matching": max_weight_matching,
    "graphs/min-cut": min_cut,
    "graphs/max-weight-closure": max_weight_closure,
    "graphs/steiner-tree": steiner_tree,
    "graphs/k-shortest-paths": k_shortest_paths,
    "graphs/bounded-path": bounded_path,
    "graphs/networkx-shortest-path": shortest_path,
    "graphs/grid-shortest-path": grid,
}
