"""`ortools-ilp` against enumeration, and its backends against one another."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from imle.solvers import SolveStatus
from imle_highs import problems
from imle_ortools.ilp.solver import ILPSolver

BACKENDS = ("auto", "highs", "cp-sat", "scip", "cbc")
OPTIMAL, FEASIBLE, INFEASIBLE, UNBOUNDED, TIMEOUT = (
    SolveStatus.OPTIMAL,
    SolveStatus.FEASIBLE,
    SolveStatus.INFEASIBLE,
    SolveStatus.UNBOUNDED,
    SolveStatus.TIMEOUT,
)


def box(lower, upper):
    return np.array(list(itertools.product(*(range(low, up + 1) for low, up in zip(lower, upper, strict=True)))))


def check(result, objective, points, learned, fixed, sense):
    """Every row against the list `points` of all feasible points."""
    sign = 1.0 if sense == "min" else -1.0
    for n, row in enumerate(objective):
        if not len(points):
            assert result.status[n] == INFEASIBLE
            continue
        assert result.status[n] == OPTIMAL, result.messages
        values = sign * (points[:, learned] @ row + points @ fixed)
        assert sign * result.values[n] == pytest.approx(values.min(), abs=1e-7)
        same = (points[:, learned] == result.solutions[n]).all(axis=1)
        assert same.any(), "not a feasible point"
        assert values[same].min() == pytest.approx(values.min(), abs=1e-7)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("backend", BACKENDS)
def test_random_programs(backend, seed):
    rng = np.random.default_rng(seed)
    for _ in range(120 if backend == "auto" else 25):
        n = int(rng.integers(1, 6))
        lower = rng.integers(-2, 2, size=n)
        upper = lower + rng.integers(0, 4, size=n)
        a_ub = rng.integers(-3, 4, (int(rng.integers(0, 4)), n)) * rng.choice([1.0, 0.1, 0.25])
        b_ub = rng.integers(-4, 7, len(a_ub)) * 0.5
        a_eq = rng.integers(-2, 3, (int(rng.integers(0, 2)), n))
        b_eq = rng.integers(-2, 4, len(a_eq))
        points = box(lower, upper)
        points = points[(points @ a_ub.T <= b_ub + 1e-9).all(axis=1) & (points @ a_eq.T == b_eq).all(axis=1)]
        sense = ("min", "max")[int(rng.integers(2))]
        learned = rng.permutation(n)[: int(rng.integers(1, n + 1))]
        fixed = rng.integers(-3, 4, n).astype(float)
        prepared = ILPSolver(sense=sense, backend=backend).prepare(
            A_ub=a_ub,
            b_ub=b_ub,
            A_eq=a_eq,
            b_eq=b_eq,
            bounds=np.column_stack([lower, upper]),
            variables=learned.tolist(),
            costs=fixed,
        )
        fixed[learned] = 0.0
        objective = np.concatenate([rng.normal(size=(2, len(learned))), rng.integers(-2, 3, (1, len(learned)))])
        check(prepared.solve(objective), objective, points, learned, fixed, sense)


@pytest.mark.parametrize("backend", BACKENDS)
def test_knapsacks(backend):
    rng = np.random.default_rng(7)
    for _ in range(100 if backend == "auto" else 15):
        n, rows = int(rng.integers(2, 11)), int(rng.integers(1, 4))
        weights = rng.integers(1, 900, (rows, n)) / 100
        capacity = weights.sum(axis=1) * rng.uniform(0, 1.1, rows).round(2)
        points = box([0] * n, [1] * n)
        points = points[(points @ weights.T <= capacity + 1e-9).all(axis=1)]
        objective = rng.normal(size=(3, n))
        result = ILPSolver(sense="max", backend=backend).prepare(A_ub=weights, b_ub=capacity, bounds=(0, 1))
        result = result.solve(objective)
        check(result, objective, points, np.arange(n), np.zeros(n), "max")
        if backend == "auto":
            assert result.counters == {"knapsacks": 3}


@pytest.mark.parametrize("backend", BACKENDS)
def test_assignments(backend):
    rng = np.random.default_rng(3)
    for _ in range(40 if backend == "auto" else 6):
        n = int(rng.integers(2, 6))
        objective = rng.normal(size=(2, n * n))
        result = ILPSolver(backend=backend).prepare(**problems.assignment(n)).solve(objective)
        for row, value in zip(objective.reshape(-1, n, n), result.values, strict=True):
            orders = itertools.permutations(range(n))
            assert value == pytest.approx(min(sum(row[i, j] for i, j in enumerate(order)) for order in orders))
        if backend == "auto":
            assert result.counters == {"assignments": 2}


def cover(rng):
    contains = rng.uniform(size=(40, 80)) < 0.04
    for element in contains:
        element[rng.choice(80, size=2, replace=False)] = True
    return problems.set_cover(contains), rng.uniform(0.5, 1.5, (4, 80))


def packing(rng):
    weights = rng.integers(300, 800, size=(3, 30)) / 100
    return problems.knapsack(weights, [20.0] * 3), -rng.uniform(0.5, 1.5, (4, 30))


def equations(rng):
    """Whole numbers up to 4, an equation and dense limits: neither a knapsack nor an assignment."""
    a = rng.integers(1, 9, (3, 14)).astype(float)
    return {"A_ub": a[:2], "b_ub": a[:2].sum(axis=1), "A_eq": a[2:], "b_eq": [40.0], "bounds": (0, 4)}, rng.normal(
        size=(4, 14)
    )


@pytest.mark.parametrize("make", [cover, packing, equations])
def test_backends_agree_on_larger_programs(make):
    instance, costs = make(np.random.default_rng(5))
    values = {}
    for backend in BACKENDS:
        result = ILPSolver(backend=backend).prepare(**instance).solve(costs)
        assert result.status.tolist() == [OPTIMAL] * 4
        values[backend] = result.values
    for backend in BACKENDS:
        np.testing.assert_allclose(values[backend], values["highs"], rtol=1e-7)


@pytest.mark.parametrize("backend", BACKENDS)
def test_bad_rows_among_others(backend):
    prepared = ILPSolver(backend=backend).prepare(A_ub=[[1, 1]], bounds=(0, 1))
    result = prepared.solve(np.array([[-1.0, -2.0]] * 4), b_ub=[[1], [-1], [2], [0.5]])
    assert result.status.tolist() == [OPTIMAL, INFEASIBLE, OPTIMAL, OPTIMAL]
    assert result.solutions.tolist() == [[0, 1], [0, 0], [1, 1], [0, 0]]
    assert result.messages == {1: "no point satisfies all constraints and bounds"}


@pytest.mark.parametrize("backend", ["auto", "highs", "scip", "cbc"])
def test_unbounded_rows_among_others(backend):
    prepared = ILPSolver(backend=backend).prepare(A_ub=[[1, -1]], b_ub=[1])
    result = prepared.solve(np.array([[1.0, 1.0], [-1.0, -1.0], [-1.0, 2.0]]))
    assert result.status.tolist() == [OPTIMAL, UNBOUNDED, OPTIMAL]
    assert result.solutions.tolist() == [[0, 0], [0, 0], [1, 0]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_whole_numbers_may_be_what_makes_it_infeasible(backend):
    prepared = ILPSolver(backend=backend).prepare(A_eq=[[2, 2]], b_eq=[5], bounds=(0, 9))
    assert prepared.solve(np.ones((1, 2))).status.tolist() == [INFEASIBLE]


@pytest.mark.parametrize("backend", ["auto", "highs", "scip", "cbc"])
def test_continuous_variables_beside_integer_ones(backend):
    prepared = ILPSolver(sense="max", backend=backend).prepare(
        A_ub=[[2, 1]], b_ub=[2.5], bounds=(0, 5), integrality=[1, 0]
    )
    result = prepared.solve(np.array([[3.0, 1.0], [1.0, 1.0]]))
    np.testing.assert_allclose(result.solutions, [[1, 0.5], [0, 2.5]])


def market_split(rng, n=40):
    """Equations over 0/1 variables that no solver closes soon."""
    a = rng.integers(0, 100, (5, n)).astype(float)
    return {"A_eq": a, "b_eq": np.floor(a.sum(axis=1) / 2), "bounds": (0, 1)}


@pytest.mark.parametrize("backend", BACKENDS)
def test_time_limit_without_a_feasible_point(backend):
    prepared = ILPSolver(backend=backend, time_limit=0.3).prepare(**market_split(np.random.default_rng(0)))
    result = prepared.solve(np.ones((1, 40)))
    assert result.status.tolist() == [TIMEOUT]
    assert result.messages == {0: "stopped at the time limit without a feasible point"}
    assert not result.solutions.any()


@pytest.mark.parametrize("backend", BACKENDS)
def test_time_limit_with_a_feasible_point(backend):
    rng = np.random.default_rng(1)
    weights = rng.integers(100, 1000, (30, 150)).astype(float)
    half = np.floor(weights.sum(axis=1) / 2)
    prepared = ILPSolver(sense="max", backend=backend, time_limit=0.5).prepare(A_ub=weights, b_ub=half, bounds=(0, 1))
    result = prepared.solve(rng.uniform(0.9, 1.1, (1, 150)))
    assert result.status.tolist() == [FEASIBLE]
    assert result.messages == {0: "stopped at the time limit with a feasible point"}
    assert (weights @ result.solutions[0] <= half).all()
    assert result.solutions.sum() > 50


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_row_depends_on_that_row_alone(backend):
    """Ties too: many covers cost the same."""
    instance, _ = cover(np.random.default_rng(2))
    costs = np.random.default_rng(3).integers(1, 3, (5, 80)).astype(float)
    prepared = ILPSolver(backend=backend).prepare(**instance)
    together = prepared.solve(costs).solutions
    backwards = prepared.solve(costs[::-1]).solutions[::-1]
    alone = np.concatenate([ILPSolver(backend=backend).prepare(**instance).solve(row[None]).solutions for row in costs])
    assert (together == backwards).all()
    assert (together == alone).all()


def test_nothing_is_printed(capfd):
    for backend in BACKENDS:
        prepared = ILPSolver(backend=backend).prepare(A_ub=[[2, 3, 4], [4, 3, 2]], b_ub=[5, 5], bounds=(0, 1))
        prepared.solve(-np.ones((3, 3)))
        prepared.close()
        prepared.solve(-np.ones((1, 3)))  # after close, a new engine
    assert capfd.readouterr() == ("", "")


def test_auto_goes_on_where_one_engine_gives_up():
    """The knapsack search has a budget; beyond it the generic engines take turns."""
    rng = np.random.default_rng(0)
    weights = rng.integers(100, 1000, (12, 30)).astype(float)
    instance = {"A_ub": weights, "b_ub": np.floor(weights.sum(axis=1) / 2), "bounds": (0, 1)}
    values = rng.uniform(0.9, 1.1, (1, 30))
    result = ILPSolver(sense="max").prepare(**instance).solve(values)
    assert result.counters["knapsacks_too_large"] == 1
    assert result.counters["cp_sat"] >= 1
    expected = ILPSolver(sense="max", backend="cbc").prepare(**instance).solve(values)
    assert result.values == pytest.approx(expected.values)
