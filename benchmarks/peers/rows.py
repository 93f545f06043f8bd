"""Solving row by row: plain NetworkX, PuLP with CBC, and Dijkstra in Python. `[N, *event]` objectives to solutions."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from benchmarks.original_style import heap_dijkstra
from benchmarks.peers.workloads import Knapsack, Paths, Tiles, Workload

Floats = NDArray[np.floating[Any]]
Row = Callable[[Floats], Floats]


def dijkstra(work: Workload) -> Row:
    """The original's: `heapq`, on tiles."""
    assert isinstance(work.problem, Tiles)
    return lambda costs: heap_dijkstra(np.maximum(costs, 0))


def networkx(work: Workload) -> Row:
    """NetworkX on a graph built once; costs are looked up, not written into it."""
    if isinstance(work.problem, Paths):
        return _networkx_edges(work.problem)
    assert isinstance(work.problem, Tiles)
    return _networkx_tiles(work.problem)


def _networkx_edges(problem: Paths) -> Row:
    graph = nx.DiGraph()
    for position, edge in enumerate(problem.edges):
        graph.add_edge(*edge, position=position)
    target = problem.side**2 - 1

    def solve(costs: Floats) -> Floats:
        # Dijkstra needs costs >= 0; all paths have as many edges, so that raising all costs changes no answer
        cost = (costs - min(costs.min(), 0)).tolist()
        _, nodes = nx.bidirectional_dijkstra(graph, 0, target, weight=lambda u, v, data: cost[data["position"]])
        path = np.zeros_like(costs)
        path[[graph[u][v]["position"] for u, v in nx.utils.pairwise(nodes)]] = 1
        return path

    return solve


def _networkx_tiles(problem: Tiles) -> Row:
    line = nx.path_graph(problem.side)
    graph = nx.convert_node_labels_to_integers(nx.strong_product(line, line))
    target = problem.side**2 - 1

    def solve(costs: Floats) -> Floats:
        cost = np.maximum(costs, 0).ravel().tolist()
        _, nodes = nx.bidirectional_dijkstra(graph, 0, target, weight=lambda u, v, _: cost[v])
        path = np.zeros_like(costs)
        path.flat[nodes] = 1
        return path

    return solve


def pulp_cbc(work: Workload) -> Row:
    """A PuLP model built once; every row replaces its objective, and CBC solves it."""
    pulp: Any = import_module("pulp")
    problem = work.problem
    sense = pulp.LpMinimize if work.sense == "min" else pulp.LpMaximize
    program = pulp.LpProblem("peer", sense)
    if isinstance(problem, Paths):
        x = [program.add_variable(f"x{i}", 0, 1) for i in range(len(problem.edges))]
        for node in range(problem.side**2):
            leaving = pulp.lpSum(v for v, (tail, _) in zip(x, problem.edges, strict=True) if tail == node)
            entering = pulp.lpSum(v for v, (_, head) in zip(x, problem.edges, strict=True) if head == node)
            program += leaving - entering == (node == 0) - (node == problem.side**2 - 1)
    else:
        assert isinstance(problem, Knapsack)
        x = [program.add_variable(f"x{i}", cat="Binary") for i in range(problem.weights.shape[1])]
        for sizes, capacity in zip(problem.weights.tolist(), problem.capacity, strict=True):
            program += pulp.lpDot(sizes, x) <= capacity
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # PuLP 4 will no longer bring CBC along; 3 does
        solver = pulp.PULP_CBC_CMD(msg=False, threads=1)

    def solve(objective: Floats) -> Floats:
        program.setObjective(pulp.LpAffineExpression(list(zip(x, objective.tolist(), strict=True))))
        status = program.solve(solver)
        if status != pulp.LpStatusOptimal:
            raise RuntimeError(f"PuLP with CBC: expected an optimal solution, found {pulp.LpStatus[status]}")
        return np.array([v.value() for v in x], dtype=objective.dtype)

    return solve
