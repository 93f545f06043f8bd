"""Problems against PuLP's own solves and enumeration; order, fixed parts, statuses; the problem stays as it was."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pulp
import pytest

from imle.solvers import SolveStatus
from imle_pulp.solvers import PulpILPSolver, PulpLPSolver

SENSES = {"min": pulp.LpMinimize, "max": pulp.LpMaximize}
SOLVERS = {"lp": PulpLPSolver, "ilp": PulpILPSolver}


def random_problem(rng, sense, kind):
    """Bounded variables, some free below zero, and rows of all three kinds through a feasible point."""
    problem = pulp.LpProblem("random", SENSES[sense])
    x = []
    for i in range(4):
        low = int(rng.integers(-3, 1))
        cat = pulp.LpInteger if kind == "ilp" and i != 3 else pulp.LpContinuous
        x.append(problem.add_variable(f"x{i}", low, low + int(rng.integers(1, 4)), cat))
    inside = [int(rng.integers(v.lowBound, v.upBound + 1)) for v in x]
    for _ in range(3):
        row = rng.integers(-3, 4, size=4).tolist()
        at = int(np.dot(row, inside))
        left = pulp.lpDot(row, x)
        match rng.integers(3):
            case 0:
                problem += left <= at + 1
            case 1:
                problem += left + 2 >= at + 1  # a constant on the left
            case _:
                problem += left == at
    return problem, x


def solve_by_pulp(problem, x, objective, fixed=0, solver=None):
    twin, y = copy.deepcopy((problem, x))
    twin.objective = pulp.lpDot(objective.tolist(), y) + fixed
    assert pulp.LpStatus[twin.solve(solver or pulp.HiGHS(msg=False, gapRel=0, threads=1))] == "Optimal"
    return pulp.value(twin.objective)


@pytest.mark.parametrize("kind", SOLVERS)
@pytest.mark.parametrize("sense", SENSES)
def test_agrees_with_pulps_own_solve(sense, kind):
    rng = np.random.default_rng(0)
    for _ in range(25):
        problem, x = random_problem(rng, sense, kind)
        objectives = rng.normal(size=(3, 4))
        result = SOLVERS[kind](sense=sense).prepare(problem, x).solve(objectives)
        assert (result.status == SolveStatus.OPTIMAL).all()
        expected = [solve_by_pulp(problem, x, row) for row in objectives]
        np.testing.assert_allclose(result.values, expected, atol=1e-6)
        np.testing.assert_allclose((result.solutions * objectives).sum(axis=1), expected, atol=1e-6)
        for point in result.solutions:
            for variable, value in zip(x, point, strict=True):
                variable.varValue = value
            assert problem.valid(eps=1e-6)


@pytest.mark.filterwarnings("ignore:.*CBC.*:DeprecationWarning")
@pytest.mark.parametrize("kind", SOLVERS)
@pytest.mark.parametrize("sense", SENSES)
def test_agrees_with_cbc(sense, kind):
    rng = np.random.default_rng(4)
    cbc = pulp.PULP_CBC_CMD(msg=False, gapRel=0)
    for _ in range(10):
        problem, x = random_problem(rng, sense, kind)
        objective = rng.normal(size=4)
        result = SOLVERS[kind](sense=sense).prepare(problem, x).solve(objective[None])
        np.testing.assert_allclose(result.values[0], solve_by_pulp(problem, x, objective, solver=cbc), atol=1e-6)


@pytest.mark.parametrize("sense", SENSES)
def test_agrees_with_enumeration(sense):
    rng = np.random.default_rng(1)
    best = {"min": min, "max": max}[sense]
    for _ in range(40):
        problem = pulp.LpProblem("binary", SENSES[sense])
        x = [problem.add_variable(f"x{i}", cat="Binary") for i in range(5)]
        problem += pulp.lpSum(x)  # no constraint need use a variable
        a = rng.integers(-4, 5, size=(2, 5))
        b = rng.integers(-2, 5, size=2)
        problem += pulp.lpDot(a[0].tolist(), x) <= int(b[0])
        problem += pulp.lpDot(a[1].tolist(), x) >= -int(b[1])
        points = np.array(list(itertools.product([0, 1], repeat=5)))
        points = points[(points @ a[0] <= b[0]) & (points @ a[1] >= -b[1])]
        objectives = rng.normal(size=(4, 5))
        result = PulpILPSolver(sense=sense).prepare(problem, x).solve(objectives)
        if len(points) == 0:
            assert (result.status == SolveStatus.INFEASIBLE).all()
            continue
        expected = [best(points @ row) for row in objectives]
        np.testing.assert_allclose(result.values, expected, atol=1e-9)


def pick_one(count):
    problem = pulp.LpProblem("pick", pulp.LpMaximize)
    x = [problem.add_variable(f"x{i}", 0) for i in range(count)]
    problem += pulp.lpSum(x) == 1
    return problem, x


def test_objectives_follow_the_variables_given():
    problem, x = pick_one(12)
    mapped = PulpLPSolver(sense="max").prepare(problem, x)
    named = PulpLPSolver(sense="max").prepare(problem, [v.name for v in x])
    by_name = PulpLPSolver(sense="max").prepare(problem)
    assert np.array_equal(mapped.solve(np.eye(12)).solutions, np.eye(12))
    assert np.array_equal(named.solve(np.eye(12)).solutions, np.eye(12))
    names = [v.name for v in problem.variables()]
    assert names[:4] == ["x0", "x1", "x10", "x11"]
    assert np.array_equal(by_name.solve(np.eye(12)).solutions, np.eye(12))
    # position 2 is x10 by default: make x10 impossible and see where the solution goes
    x[10].upBound = 0
    ahead = PulpLPSolver(sense="max").prepare(problem).solve(np.array([[0, 0, 2, 1.0] + [0] * 8]))
    assert ahead.solutions[0].tolist() == [0, 0, 0, 1.0] + [0] * 8


@pytest.mark.parametrize("kind", SOLVERS)
@pytest.mark.parametrize("sense", SENSES)
def test_other_variables_keep_their_coefficients(sense, kind):
    rng = np.random.default_rng(2)
    for _ in range(10):
        problem, x = random_problem(rng, sense, kind)
        problem += 100 * x[0] + 2 * x[1] - x[3] + 7  # x[0] is learned: its 100 must not count
        objectives = rng.normal(size=(3, 2))
        result = SOLVERS[kind](sense=sense).prepare(problem, [x[2], "x0"]).solve(objectives)
        assert result.solutions.shape == (3, 2)
        expected = [solve_by_pulp(problem, x, np.array([c[1], 2.0, c[0], -1.0]), fixed=7) for c in objectives]
        np.testing.assert_allclose(result.values, expected, atol=1e-6)


def state(problem):
    return (
        repr(problem),
        repr(problem.objective),
        [(c.name, c.sense, c.constant, dict(c.items())) for c in problem.constraints()],
        {name: list(value) if isinstance(value, list) else value for name, value in vars(problem).items()},
        [sorted(vars(v).items(), key=str) for v in problem.variables()],
    )


def test_the_problem_is_not_changed():
    problem, x = random_problem(np.random.default_rng(3), "min", "ilp")
    problem += x[0] + 5
    before = state(problem)
    PulpILPSolver().prepare(problem, x[1:]).solve(np.ones((2, 3)))
    assert state(problem) == before


def test_the_order_pulp_holds_variables_in_is_not_changed():
    problem, x = pick_one(12)
    before = [v.name for v in vars(problem)["_variables"]]
    PulpLPSolver(sense="max").prepare(problem)
    assert [v.name for v in vars(problem)["_variables"]] == before
    assert before == [v.name for v in x]  # asking PuLP itself would have sorted it


def test_later_changes_of_the_problem_have_no_effect():
    problem, x = pick_one(3)
    prepared = PulpLPSolver(sense="max").prepare(problem, x)
    problem += x[0] <= 0.5
    x[1].upBound = 0
    assert np.array_equal(prepared.solve(np.eye(3)).solutions, np.eye(3))


def test_free_variables_and_no_constraints():
    problem = pulp.LpProblem("free")
    x, y = problem.add_variable("x"), problem.add_variable("y", None, 3)
    problem += x + y >= -4
    problem += x - y == 1
    result = PulpLPSolver().prepare(problem, [x, y]).solve(np.array([[1.0, 1.0], [1.0, -3.0], [-1.0, -1.0]]))
    np.testing.assert_allclose(result.solutions, [[-1.5, -2.5], [4, 3], [4, 3]], atol=1e-9)
    box = pulp.LpProblem("box")
    z = box.add_variable("z", -2, 5)
    box += z
    assert PulpLPSolver().prepare(box).solve(np.array([[1.0], [-1.0]])).solutions.tolist() == [[-2], [5]]


@pytest.mark.parametrize("kind", SOLVERS)
def test_infeasible_and_unbounded_rows(kind):
    problem = pulp.LpProblem("open")
    x = problem.add_variable("x", 0, cat="Integer" if kind == "ilp" else "Continuous")
    problem += x >= 1
    result = SOLVERS[kind]().prepare(problem).solve(np.array([[1.0], [-1.0]]))
    assert result.status.tolist() == [SolveStatus.OPTIMAL, SolveStatus.UNBOUNDED]
    assert set(result.messages) == {1}
    problem += x <= 0
    result = SOLVERS[kind]().prepare(problem).solve(np.array([[1.0], [-1.0]]))
    assert result.status.tolist() == [SolveStatus.INFEASIBLE] * 2


def test_rows_that_cancel_out():
    problem, x = pick_one(2)
    problem += x[0] - x[0] <= 3
    assert PulpLPSolver(sense="max").prepare(problem, x).solve(np.eye(2)).solutions.tolist() == [[1, 0], [0, 1]]
    problem += x[0] - x[0] <= -3
    assert PulpLPSolver(sense="max").prepare(problem, x).solve(np.eye(2)).status.tolist() == [2, 2]
