"""Fleets against all ways to share clients out: exact up to ten clients, and local search beside them."""

from __future__ import annotations

import numpy as np
import pytest

from imle.solvers import SolveStatus
from imle_routes.conformance import routes
from imle_routes.routing import Routing
from imle_routes.vrp import VRPSolver


def best(solutions, costs, sign):
    """The least cost, times sign, of listed solutions; infinity without any."""
    return min(sign * (solutions * costs).sum(axis=(1, 2)), default=np.inf)


@pytest.mark.parametrize("seed", range(100))
def test_loads(seed):
    rng = np.random.default_rng(seed)
    n, rows = int(rng.integers(2, 6)), 8
    sense, sign = (("min", 1), ("max", -1))[seed % 2]
    depots = rng.permutation(n)[: 1 if rng.random() < 0.7 or n < 4 else 2].tolist()
    visit = rng.random(n) < 0.9
    clients = [node for node in range(n) if visit[node] and node not in depots]
    vehicles = int(rng.integers(1, 4)) if len(depots) == 1 and rng.random() < 0.5 else None
    unit = [1.0, 0.1, np.pi][seed % 3]
    demands = unit * rng.integers(0, 5, n)
    capacity = float(unit * rng.integers(3, 9))
    solutions = routes(n, depots, clients, lambda route: demands[list(route)].sum() <= capacity * (1 + 1e-9), vehicles)
    costs = rng.integers(-2, 3, (rows, n, n)).astype(float) if rng.random() < 0.5 else rng.normal(size=(rows, n, n))
    prepared = VRPSolver(sense=sense).prepare(visit=visit, vehicles=vehicles)
    result = prepared.solve(costs, demands=[demands] * rows, capacity=[capacity] * rows, depots=[depots] * rows)
    listed = {solution.tobytes() for solution in solutions}
    if not listed:
        assert result.status.tolist() == [SolveStatus.INFEASIBLE] * rows
        return
    assert result.status is None
    for row in range(rows):
        assert result.solutions[row].astype(float).tobytes() in listed
        assert sign * result.values[row] == pytest.approx(best(solutions, costs[row], sign))


@pytest.mark.parametrize("seed", range(12))
def test_local_search_within_windows(seed):
    rng = np.random.default_rng(seed)
    n, rows, unit = 5, 4, [1.0, 0.5, np.e][seed % 3]
    durations = unit * rng.integers(1, 6, (n, n))
    early = unit * rng.integers(0, 8, n)
    late = np.where(rng.random(n) < 0.3, np.inf, early + unit * rng.integers(0, 8, n))
    early[0], late[0] = 0.0, np.inf
    service = unit * rng.integers(0, 2, n)
    service[0] = 0
    demands, capacity = [0, 1, 1, 1, 1], 3

    def fits(route):
        now, before = 0.0, 0
        for node in (*route, 0):
            now = max(now + service[before] + durations[before, node], early[node])
            if now > late[node] + 1e-6:
                return False
            before = node
        return len(route) <= capacity

    solutions = routes(n, [0], range(1, n), fits)
    costs = rng.normal(size=(rows, n, n))
    windows = np.stack([early, late], axis=1)
    prepared = VRPSolver(iterations=40).prepare(
        demands, capacity, windows=windows, durations=durations, service=service
    )
    result = prepared.solve(costs)
    if not len(solutions):
        if result.status[0] == SolveStatus.TIMEOUT:  # else a window alone proves it
            assert result.messages[0] == "the search found no routes within capacities and windows"
        assert result.status.tolist() == [result.status[0]] * rows
        assert result.status[0] in (SolveStatus.TIMEOUT, SolveStatus.INFEASIBLE)
        return
    assert result.status is None or (result.status <= SolveStatus.FEASIBLE).all()
    listed = {solution.tobytes() for solution in solutions}
    for row in range(rows):
        assert result.solutions[row].astype(float).tobytes() in listed
        least = best(solutions, costs[row], 1)
        assert result.values[row] == pytest.approx(least)  # so few clients are no challenge
        assert result.bound is None or not result.bound[row] > least + 1e-9


