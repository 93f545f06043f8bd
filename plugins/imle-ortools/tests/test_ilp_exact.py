"""`ortools-ilp`: large coefficients, fractional bounds, bounds of rows that are not proven, and terms not learned."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from imle.solvers import SolveStatus
from imle_ortools.ilp.solver import ILPSolver

BACKENDS = ("auto", "highs", "cp-sat", "scip", "cbc")


def attractive_but_a_unit_too_large(count, size):
    """Five items, an equation that hides the knapsack, and a budget one below a set."""
    rng = np.random.default_rng(size)
    points = np.array(list(itertools.product((0, 1), repeat=6)))
    points = points[points[:, 5] == 1]
    for _ in range(count):
        weights = np.append(rng.integers(size // 2, size, 5), 1)
        loads = points @ weights
        values = np.append(weights[:5] / size + rng.uniform(0, 0.1, 5), 0.0)
        target = points[int(rng.integers(4, 28))]
        instance = {"A_ub": weights[None], "b_ub": [int(target @ weights) - 1], "bounds": (0, 1)}
        instance |= {"A_eq": [[0, 0, 0, 0, 0, 1]], "b_eq": [1]}
        yield instance, values, points[loads < target @ weights]


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_budget_is_exceeded_by_a_unit(backend):
    for size in (10**6, 2 * 10**8):
        for instance, values, points in attractive_but_a_unit_too_large(20, size):
            result = ILPSolver(backend=backend, sense="max").prepare(**instance).solve(values[None])
            assert not result.status.any(), result.messages
            assert (points == result.solutions[0]).all(axis=1).any()
            assert result.values[0] == pytest.approx((points @ values).max())


@pytest.mark.parametrize("backend", BACKENDS)
def test_bounds_of_integers_are_rounded_inwards(backend):
    solver = ILPSolver(backend=backend)
    result = solver.prepare(A_ub=[[3, 7]], b_ub=[20.5], bounds=[(-2.5, 3.3), (0.1, 2.9)])
    result = result.solve(np.array([[-2.0, -1.0]]))
    assert result.solutions.tolist() == [[3, 1]]
    empty = solver.prepare(A_ub=[[1, 1]], b_ub=[9], bounds=[(2.4, 2.6), (0, 1)]).solve(np.ones((2, 2)))
    assert empty.status.tolist() == [SolveStatus.INFEASIBLE] * 2
    assert empty.messages[0] == "no whole number lies within the bounds of variable 0"


@pytest.mark.parametrize("sense", ["min", "max"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_rows_that_run_out_of_time_have_a_bound(backend, sense):
    rng = np.random.default_rng(1)
    weights = rng.integers(100, 1000, (30, 150)).astype(float)
    half = np.floor(weights.sum(axis=1) / 2)
    sign = -1.0 if sense == "min" else 1.0
    costs = np.zeros(150)
    costs[149] = 2.0 * sign  # not learned, and worth more than any other
    prepared = ILPSolver(sense=sense, backend=backend, time_limit=0.5).prepare(
        A_ub=weights, b_ub=half, bounds=(0, 1), variables=range(149), costs=costs
    )
    result = prepared.solve(sign * 1024 * rng.uniform(0.9, 1.1, (1, 149)))
    assert result.status.tolist() == [SolveStatus.FEASIBLE]
    assert sign * result.bound[0] >= sign * result.values[0]
    assert 0 < result.gap[0] < 0.5
    assert not prepared.homogeneous


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_gap_is_proven_by_a_bound(backend):
    rng = np.random.default_rng(2)
    instance = {"A_ub": rng.integers(1, 50, (4, 20)), "b_ub": [200] * 4, "bounds": (0, 2), "A_eq": np.ones((1, 20))}
    objective = rng.uniform(1, 2, (3, 20))
    exact = ILPSolver(sense="max", backend="highs").prepare(**instance, b_eq=[9]).solve(objective)
    near = ILPSolver(sense="max", backend=backend, gap=0.05).prepare(**instance, b_eq=[9]).solve(objective)
    assert not near.status.any(), near.messages
    assert (near.values >= 0.95 * exact.values).all()
    bound = np.where(np.isnan(near.bound), near.values, near.bound)
    assert (bound >= exact.values - 1e-9).all()
