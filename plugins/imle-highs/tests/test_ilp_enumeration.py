"""Integer programs against enumeration of all points of a box."""

from __future__ import annotations

import itertools
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imle.solvers import SolveStatus
from imle_highs.ilp import HighsILPSolver


def enumerate_box(lower, upper):
    return np.array(list(itertools.product(*(range(low, up + 1) for low, up in zip(lower, upper, strict=True)))))


def feasible(points, a_ub, b_ub, a_eq, b_eq):
    return points[(points @ a_ub.T <= b_ub).all(axis=1) & (points @ a_eq.T == b_eq).all(axis=1)]


def integers(rng, low, high, size):
    return rng.integers(low, high + 1, size=size).astype(float)


def random_instance(rng):
    """Up to five variables in small boxes, up to three inequalities and one equation; often tight or infeasible."""
    n = int(rng.integers(1, 6))
    lower = rng.integers(-2, 2, size=n)
    upper = lower + rng.integers(0, 4, size=n)
    a_ub = integers(rng, -3, 3, (int(rng.integers(0, 4)), n))
    a_eq = integers(rng, -2, 2, (int(rng.integers(0, 2)), n))
    return lower, upper, a_ub, integers(rng, -4, 6, len(a_ub)), a_eq, integers(rng, -2, 3, len(a_eq))


def check(result, objective, points, fixed, learned, sense):
    """Every row of a result against the list of all feasible points."""
    sign = 1.0 if sense == "min" else -1.0
    for n, row in enumerate(objective):
        if not len(points):
            assert result.status[n] == SolveStatus.INFEASIBLE
            continue
        values = points[:, learned] @ row + points @ fixed
        best = sign * (sign * values).min()
        assert result.status[n] == SolveStatus.OPTIMAL, result.messages
        assert result.values[n] == pytest.approx(best, abs=1e-9)
        solution = result.solutions[n]
        assert (solution == np.rint(solution)).all()
        same = (points[:, learned] == solution).all(axis=1)
        assert same.any(), "not a feasible point"
        assert (sign * values[same]).min() == pytest.approx(sign * best, abs=1e-9)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("tuning", ["auto", "default", "lean", "branching"])
def test_random_programs(seed, tuning, monkeypatch):
    rng = np.random.default_rng(1000 * seed + len(tuning))
    if tuning == "branching":  # what auto does for sparse rows; these are dense
        monkeypatch.setattr("imle_highs.presets.DENSE", 2.0)
        tuning = "auto"
    for _ in range(150 if tuning == "auto" else 30):
        lower, upper, a_ub, b_ub, a_eq, b_eq = random_instance(rng)
        points = feasible(enumerate_box(lower, upper), a_ub, b_ub, a_eq, b_eq)
        n = len(lower)
        sense = ("min", "max")[int(rng.integers(2))]
        learned = rng.permutation(n)[: int(rng.integers(1, n + 1))]
        costs = integers(rng, -3, 3, n)
        fixed = costs.copy()
        fixed[learned] = 0.0
        objective = np.concatenate([rng.normal(size=(2, len(learned))), integers(rng, -2, 2, (2, len(learned)))])
        prepared = HighsILPSolver(sense=sense, tuning=tuning).prepare(
            A_ub=a_ub,
            b_ub=b_ub,
            A_eq=a_eq,
            b_eq=b_eq,
            bounds=np.column_stack([lower, upper]),
            variables=learned.tolist(),
            costs=costs,
        )
        check(prepared.solve(objective), objective, points, fixed, learned, sense)


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_right_sides_per_row(seed, branching):
    rng = np.random.default_rng(seed)
    lower, upper, a_ub, _, a_eq, _ = random_instance(rng)
    box = enumerate_box(lower, upper)
    objective = rng.normal(size=(3, len(lower)))
    b_ub, b_eq = integers(rng, -4, 6, (3, len(a_ub))), integers(rng, -2, 3, (3, len(a_eq)))
    with mock.patch("imle_highs.presets.DENSE", 2.0 if branching else 0.0):
        prepared = HighsILPSolver().prepare(A_ub=a_ub, A_eq=a_eq, bounds=np.column_stack([lower, upper]))
    rows = {}
    if len(a_ub):
        rows["b_ub"] = list(b_ub)
    if len(a_eq):
        rows["b_eq"] = list(b_eq)
    result = prepared.solve(objective, **rows)
    everything = np.arange(len(lower))
    for n in range(3):
        points = feasible(box, a_ub, b_ub[n], a_eq, b_eq[n])
        alone = prepared.solve(objective[n : n + 1], **{name: values[n : n + 1] for name, values in rows.items()})
        assert alone.status[0] == result.status[n]
        np.testing.assert_array_equal(alone.solutions[0], result.solutions[n])
        check(alone, objective[n : n + 1], points, np.zeros(len(lower)), everything, "min")


def test_fixed_right_sides_come_back_after_rows_with_their_own():
    prepared = HighsILPSolver(sense="max").prepare(A_ub=[[1, 1]], b_ub=[1], bounds=(0, 3))
    scores = np.array([[2.0, 1.0]])
    assert prepared.solve(scores).solutions.tolist() == [[1, 0]]
    assert prepared.solve(scores, b_ub=[[5]]).solutions.tolist() == [[3, 2]]
    assert prepared.solve(scores).solutions.tolist() == [[1, 0]]


def test_mixed_integers_keep_continuous_variables_fractional():
    prepared = HighsILPSolver(sense="max").prepare(
        A_ub=[[2, 2]], b_ub=[5], bounds=[(0, None), (0, None)], integrality=[1, 0]
    )
    result = prepared.solve(np.array([[3.0, 1.0], [1.0, 3.0]]))
    np.testing.assert_allclose(result.solutions, [[2.0, 0.5], [0.0, 2.5]])
    np.testing.assert_allclose(result.values, [6.5, 7.5])


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1e-7, 1.0, 1e9, 1e30, 1e300])
@pytest.mark.parametrize("integrality", [0, 1])
def test_the_scale_of_the_objective_does_not_matter(scale, integrality):
    prepared = HighsILPSolver().prepare(A_ub=[[1, 1]], b_ub=[1], bounds=(0, 1), integrality=integrality)
    costs = np.array([[-1.0, -2.0], [-1.0, -1.001], [1.0, 0.001]]) * scale
    assert prepared.solve(costs).solutions.tolist() == [[0, 1], [0, 1], [0, 0]]


def test_integer_variables_stay_exact_where_the_default_gap_would_not():
    """HiGHS ships with a relative gap of 1e-4; these differ by less."""
    prepared = HighsILPSolver(sense="max").prepare(A_ub=[[3, 5, 7, 11]], b_ub=[16], bounds=(0, 1))
    result = prepared.solve(np.array([[1.0, 1.0 + 2e-6, 1.0, 1.0 + 1e-6]]))
    assert result.values[0] == pytest.approx(3.0 + 2e-6, abs=1e-9)
