"""Small programs against the list of their points, and how rows end that are not solved."""

from __future__ import annotations

import itertools
import os
import signal
import threading

import gurobipy
import numpy as np
import pytest

from imle.solvers import SolveStatus
from imle_gurobi.solver import GurobiILPSolver


def programs(count, seed):
    """Whole data, points in a box, and rows whose right sides differ from objective to objective."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        n, rows = int(rng.integers(3, 6)), int(rng.integers(1, 4))
        lower = rng.integers(-3, 2, n)
        upper = lower + rng.integers(0, 4, n)
        box = np.array(list(itertools.product(*map(range, lower, upper + 1))))
        left = rng.integers(-9, 10, (rows, n))
        equal = rng.random(rows) < 0.3
        yield rng, lower, upper, box, left, equal


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("sense", ["min", "max"])
def test_integer_programs(sense, warm):
    better = min if sense == "min" else max
    for rng, lower, upper, box, left, equal in programs(30, seed=1):
        sides = left @ box[rng.integers(0, len(box), 10)].T + np.where(equal, 0, rng.integers(-4, 5, (10, 1))).T
        prepared = GurobiILPSolver(sense=sense, warm=warm).prepare(
            A_ub=left[~equal], A_eq=left[equal], bounds=np.column_stack([lower, upper])
        )
        objectives = rng.integers(-9, 10, (10, len(lower))) / 4
        parts = {"b_ub": sides[~equal].T, "b_eq": sides[equal].T}
        found = prepared.solve(objectives, **{name: part for name, part in parts.items() if part.size})
        for row, objective in enumerate(objectives):
            over = box @ left.T - sides[:, row]
            points = box[(np.where(equal, np.abs(over), over) <= 0).all(axis=1)]
            if not len(points):
                assert found.status[row] == SolveStatus.INFEASIBLE
                continue
            assert found.status[row] == SolveStatus.OPTIMAL, found.messages
            assert found.values[row] == better(points @ objective)
            assert (points == found.solutions[row]).all(axis=1).any()


def test_mixed_programs_with_costs_of_their_own():
    """The continuous part of a unit at a time: its best value follows from the whole part."""
    rng = np.random.default_rng(2)
    for _ in range(20):
        model = gurobipy.Model(env=gurobipy.Env(params={"OutputFlag": 0}))
        x, bought = model.addMVar(4, vtype="B"), model.addVar(ub=20.0, name="bought")
        sizes, room, price = rng.integers(1, 9, 4), float(rng.integers(4, 12)), float(rng.uniform(0.1, 1))
        model.addConstr(x @ sizes - bought <= room)
        model.setObjective(-price * bought, gurobipy.GRB.MAXIMIZE)
        prepared = GurobiILPSolver(sense="max").prepare(model=model, variables=x)
        objectives = rng.uniform(0, 6, (10, 4))
        points = np.array(list(itertools.product([0, 1], repeat=4)))
        short = np.maximum(points @ sizes - room, 0)
        expected = np.where(short <= 20, objectives @ points.T - price * short, -np.inf)
        found = prepared.solve(objectives)
        np.testing.assert_allclose(found.values, expected.max(axis=1), rtol=1e-9)
        assert (points[expected.argmax(axis=1)] == found.solutions).all()


def test_statuses():
    unbounded = GurobiILPSolver().prepare(A_ub=[[1, -1]], b_ub=[3], bounds=[(0, 5), (0, None)])
    found = unbounded.solve(np.array([[1.0, 1.0], [0.0, -1.0], [np.nan, 0.0]]))
    assert found.status.tolist() == [SolveStatus.OPTIMAL, SolveStatus.UNBOUNDED, SolveStatus.ERROR]
    infeasible = GurobiILPSolver().prepare(A_eq=[[2, 2]], b_eq=[3])
    found = infeasible.solve(np.array([[1.0, 1.0], [-1.0, -1.0]]))
    assert found.status.tolist() == [SolveStatus.INFEASIBLE] * 2
    assert found.messages[0] == "no point satisfies all constraints and bounds"


def hard():
    rng = np.random.default_rng(1)
    weights = rng.integers(100, 1000, (30, 150)).astype(float)
    given = {"A_ub": weights, "b_ub": np.floor(weights.sum(axis=1) / 2), "bounds": (0, 1)}
    return given, rng.uniform(0.9, 1.1, (1, 150))


def test_rows_that_run_out_of_time_have_a_bound():
    given, values = hard()
    found = GurobiILPSolver(sense="max", time_limit=0.3).prepare(**given).solve(values)
    assert found.status.tolist() == [SolveStatus.FEASIBLE]
    assert found.messages[0] == "stopped at the time limit with a feasible point"
    assert 0 < found.gap[0] < 0.5
    assert found.bound[0] > found.values[0]


def test_limits_of_gurobis_own():
    given, values = hard()
    found = GurobiILPSolver(sense="max", options={"WorkLimit": 0.05}).prepare(**given).solve(values)
    assert found.messages[0].startswith("stopped at the work limit")
    found = GurobiILPSolver(sense="max", options={"NodeLimit": 1, "Heuristics": 0.0}).prepare(**given).solve(values)
    assert found.messages[0].startswith("stopped at the node limit")


def test_a_gap_is_proven_by_a_bound():
    rng = np.random.default_rng(2)
    given = {"A_ub": rng.integers(1, 50, (4, 20)), "b_ub": [200] * 4, "bounds": (0, 2), "A_eq": np.ones((1, 20))}
    objective = rng.uniform(1, 2, (3, 20))
    exact = GurobiILPSolver(sense="max").prepare(**given, b_eq=[9]).solve(objective)
    near = GurobiILPSolver(sense="max", gap=0.05).prepare(**given, b_eq=[9]).solve(objective)
    assert (near.values >= 0.95 * exact.values).all()
    assert (np.where(np.isnan(near.bound), near.values, near.bound) >= exact.values - 1e-9).all()


def test_ctrl_c_ends_a_row_and_is_still_heard_after_rows_solved_at_the_same_time():
    """Left to itself, Gurobi keeps Ctrl-C from Python for good once two models were solved at the same time."""
    given, values = hard()
    brief = GurobiILPSolver(sense="max", time_limit=0.2).prepare(**given)
    prepared = GurobiILPSolver(sense="max", time_limit=60.0).prepare(**given)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # pytest may run where it is ignored
    try:
        threads = [threading.Thread(target=brief.solve, args=(values,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            prepared.solve(values)
    finally:
        signal.signal(signal.SIGINT, before)