def test_local_search_agrees_with_tables():
    rng = np.random.default_rng(1)
    demands, n, rows = [0, 3, 1, 2, 2, 1, 3, 1, 2], 9, 12
    costs = rng.normal(size=(rows, n, n))
    tabled = VRPSolver().prepare(demands, 6).solve(costs)
    always = np.tile([0.0, np.inf], (n, 1))  # windows that say nothing, and send rows to the local search
    searched = VRPSolver(iterations=100).prepare(demands, 6, windows=always, durations=np.zeros((n, n))).solve(costs)
    assert tabled.status is None
    assert (searched.status <= SolveStatus.FEASIBLE).all()
    assert (searched.values >= tabled.values - 1e-9).all()
    assert np.isclose(searched.values, tabled.values).mean() > 0.7
    assert (searched.bound <= tabled.values + 1e-9).all()
    for solution in searched.solutions:
        assert solution[1:].sum(axis=1).tolist() == solution[:, 1:].sum(axis=0).tolist() == [1] * (n - 1)


def test_bounds_count_the_vehicles_that_loads_need():
    """Two far clients that do not fit into one vehicle: both ways out and back are in the bound."""
    costs = np.array([[0.0, 10.0, 10.0], [10.0, 0.0, 1.0], [10.0, 1.0, 0.0]])
    always = np.tile([0.0, np.inf], (3, 1))
    fleet = {"windows": always, "durations": np.zeros((3, 3))}
    apart = VRPSolver(iterations=5).prepare([0, 2, 2], 3, **fleet).solve(costs[None])
    assert (apart.status, apart.values.tolist()) == (None, [40.0])  # the bound proves it
    together = VRPSolver(iterations=5).prepare([0, 2, 2], 4, **fleet).solve(costs[None])
    assert (together.status, together.values.tolist()) == (None, [21.0])


@pytest.mark.parametrize("vehicles", [1, 2, 3])
def test_a_number_of_vehicles_at_each_of_two_depots(vehicles):
    rng = np.random.default_rng(vehicles)
    costs = rng.normal(size=(3, 5, 5))
    demands = [0, 0, 1, 1, 1]
    result = VRPSolver(iterations=40).prepare(demands, 2, depots=[0, 1], vehicles=vehicles).solve(costs)
    everything = routes(5, [0, 1], [2, 3, 4], lambda route: len(route) <= 2)
    starts = everything[:, :2].sum(axis=2)
    allowed = everything[(starts <= vehicles).all(axis=1)]
    for row in range(3):
        assert result.values[row] == pytest.approx(best(allowed, costs[row], 1))


def test_partitions_are_all_listed():
    """The oracle of this file, counted: routes over k clients in lists are sets of lists (OEIS A000262)."""
    counts = [len(routes(n + 1, [0], range(1, n + 1), lambda route: True)) for n in range(1, 5)]
    assert counts == [1, 3, 13, 73]


def test_bounds_of_several_depots_are_below_all_routes():
    """Routes that use all vehicles of a depot come back to it, and nowhere else."""
    away = np.array([[np.inf, 5.0, 0.0], [5.0, np.inf, 10.0], [0.0, 10.0, np.inf]])  # 0, 2, 0 costs nothing
    assert Routing(away, np.array([1]), 1, np.array([1, 1]), None).bound(20.0, 1e-9) <= 0.0
    rng = np.random.default_rng(0)
    for trial in range(40):
        n, vehicles = 5, 1 + trial % 3
        costs = rng.exponential(size=(n, n)) * 10.0 ** rng.integers(-1, 2, (n, n))
        listed = routes(n, [0, 1], range(2, n), lambda route: len(route) <= 2)
        least = best(listed[(listed[:, :2].sum(axis=2) <= vehicles).all(axis=1)], costs, 1)
        np.fill_diagonal(costs, np.inf)
        fleet = Routing(costs, np.ones(3, np.int64), 2, np.full(2, vehicles), None)
        assert fleet.bound(1e3, 1e-9) <= least + 1e-6


