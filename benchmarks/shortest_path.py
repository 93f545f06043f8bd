"""Shortest paths: a batch of rows, against what one would write per row.

Every method must give the same costs before anything is timed. References that are slow solve fewer rows; numbers
are per row unless a line says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable

import networkx as nx
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from benchmarks.harness import Claim, race
from benchmarks.original_style import heap_dijkstra
from imle_networkx.grid import LANES, GridShortestPathSolver
from imle_networkx.kernels.grid import grid_paths
from imle_networkx.paths import Paths
from imle_networkx.shortest_path import ShortestPathSolver

ROWS = 320  # a batch of 32 with 10 samples
Method = Callable[[np.ndarray], np.ndarray]  # costs of some rows -> value of a shortest path of each


def heapq_dijkstra(costs: np.ndarray) -> float:
    """Dijkstra on an 8-neighbour grid as plain Python."""
    return float((heap_dijkstra(costs) * costs).sum())


def per_row(solve: Callable[[np.ndarray], float]) -> Method:
    return lambda rows: np.array([solve(row) for row in rows])


def networkx_grid(size: int) -> Method:
    path = nx.path_graph(size)
    graph = nx.convert_node_labels_to_integers(nx.strong_product(path, path))

    def solve(costs: np.ndarray) -> float:
        cost = costs.ravel().tolist()
        length, _ = nx.bidirectional_dijkstra(graph, 0, size * size - 1, weight=lambda u, v, _: cost[v])
        return cost[0] + length

    return per_row(solve)


def networkx_graph(graph: nx.DiGraph, target: int) -> Method:
    for position, (_, _, data) in enumerate(graph.edges(data=True)):
        data["position"] = position

    def solve(costs: np.ndarray) -> float:
        cost = costs.tolist()
        return nx.bidirectional_dijkstra(graph, 0, target, weight=lambda u, v, data: cost[data["position"]])[0]

    return per_row(solve)


def scipy_graph(graph: nx.DiGraph, target: int) -> Method:
    tails, heads = np.array(graph.edges).T
    order = np.lexsort((heads, tails))
    shape = (len(graph), len(graph))
    matrix = csr_array((np.ones(len(tails)), (tails, heads)), shape=shape)

    def solve(costs: np.ndarray) -> float:
        matrix.data[:] = costs[order]
        distances, _ = dijkstra(matrix, indices=0, return_predecessors=True)
        return float(distances[target])

    return per_row(solve)


def compare(costs: np.ndarray, methods: dict[str, tuple[Method, int]], rounds: int) -> dict[str, float]:
    """Check that all methods agree, then seconds per row of each on its number of rows."""
    fewest = min(rows for _, rows in methods.values())
    expected, *others = (solve(costs[:fewest]) for solve, _ in methods.values())
    for values in others:
        np.testing.assert_allclose(values, expected, rtol=1e-9)
    candidates = {name: (lambda f=solve, part=costs[:n]: f(part)) for name, (solve, n) in methods.items()}
    times = race(candidates, rounds=rounds)
    return {name: times[name] / rows for name, (_, rows) in methods.items()}


def grid_claims(size: int, slow_rows: int) -> list[Claim]:
    costs = np.random.default_rng(0).random((ROWS, size, size))
    prepared = GridShortestPathSolver().prepare()
    seconds = compare(
        costs,
        {
            "ours": (lambda rows: prepared.solve(rows).values, ROWS),
            "heapq": (per_row(heapq_dijkstra), slow_rows),
            "networkx": (networkx_grid(size), slow_rows),
        },
        rounds=9,
    )
    grid = f"{size}x{size} grid, {ROWS} rows"
    ours = seconds["ours"]
    return [
        Claim(f"{grid} vs heapq in Python", ours, seconds["heapq"], 100, note="per row"),
        Claim(f"{grid} vs networkx bidirectional_dijkstra", ours, seconds["networkx"], 25, note="per row"),
    ]


def overhead_claim(size: int) -> Claim:
    """What `solve` adds to its kernel: checks, allocation, the result."""
    costs = np.random.default_rng(0).random((ROWS, size, size))
    prepared = GridShortestPathSolver().prepare()
    paths = Paths.of(costs.reshape(ROWS, -1))
    ends = np.zeros(ROWS, int), np.full(ROWS, size * size - 1)
    seconds = race(
        {
            "solve": lambda: prepared.solve(costs),
            "kernel": lambda: grid_paths(*paths, size, True, *ends, LANES),
        },
        rounds=51,
    )
    name = f"{size}x{size} grid, {ROWS} rows: solve() vs its kernel alone"
    return Claim(name, seconds["solve"], seconds["kernel"], 1.25, at_most=True, note="per batch")


def graph_claims() -> list[Claim]:
    nodes, edges, rows = 10_000, 50_000, 64
    graph = nx.gnm_random_graph(nodes, edges, seed=1, directed=True)
    target = nodes - 1
    costs = np.random.default_rng(0).random((rows, edges))
    prepared = ShortestPathSolver().prepare(graph, source=0, target=target)
    seconds = compare(
        costs,
        {
            "ours": (lambda part: prepared.solve(part).values, rows),
            "scipy": (scipy_graph(graph, target), 16),
            "networkx": (networkx_graph(graph, target), 16),
        },
        rounds=9,
    )
    name = f"{nodes // 1000}k nodes, {edges // 1000}k edges"
    ours = seconds["ours"]
    return [
        Claim(f"{name} vs scipy.sparse.csgraph.dijkstra", ours, seconds["scipy"], 20, note="per row"),
        Claim(f"{name} vs networkx bidirectional_dijkstra", ours, seconds["networkx"], 10, note="per row"),
    ]


def claims() -> list[Claim]:
    return [*grid_claims(12, 32), overhead_claim(12), *grid_claims(30, 8), *graph_claims()]
