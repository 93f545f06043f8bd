"""Linear programs against scipy's linprog, and their solutions as vertices."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from imle.solvers import SolveStatus
from imle_highs.lp import HighsLPSolver


def random_lp(rng):
    """A bounded polytope that holds the point 0.5, with an equation now and then."""
    n, m = int(rng.integers(1, 9)), int(rng.integers(0, 6))
    a_ub = rng.normal(size=(m, n))
    a_eq = rng.normal(size=(int(rng.integers(0, min(n, 3))), n))
    return {
        "A_ub": a_ub,
        "b_ub": a_ub @ np.full(n, 0.5) + rng.uniform(0, 1, m),
        "A_eq": a_eq,
        "b_eq": a_eq @ np.full(n, 0.5),
        "bounds": np.column_stack([np.zeros(n), rng.uniform(0.5, 2.0, n)]),
    }


def tight(instance, x):
    """How many linearly independent constraints hold with equality at x."""
    n = len(x)
    lower, upper = instance["bounds"].T
    at_upper = np.abs(instance["A_ub"] @ x - instance["b_ub"]) < 1e-6
    at_bound = (np.abs(x - lower) < 1e-6) | (np.abs(x - upper) < 1e-6)
    active = np.concatenate([instance["A_eq"], instance["A_ub"][at_upper], np.eye(n)[at_bound]])
    return np.linalg.matrix_rank(active, tol=1e-6) if len(active) else 0


@pytest.mark.slow
@settings(max_examples=150)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["min", "max"]), st.sampled_from(["auto", "primal", "dual"]))
def test_values_and_vertices(seed, sense, method):
    rng = np.random.default_rng(seed)
    instance = random_lp(rng)
    n = len(instance["bounds"])
    objective = rng.normal(size=(3, n))
    result = HighsLPSolver(sense=sense, method=method).prepare(**instance).solve(objective)
    sign = 1.0 if sense == "min" else -1.0
    for row, x, value in zip(objective, result.solutions, result.values, strict=True):
        reference = linprog(sign * row, **instance)
        assert value == pytest.approx(sign * reference.fun, abs=1e-6)
        assert tight(instance, x) == n
        assert (x >= instance["bounds"][:, 0]).all()
        assert (x <= instance["bounds"][:, 1]).all()


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_dense_packing_programs(seed, tied):
    """Which "auto" leaves to the primal simplex without perturbed bounds; ties are where that could go round."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 12))
    m = int(rng.integers((n + 1) // 2, n + 4))
    a_ub = rng.integers(1, 4, (m, n)).astype(float) if tied else rng.uniform(0.1, 1, (m, n))
    b_ub = a_ub.sum(axis=1) // 3 if tied else 0.3 * a_ub.sum(axis=1)
    bounds = np.column_stack([np.zeros(n), rng.integers(1, 3, n).astype(float)])
    instance = {"A_ub": a_ub, "b_ub": b_ub, "A_eq": np.zeros((0, n)), "b_eq": np.zeros(0), "bounds": bounds}
    objective = rng.integers(-1, 4, (4, n)).astype(float) if tied else rng.normal(size=(4, n))
    result = HighsLPSolver(sense="max").prepare(A_ub=a_ub, b_ub=b_ub, bounds=bounds).solve(objective)
    dual = HighsLPSolver(sense="max", method="dual").prepare(A_ub=a_ub, b_ub=b_ub, bounds=bounds).solve(objective)
    assert result.counters == {}
    np.testing.assert_allclose(result.values, dual.values, atol=1e-7)
    for x in result.solutions:
        assert tight(instance, x) == n


def test_packing_with_right_sides_per_row_below_its_lowest_corner():
    prepared = HighsLPSolver(sense="max").prepare(A_ub=[[1, 2], [2, 1]], b_ub=[2, 2], bounds=(-1, 2))
    result = prepared.solve(np.ones((3, 2)), b_ub=[[2, 2], [-2.5, 0], [-4, 0]])
    assert result.status.tolist() == [SolveStatus.OPTIMAL, SolveStatus.OPTIMAL, SolveStatus.INFEASIBLE]
    np.testing.assert_allclose(result.values[:2], [4 / 3, -1.5])


def test_numerical_trouble_is_solved_by_the_other_simplex():
    """HiGHS' primal simplex ends this one with status kUnknown; not worth an error."""
    rng = np.random.default_rng(58)
    instance = random_lp(rng)
    objective = rng.normal(size=(3, len(instance["bounds"])))
    result = HighsLPSolver(method="primal").prepare(**instance).solve(objective)
    dual = HighsLPSolver(method="dual").prepare(**instance).solve(objective)
    assert result.counters == {"solved_again_by_the_other_simplex": 1}
    np.testing.assert_allclose(result.values, dual.values)


@pytest.mark.parametrize("method", ["auto", "primal", "dual"])
def test_warm_starts_find_the_same_values(method):
    rng = np.random.default_rng(3)
    for _ in range(20):
        instance = random_lp(rng)
        objective = rng.normal(size=(6, len(instance["bounds"])))
        cold = HighsLPSolver().prepare(**instance).solve(objective)
        warm = HighsLPSolver(warm=True, method=method).prepare(**instance).solve(objective)
        np.testing.assert_allclose(warm.values, cold.values, atol=1e-7)


@pytest.mark.parametrize("kind", ["csr_matrix", "csc_array", "coo_array", "lil_matrix", "dok_array"])
def test_sparse_matrices_are_taken_as_they_are(kind):
    rng = np.random.default_rng(4)
    instance = random_lp(rng)
    objective = rng.normal(size=(4, len(instance["bounds"])))
    dense = HighsLPSolver().prepare(**instance).solve(objective)
    build = getattr(scipy.sparse, kind)
    sparse = {**instance, "A_ub": build(instance["A_ub"]), "A_eq": build(instance["A_eq"])}
    np.testing.assert_array_equal(HighsLPSolver().prepare(**sparse).solve(objective).solutions, dense.solutions)


def test_repeated_entries_of_a_sparse_matrix_add_up():
    twice = scipy.sparse.coo_array((np.array([1.0, 1.0]), (np.array([0, 0]), np.array([0, 0]))), shape=(1, 1))
    assert HighsLPSolver(sense="max").prepare(A_ub=twice, b_ub=[3]).solve(np.ones((1, 1))).solutions.tolist() == [[1.5]]


def test_nested_lists_default_bounds_and_one_sided_pairs():
    prepared = HighsLPSolver(sense="max").prepare(A_ub=[[1, 1]], b_ub=[4], bounds=[(None, 1), (0, None)])
    assert prepared.solve(np.array([[2.0, 1.0]])).solutions.tolist() == [[1, 3]]
    default = HighsLPSolver().prepare(A_ub=[[1, 1]], b_ub=[4], bounds=None)
    assert default.solve(np.array([[2.0, 1.0]])).solutions.tolist() == [[0, 0]]


def test_bounds_alone_are_an_instance():
    prepared = HighsLPSolver().prepare(bounds=[(-1, 2), (0, 5)])
    assert prepared.solve(np.array([[1.0, -1.0]])).solutions.tolist() == [[-1, 5]]


def test_scipy_bounds_are_understood():
    from scipy.optimize import Bounds

    prepared = HighsLPSolver().prepare(bounds=Bounds([-1, 0], [2, 5]))
    assert prepared.solve(np.array([[1.0, -1.0]])).solutions.tolist() == [[-1, 5]]


def test_partial_objectives_add_the_fixed_part():
    prepared = HighsLPSolver().prepare(
        A_eq=[[1, 1, 1]], b_eq=[2], bounds=(0, 1), variables=[2, 0], costs=[100.0, 5.0, 100.0]
    )
    assert prepared.objective_shape == (2,)
    result = prepared.solve(np.array([[1.0, 7.0], [9.0, 8.0]]))
    assert result.solutions.tolist() == [[1, 0], [0, 1]]
    assert result.values.tolist() == [6.0, 13.0]
    assert set(result.status) == {SolveStatus.OPTIMAL}
