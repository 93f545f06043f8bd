"""What `imle check` checks the solvers on; imported by checks and by nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import networkx as nx
import numpy as np

from imle.testing import Floats, Instance


def instances(solver_id: str) -> list[Instance]:
    """Graphs small enough to list all paths, and grids with Dijkstra's algorithm of networkx as the oracle."""
    return _grids() if solver_id == "grid-shortest-path" else _graphs()


def _graphs() -> list[Instance]:
    acyclic = nx.DiGraph([(0, 1), (0, 2), (1, 2), (1, 3), (2, 3), (3, 4), (2, 4)])
    cyclic = nx.Graph(nx.grid_2d_graph(3, 3).edges)
    cyclic.add_node("island")
    multi = nx.MultiGraph([("a", "b"), ("a", "b"), ("b", "c"), ("a", "c"), ("c", "d"), ("b", "d")])
    return [
        Instance(
            "acyclic",
            {"graph": acyclic, "source": 0, "target": 4},
            solutions=_paths(acyclic, 0, 4),
            objectives=_positive(7),
            rows={"source": [0, 1, 2, 3], "target": [4, 3, 2]},
            bad_row={"source": 4, "target": 0},
        ),
        Instance(
            "grid graph, costs of nodes",
            {"graph": cyclic, "source": (0, 0), "target": (2, 2)},
            {"weights": "node"},
            solutions=_node_paths(cyclic, (0, 0), (2, 2)),
            bad_row={"target": "island"},
        ),
        Instance(
            "parallel edges",
            {"graph": multi, "source": "a", "target": "d"},
            solutions=_paths(multi, "a", "d"),
            rows={"source": ["a", "b"]},
        ),
    ]


def _grids() -> list[Instance]:
    return [
        Instance(
            f"4 x 5, {neighbours} neighbours",
            {"source": (0, 0)},
            {"neighbours": neighbours},
            shape=(4, 5),
            oracle=_dijkstra(neighbours),
            feasible=_connected(neighbours),
            rows={"source": [(0, 0), (3, 1)], "target": [(3, 4), None, (0, 0)]},
        )
        for neighbours in (8, 4)
    ]


def _positive(size: int) -> Callable[[np.random.Generator, int], Floats]:
    return lambda rng, rows: rng.uniform(0.1, 2.0, size=(rows, size))


def _paths(graph: Any, source: Any, target: Any) -> Floats:
    """Masks of edges, in the order of `G.edges`."""
    multiple, directed = graph.is_multigraph(), graph.is_directed()
    edges = list(graph.edges(keys=True)) if multiple else [(*edge, 0) for edge in graph.edges]
    masks = []
    for path in nx.all_simple_edge_paths(graph, source, target):
        walked = [edge if multiple else (*edge, 0) for edge in path]
        same = {(a, b, key) for a, b, key in walked} | (set() if directed else {(b, a, key) for a, b, key in walked})
        masks.append([float(edge in same) for edge in edges])
    return np.array(masks)


def _node_paths(graph: Any, source: Any, target: Any) -> Floats:
    paths = nx.all_simple_paths(graph, source, target)
    return np.array([[float(node in path) for node in graph.nodes] for path in map(set, paths)])


def _steps(shape: tuple[int, ...], neighbours: int) -> Any:
    graph = nx.grid_2d_graph(*shape, create_using=nx.DiGraph)
    if neighbours == 8:
        cells = list(graph.nodes)
        graph.add_edges_from((a, b) for a in cells for b in cells if abs(a[0] - b[0]) == abs(a[1] - b[1]) == 1)
    return graph


def _dijkstra(neighbours: int) -> Callable[[Floats], float]:
    def oracle(costs: Floats) -> float:
        graph = _steps(costs.shape, neighbours)
        rows, columns = costs.shape
        length: float = nx.dijkstra_path_length(
            graph, (0, 0), (rows - 1, columns - 1), weight=lambda _, cell, __: costs[cell]
        )
        return float(costs[0, 0]) + length

    return oracle


def _connected(neighbours: int) -> Callable[[Floats], bool]:
    """Whether a mask joins first and last cell."""

    def feasible(mask: Floats) -> bool:
        if not np.isin(mask, (0.0, 1.0)).all():
            return False
        rows, columns = mask.shape
        entered = _steps(mask.shape, neighbours).subgraph([tuple(cell) for cell in np.argwhere(mask == 1).tolist()])
        ends = (0, 0), (rows - 1, columns - 1)
        return all(end in entered for end in ends) and nx.has_path(entered, *ends)

    return feasible
