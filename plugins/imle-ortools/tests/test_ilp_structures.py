"""What is recognised as an assignment or a knapsack, and what only looks like one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from imle_highs import problems
from imle_ortools.ilp.solver import ILPSolver


def counters(costs=None, **instance):
    prepared = ILPSolver().prepare(**instance)
    costs = -np.ones((1, prepared.objective_shape[0])) if costs is None else costs
    return dict(prepared.solve(costs).counters)


def pairs(edges, lines, columns):
    """One variable per edge: a row per line, then a row per column."""
    rows = np.zeros((lines + columns, len(edges)))
    for k, (i, j) in enumerate(edges):
        rows[i, k] = rows[lines + j, k] = 1.0
    return rows


def test_forbidden_pairs_and_any_order_of_rows_and_variables():
    rng = np.random.default_rng(0)
    for _ in range(50):
        n = int(rng.integers(2, 5))
        edges = [edge for edge in itertools.product(range(n), repeat=2) if rng.uniform() < 0.8]
        rows = pairs(edges, n, n)
        if not len(edges) or (rows.sum(axis=1) == 0).any():
            continue
        shuffled = rows[rng.permutation(2 * n)][:, (order := rng.permutation(len(edges)))]
        costs = rng.normal(size=(1, len(edges)))
        instance = {"A_eq": shuffled, "b_eq": np.ones(2 * n), "bounds": (0, 1)}
        ours = ILPSolver().prepare(**instance).solve(costs)
        theirs = ILPSolver(backend="highs").prepare(**instance).solve(costs)
        assert ours.status.tolist() == theirs.status.tolist()
        np.testing.assert_allclose(ours.values, theirs.values)
        assert len(order) == len(edges)


def test_more_columns_than_lines():
    edges = list(itertools.product(range(2), range(4)))
    rows = pairs(edges, 2, 4)
    instance = {"A_eq": rows[:2], "b_eq": [1, 1], "A_ub": rows[2:], "b_ub": [1] * 4, "bounds": (0, None)}
    costs = np.random.default_rng(1).normal(size=(3, 8))
    ours = ILPSolver().prepare(**instance).solve(costs)
    assert ours.counters == {"assignments": 3}
    theirs = ILPSolver(backend="highs").prepare(**instance).solve(costs)
    np.testing.assert_allclose(ours.values, theirs.values)


@pytest.mark.parametrize(
    "change",
    [
        {"b_eq": [1, 1, 1, 1, 1, 2]},
        {"bounds": (0, 0.5), "integrality": 0},
        {"bounds": (-1, 1)},
        {"A_ub": [[1] * 9], "b_ub": [2]},
        {"A_eq": 2 * problems.assignment(3)["A_eq"]},
        {"A_eq": np.vstack([problems.assignment(3)["A_eq"][:5], np.eye(9)[0]])},
    ],
)
def test_what_is_no_assignment(change):
    assert "assignments" not in counters(**{**problems.assignment(3), **change})


def test_two_variables_for_one_pair_are_no_assignment():
    rows = pairs([(0, 0), (0, 0), (0, 1), (1, 0), (1, 1)], 2, 2)
    instance = {"A_eq": rows, "b_eq": np.ones(4), "bounds": (0, 1)}
    prepared = ILPSolver().prepare(**instance)
    result = prepared.solve(np.array([[3.0, 1, 9, 9, 1]]))
    assert result.solutions.tolist() == [[0, 1, 0, 0, 1]]
    assert "assignments" not in result.counters


def test_no_assignment_once_right_sides_come_per_row():
    both = problems.assignment(2)
    prepared = ILPSolver().prepare(**both)
    costs = np.ones((2, 4))
    assert "assignments" not in prepared.solve(costs, b_eq=[np.ones(4), 2 * np.ones(4)]).counters
    assert prepared.solve(costs).counters == {"assignments": 2}


@pytest.mark.parametrize(
    "change",
    [
        {"A_ub": [[3, 4, -5, 6]]},
        {"bounds": (0, 2)},
        {"bounds": (-1, 1)},
        {"integrality": [1, 1, 1, 0]},
        {"A_eq": [[1, 1, 1, 1]], "b_eq": [2]},
        {"A_ub": np.eye(4) + 1e-3 * np.eye(4), "b_ub": [1] * 4},
    ],
)
def test_what_is_no_knapsack(change):
    knapsack = {"A_ub": [[3, 4, 5, 6]], "b_ub": [10], "bounds": (0, 1)}
    assert "knapsacks" not in counters(**{**knapsack, **change})


def test_a_knapsack_with_a_capacity_per_row():
    prepared = ILPSolver(sense="max").prepare(A_ub=[[3, 4, 5, 6]], bounds=(0, 1))
    result = prepared.solve(np.array([[1.0, 2, 3, 4]] * 3), b_ub=[[10], [100], [2]])
    assert result.solutions.tolist() == [[0, 1, 0, 1], [1, 1, 1, 1], [0, 0, 0, 0]]
    assert result.counters == {"knapsacks": 3}
