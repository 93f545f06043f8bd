"""Tours against all orders of the nodes: both algorithms, closed and open, directed or not, some nodes, some ways."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import imle_routes.tsp
from imle.solvers import SolveStatus
from imle_routes.tsp import TSPSolver

KINDS = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "ties": lambda rng, shape: rng.integers(-2, 3, shape).astype(float),
    "sizes": lambda rng, shape: rng.normal(size=shape) * 10.0 ** rng.integers(-6, 6, shape),
}
ALGORITHMS = {"tables": 13, "branch and bound": 3}
"""Nodes up to which sets of them are tabled."""


def cheapest(distances, *, closed, start=None, end=None):
    """The least cost of a tour of all nodes, or infinity."""
    n = len(distances)
    least = math.inf
    for order in itertools.permutations(range(n)):
        if (start is not None and order[0] != start) or (end is not None and order[-1] != end):
            continue
        if closed and order[0] != 0:
            break  # tours that start elsewhere are the same
        steps = [*itertools.pairwise(order), *([(order[-1], order[0])] if closed and n > 1 else [])]
        least = min(least, sum(distances[step] for step in steps))
    return least


def check_tour(taken, nodes, *, closed, start=None, end=None):
    """Fails unless the ways `[n, n]` are one tour of these nodes."""
    assert set(np.unique(taken)) <= {0, 1}
    steps = dict(zip(*np.nonzero(taken), strict=True))
    assert len(steps) == taken.sum() == len(nodes) - (not closed)
    node = nodes[0] if closed else (set(nodes) - set(steps.values())).pop()
    assert start in (None, node) or closed
    visited = [node]
    while steps:
        node = steps.pop(node)
        visited.append(node)
    assert sorted(set(visited)) == sorted(nodes)
    assert closed or end in (None, node)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("seed", range(120))
def test_tours_of_some_nodes_by_some_ways(algorithm, seed, monkeypatch):
    monkeypatch.setattr(imle_routes.tsp, "_MOST", ALGORITHMS[algorithm])
    rng = np.random.default_rng(seed)
    n, rows = int(rng.integers(4, 7)), 6
    kind = list(KINDS)[seed % len(KINDS)]
    sense, sign = (("min", 1), ("max", -1))[seed % 2]
    closed, directed = bool(rng.random() < 0.5), bool(rng.random() < 0.5)
    costs = KINDS[kind](rng, (rows, n, n))
    if rng.random() < 0.5:  # directed problems may have symmetric costs
        costs = costs + costs.swapaxes(1, 2)
    allowed = rng.random((n, n)) < 0.75 if rng.random() < 0.4 else None
    visit = rng.random((rows, n)) < 0.8 if rng.random() < 0.5 else np.ones((rows, n), bool)
    ends = {}
    if not closed:
        ends = {
            name: [None if rng.random() < 0.5 else int(rng.integers(n)) for _ in range(rows)]
            for name in ("start", "end")
        }
    prepared = TSPSolver(sense=sense).prepare(closed=closed, directed=directed, allowed=allowed)
    result = prepared.solve(costs, visit=visit, **ends)
    status = np.zeros(rows, np.int8) if result.status is None else result.status
    tolerance = 1e-8 * np.abs(costs).max()
    for row in range(rows):
        nodes = np.flatnonzero(visit[row]).tolist()
        start, end = (ends[name][row] if ends else None for name in ("start", "end"))
        distances = np.where(
            np.eye(n, dtype=bool) | (~allowed if allowed is not None else False), np.inf, sign * costs[row]
        )
        if not directed:
            distances = distances + distances.T
        missed = {start, end} - {None, *nodes}
        same = start is not None and start == end and len(nodes) > 1
        twice = closed and not directed and len(nodes) == 2
        own = distances[np.ix_(nodes, nodes)]
        best = math.inf
        if not (missed or same or twice):
            places = [None if node is None else nodes.index(node) for node in (start, end)]
            best = cheapest(own, closed=closed, start=places[0], end=places[1])
        if best == math.inf and (len(nodes) > 1 or missed):
            assert status[row] == SolveStatus.INFEASIBLE
            continue
        assert status[row] == SolveStatus.OPTIMAL
        taken = result.solutions[row]
        if len(nodes) < 2:
            assert not taken.any()
            continue
        assert result.values[row] == pytest.approx(sign * best, rel=1e-8, abs=tolerance)
        if directed:
            check_tour(taken, nodes, closed=closed, start=start, end=end)
        else:
            assert np.array_equal(taken, taken.T)
            assert (taken.sum(axis=0)[nodes] <= 2).all()
            assert taken.sum() == 2 * (len(nodes) - (not closed))


@pytest.mark.parametrize("directed", [False, True])
def test_edges_of_sparse_graphs(directed, monkeypatch):
    rng = np.random.default_rng(3)
    for trial in range(150):
        monkeypatch.setattr(imle_routes.tsp, "_MOST", list(ALGORITHMS.values())[trial % 2])
        n = int(rng.integers(4, 7))
        pairs = list(itertools.permutations(range(n), 2) if directed else itertools.combinations(range(n), 2))
        chosen = [pairs[k] for k in rng.permutation(len(pairs))[: int(rng.integers(n, len(pairs) + 1))].tolist()]
        costs = rng.normal(size=(3, len(chosen)))
        prepared = TSPSolver().prepare(edges=chosen, nodes=n, directed=directed, visit=np.ones(n, bool))
        result = prepared.solve(costs)
        assert prepared.labels == chosen
        for row in range(3):
            distances = np.full((n, n), np.inf)
            for (tail, head), cost in zip(chosen, costs[row], strict=True):
                distances[tail, head] = cost
                if not directed:
                    distances[head, tail] = cost
            best = cheapest(distances, closed=True)
            if best == math.inf:
                assert result.status[row] == SolveStatus.INFEASIBLE
            else:
                assert result.status is None
                assert result.values[row] == pytest.approx(best)
                assert result.solutions[row].sum() == n


@pytest.mark.parametrize("symmetric", [True, False])
def test_branch_and_bound_agrees_with_tables_on_larger_tours(symmetric, monkeypatch):
    rng = np.random.default_rng(5)
    costs = rng.random((12, 12, 12))
    costs = costs + costs.swapaxes(1, 2) if symmetric else costs
    tabled = TSPSolver().prepare().solve(costs)
    monkeypatch.setattr(imle_routes.tsp, "_MOST", 3)
    searched = TSPSolver().prepare().solve(costs)
    assert searched.status is None
    assert searched.values == pytest.approx(tabled.values, rel=1e-8)
    for taken in searched.solutions:
        check_tour(taken, list(range(12)), closed=True)


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("large", [1e6, 1e12, 1e200])
def test_large_numbers_for_ways_there_are_not_make_no_search_coarse(large, symmetric, monkeypatch):
    """A tour takes none of them where it can: tables, and sums of what it takes, tell by how much it is the best."""
    rng = np.random.default_rng(int(np.log10(large)))
    costs, dear = rng.random((12, 10, 10)), rng.random((12, 10, 10)) < 0.55
    if symmetric:
        costs, dear = costs + costs.swapaxes(1, 2), dear & dear.swapaxes(1, 2)
    costs[dear] = large
    tabled = TSPSolver().prepare().solve(costs)
    monkeypatch.setattr(imle_routes.tsp, "_MOST", 3)
    searched = TSPSolver().prepare().solve(costs)
    assert searched.status is None
    assert searched.values == pytest.approx(tabled.values, rel=1e-8)
    assert (tabled.values < 20).sum() > 5
    for taken in searched.solutions:
        check_tour(taken, list(range(10)), closed=True)


@pytest.mark.parametrize("unit", [0.0, 1.0, 2.0**-30])
def test_ways_of_no_cost(unit, monkeypatch):
    """Tours of zeros among costs of both signs, and costs that are all zero."""
    monkeypatch.setattr(imle_routes.tsp, "_MOST", 3)
    rng = np.random.default_rng(0)
    costs = unit * rng.integers(-1, 3, (6, 7, 7))
    costs[:3, np.arange(7), (np.arange(7) + 1) % 7] = np.minimum(costs[:3, np.arange(7), (np.arange(7) + 1) % 7], 0.0)
    result = TSPSolver().prepare().solve(costs)
    assert result.status is None
    for row in range(6):
        own = np.where(np.eye(7, dtype=bool), np.inf, costs[row])
        assert result.values[row] == cheapest(own, closed=True)


@pytest.mark.parametrize("closed", [True, False])
def test_what_all_ways_cost_alike_makes_no_search_coarse(closed, monkeypatch):
    """The tours are those of the costs without it, which floats hold exactly."""
    costs = np.round(np.random.default_rng(0).random((8, 9, 9)) * 2.0**16) / 2.0**16
    tabled = TSPSolver().prepare(closed=closed).solve(costs)
    monkeypatch.setattr(imle_routes.tsp, "_MOST", 3)
    found = TSPSolver(sense="max").prepare(closed=closed).solve(-(costs + 2.0**32))
    assert found.status is None
    assert np.einsum("nij,nij->n", costs, found.solutions).tolist() == tabled.values.tolist()
    stopped = TSPSolver(sense="max", node_limit=1).prepare(closed=closed).solve(-(costs + 2.0**32))
    assert stopped.bound is None or (stopped.bound >= found.values - 1e-6).all()
    assert stopped.bound is None or (stopped.bound < found.values + 9).all()
