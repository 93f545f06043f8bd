"""The answer for a row depends on that row alone: not on other rows, the batch, the lane, the thread or the time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import networkx as nx
import numpy as np
import pytest

from imle_networkx.grid import GridShortestPathSolver
from imle_networkx.shortest_path import ShortestPathSolver

ROWS = 75  # two full groups of lanes and a part of one


def acyclic(nodes: int, arcs: int) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from(range(nodes))
    graph.add_edges_from((min(a, b), max(a, b)) for a, b in nx.gnm_random_graph(nodes, arcs, seed=5).edges)
    return graph


def on_graph(graph, weights, lowest, *, swept=True):
    prepared = ShortestPathSolver(weights=weights).prepare(graph, source=0, target=len(graph) - 1)
    assert prepared.sweepable == swept
    shape = prepared.objective_shape
    return prepared, np.random.default_rng(3).integers(lowest, 4, (ROWS, *shape)).astype(float)


def on_grid(neighbours):
    prepared = GridShortestPathSolver(neighbours=neighbours).prepare()
    return prepared, np.random.default_rng(3).integers(-1, 4, (ROWS, 6, 8)).astype(float)


# few distinct costs, negative ones among them: ties wherever a tie can be
CASES = {
    "sweep, edges": lambda: on_graph(nx.gnm_random_graph(40, 160, seed=1), "edge", -1),
    "sweep, nodes": lambda: on_graph(nx.gnm_random_graph(40, 160, seed=1), "node", -1),
    "acyclic": lambda: on_graph(acyclic(40, 160), "edge", -3),
    "search, edges": lambda: on_graph(nx.gnm_random_graph(300, 1500, seed=1), "edge", -1, swept=False),
    "search, nodes": lambda: on_graph(nx.gnm_random_graph(300, 2500, seed=1, directed=True), "node", -1, swept=False),
    "grid, 8 neighbours": lambda: on_grid(8),
    "grid, 4 neighbours": lambda: on_grid(4),
}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]()


def same(result, expected, rows=slice(None)):
    np.testing.assert_array_equal(result.solutions, expected.solutions[rows])
    np.testing.assert_array_equal(result.values, expected.values[rows])


def test_order_of_rows(case):
    prepared, costs = case
    order = np.random.default_rng(0).permutation(ROWS)
    same(prepared.solve(costs[order]), prepared.solve(costs), order)


@pytest.mark.parametrize("size", [1, 2, 31, 33])
def test_batch_size(case, size):
    prepared, costs = case
    whole = prepared.solve(costs)
    for first in range(0, ROWS, size):
        rows = slice(first, first + size)
        same(prepared.solve(costs[rows]), whole, rows)


def test_other_rows(case):
    prepared, costs = case
    others = np.random.default_rng(9).random(costs.shape)
    others[::7] = costs[::7]
    mixed, expected = prepared.solve(others), prepared.solve(costs)
    np.testing.assert_array_equal(mixed.solutions[::7], expected.solutions[::7])
    np.testing.assert_array_equal(mixed.values[::7], expected.values[::7])


def test_threads_and_repetition(case):
    prepared, costs = case
    expected = prepared.solve(costs)
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(lambda _: prepared.solve(costs), range(12)):
            same(result, expected)


def test_read_only_and_strided_costs(case):
    prepared, costs = case
    expected = prepared.solve(costs)
    frozen = costs.copy()
    frozen.flags.writeable = False
    same(prepared.solve(frozen), expected)
    same(prepared.solve(np.asfortranarray(costs)), expected)
    np.testing.assert_array_equal(frozen, costs)
    assert costs.flags.writeable


def test_solutions_are_new_each_time(case):
    prepared, costs = case
    first = prepared.solve(costs)
    kept = first.solutions.copy()
    prepared.solve(costs[::-1])
    np.testing.assert_array_equal(first.solutions, kept)


def test_counters_add_up(case):
    prepared, costs = case
    acyclic_graph = costs.min() == -3
    parts = [prepared.solve(costs[:30]), prepared.solve(costs[30:])]
    negative = (costs < 0).reshape(ROWS, -1)
    total = {} if acyclic_graph else {"clipped_rows": negative.any(axis=1).sum(), "clipped_entries": negative.sum()}
    assert prepared.solve(costs).counters == total
    for name, count in total.items():
        assert sum(part.counters[name] for part in parts) == count