@pytest.mark.parametrize("large", [1e3, 1e9, 1e15, 1e200])
def test_large_numbers_for_ways_there_are_not_leave_the_others_as_they_are(large):
    """Routes for 12 clients in the order of their numbers; everything else is no way."""
    n = 13
    costs = np.full((1, n, n), large)
    costs[0, 0], costs[0, :, 0] = 1.0, 1.0
    costs[0, np.arange(1, n - 1), np.arange(2, n)] = 0.5 + np.arange(n - 2) / 100
    costs[0, 0, 1:n:4] = costs[0, 4:n:4, 0] = 0.25
    result = VRPSolver(iterations=60).prepare([0] + [1] * (n - 1), 4).solve(costs)
    assert set(np.flatnonzero(result.solutions[0, 0])) == {1, 5, 9}
    assert result.values[0] == pytest.approx(
        6 * 0.25 + costs[0, [1, 2, 3, 5, 6, 7, 9, 10, 11], [2, 3, 4, 6, 7, 8, 10, 11, 12]].sum()
    )
    between = np.random.default_rng(0).random((1, n, n))
    between[0, 0, 1] = between[0, 1, 0] = large  # between depots, which no vehicle drives
    two = VRPSolver(iterations=5).prepare(demands=[0] + [1] * (n - 1), capacity=3, depots=[0, 1]).solve(between)
    assert two.status.tolist() == [SolveStatus.FEASIBLE]
    assert two.bound[0] < two.values[0] - 1e-6


@pytest.mark.parametrize("scale", [1, 997])
@pytest.mark.parametrize("depots", [1, 2])
def test_bounds_of_loads_are_below_all_routes_and_mostly_close(depots, scale):
    """Whole loads, zeros among them; and loads of so many units that they are rounded."""
    rng = np.random.default_rng(depots)
    gaps = []
    for trial in range(60):
        n = depots + 4
        demands = scale * rng.integers(0 if trial % 3 else 1, 5, n) + (rng.integers(0, 50, n) if scale > 1 else 0)
        room = int(scale * rng.integers(5, 8))

        def fits(route, demands=demands, room=room):
            return demands[list(route)].sum() <= room

        listed = routes(n, list(range(depots)), range(depots, n), fits)
        costs = rng.random((n, n)) if trial % 2 else rng.normal(size=(n, n))
        least = best(listed, costs, 1)
        np.fill_diagonal(costs, np.inf)
        fleet = Routing(costs, demands[depots:], room, np.full(depots, 4), None)
        bound = fleet._load_bound(least + 0.1 + 0.2 * abs(least), 1e-9)
        assert bound <= least + 1e-9
        gaps.append(least - bound)
    assert np.median(gaps) < 0.05


def test_bounds_know_loads():
    """Twelve clients far from the depot and close to each other: four vehicles of three have to come."""
    places = np.concatenate([[[0.0, 0.0]], [[100.0, 0.0]] + 0.01 * np.random.default_rng(0).random((12, 2))])
    costs = np.linalg.norm(places[:, None] - places, axis=2)
    result = VRPSolver(iterations=30).prepare([0] + [1] * 12, 3).solve(costs[None])
    assert result.values[0] == pytest.approx(800, abs=1)
    assert result.gap is None or result.gap[0] < 1e-3
    spread = np.random.default_rng(1).random((21, 2))
    costs = np.linalg.norm(spread[:, None] - spread, axis=2)
    result = VRPSolver(iterations=100).prepare([0] + [1] * 20, 4).solve(costs[None])
    assert result.gap is None or result.gap[0] < 0.1
