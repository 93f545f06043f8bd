"""Rows that cannot be solved say so, and leave the others alone."""

from __future__ import annotations

import time

import numpy as np
import pytest

from imle.solvers import SolveStatus
from imle_highs import problems
from imle_highs.ilp import HighsILPSolver
from imle_highs.lp import HighsLPSolver
from imle_highs.native import Native

INFEASIBLE = "no point satisfies all constraints and bounds"
UNBOUNDED = "the feasible set is unbounded in the direction of the objective"


@pytest.mark.parametrize(
    "solver",
    [
        HighsLPSolver(),
        HighsLPSolver(method="primal"),
        HighsLPSolver(warm=True),
        HighsILPSolver(),
        HighsILPSolver(tuning="default"),
    ],
)
def test_unbounded_rows_among_others(solver):
    prepared = solver.prepare(A_ub=[[1, -1]], b_ub=[1])
    result = prepared.solve(np.array([[1.0, 1.0], [-1.0, -1.0], [-1.0, 2.0]]))
    assert result.status.tolist() == [SolveStatus.OPTIMAL, SolveStatus.UNBOUNDED, SolveStatus.OPTIMAL]
    assert result.solutions.tolist() == [[0, 0], [0, 0], [1, 0]]
    assert result.messages == {1: UNBOUNDED}
    assert np.isnan(result.values[1])


@pytest.mark.parametrize("solver", [HighsLPSolver(), HighsILPSolver(), HighsILPSolver(tuning="lean")])
def test_infeasible_rows_among_others(solver):
    prepared = solver.prepare(A_ub=[[1, 1]], bounds=(0, 1))
    result = prepared.solve(np.array([[-1.0, -2.0]] * 3), b_ub=[[1], [-1], [2]])
    assert result.status.tolist() == [SolveStatus.OPTIMAL, SolveStatus.INFEASIBLE, SolveStatus.OPTIMAL]
    assert result.solutions.tolist() == [[0, 1], [0, 0], [1, 1]]
    assert result.messages == {1: INFEASIBLE}


@pytest.mark.parametrize("tuning", ["auto", "default", "lean"])
def test_whole_numbers_may_be_what_makes_it_infeasible(tuning):
    result = HighsILPSolver(tuning=tuning).prepare(A_eq=[[2, 2]], b_eq=[5], bounds=(0, 9)).solve(np.ones((1, 2)))
    assert result.status.tolist() == [SolveStatus.INFEASIBLE]


@pytest.mark.parametrize("tuning", ["auto", "default", "lean"])
def test_unbounded_relaxation_without_whole_numbers_is_infeasible(tuning):
    prepared = HighsILPSolver(tuning=tuning).prepare(A_eq=[[2, -2]], b_eq=[1], bounds=(0, None))
    result = prepared.solve(np.array([[-1.0, -1.0]]))
    assert result.status.tolist() == [SolveStatus.INFEASIBLE]


def hard_knapsack(n=100):
    rng = np.random.default_rng(0)
    sizes = rng.integers(300, 800, size=(5, n)) / 100
    values = rng.uniform(0.5, 1.5, size=(3, n))
    return {"A_ub": sizes, "b_ub": sizes.sum(axis=1) / 4, "bounds": (0, 1)}, values


def test_time_limit_starts_anew_for_each_row():
    """HiGHS counts time over all runs of a model; the limit is per row nevertheless."""
    costs = np.random.default_rng(2).normal(size=(1500, 144))
    prepared = HighsLPSolver(time_limit=0.4).prepare(**problems.assignment(12))
    start = time.perf_counter()
    rows = 0
    while time.perf_counter() - start < 0.8:
        assert (prepared.solve(costs[rows : rows + 50]).status == SolveStatus.OPTIMAL).all()
        rows = (rows + 50) % len(costs)


def test_time_limit_starts_anew_for_each_branch_and_bound(monkeypatch):
    """Its clock does begin again with every run: added to that of the model, the limit would grow from row to row."""
    instance, values = hard_knapsack()
    prepared = HighsILPSolver(sense="max", time_limit=0.1, tuning="default").prepare(**instance)
    limits = []

    def configure(native, settings):
        if "time_limit" in settings and native._branches:
            limits.append(settings["time_limit"])
        plainly(native, settings)

    plainly = Native.configure
    monkeypatch.setattr(Native, "configure", configure)
    result = prepared.solve(np.repeat(values, 4, axis=0))
    assert result.status.tolist() == [SolveStatus.FEASIBLE] * 12
    assert len(limits) == 12
    assert max(limits) <= 0.1


def test_time_limit_keeps_the_incumbent():
    instance, values = hard_knapsack()
    prepared = HighsILPSolver(sense="max", time_limit=0.15, tuning="default").prepare(**instance)
    result = prepared.solve(values)
    assert result.status.tolist() == [SolveStatus.FEASIBLE] * 3
    assert set(result.messages.values()) == {"stopped at the time limit with a feasible point"}
    used = result.solutions @ instance["A_ub"].T
    assert (used <= instance["b_ub"]).all()
    assert (result.solutions.sum(axis=1) > 0).all()


@pytest.mark.parametrize("solver", [HighsLPSolver(time_limit=1e-9), HighsILPSolver(time_limit=1e-9)])
def test_time_limit_without_incumbent(solver):
    rng = np.random.default_rng(1)
    sizes = rng.integers(100, 1000, size=(5, 60))  # equations: no point is feasible by chance
    prepared = solver.prepare(A_eq=sizes, b_eq=sizes.sum(axis=1) // 3, bounds=(0, 1))
    result = prepared.solve(rng.uniform(1, 2, size=(2, 60)))
    assert result.status.tolist() == [SolveStatus.TIMEOUT] * 2
    assert set(result.messages.values()) == {"stopped at the time limit without a feasible point"}


def test_a_gap_stops_the_search_early_with_a_solution_within_it():
    instance, values = hard_knapsack(30)
    exact = HighsILPSolver(sense="max").prepare(**instance).solve(values)
    near = HighsILPSolver(sense="max", gap=0.05).prepare(**instance).solve(values)
    assert (near.values <= exact.values + 1e-9).all()
    assert (near.values >= exact.values * 0.95).all()


def test_an_empty_batch():
    result = HighsILPSolver().prepare(bounds=[(0, 1)]).solve(np.zeros((0, 1)))
    assert result.solutions.shape == (0, 1)
    assert len(result.status) == 0
