"""Assignment: against enumeration and scipy, any shape, any mask."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from imle.errors import InstanceError, ObjectiveError, OptionError
from imle.solvers import SolveStatus
from imle_kernels.assignment import AssignmentSolver

entry = st.one_of(st.integers(-3, 3).map(float), st.floats(-2, 2))


def check(solution, allowed=None):
    """Fails unless this is a complete assignment."""
    assert set(np.unique(solution)) <= {0.0, 1.0}
    assert solution.sum() == min(solution.shape)
    assert solution.sum(axis=0).max() == solution.sum(axis=1).max() == 1
    assert allowed is None or not solution[~allowed].any()


def enumerated(costs, allowed):
    """The least cost of an assignment of a matrix, or infinity."""
    if costs.shape[0] > costs.shape[1]:
        costs, allowed = costs.T, allowed.T
    costs = np.where(allowed, costs, np.inf)
    n, m = costs.shape
    return min(sum(costs[i, j] for i, j in zip(range(n), p, strict=True)) for p in itertools.permutations(range(m), n))


@st.composite
def problems(draw):
    n, m, rows = draw(st.integers(1, 4)), draw(st.integers(1, 5)), draw(st.integers(1, 4))
    values = draw(st.lists(entry, min_size=rows * n * m, max_size=rows * n * m))
    mask = draw(st.lists(st.sampled_from([True, True, False]), min_size=n * m, max_size=n * m))
    return np.array(values).reshape(rows, n, m), np.array(mask).reshape(n, m)


@pytest.mark.slow
@settings(max_examples=700)
@given(problems(), st.sampled_from(["min", "max"]), st.booleans())
def test_matches_enumeration(problem, sense, masked):
    objective, allowed = problem
    sign = 1.0 if sense == "min" else -1.0
    solver = AssignmentSolver(sense=sense).prepare(allowed=allowed if masked else None)
    result = solver.solve(objective)
    within = allowed if masked else np.ones_like(allowed)
    for row, matrix in enumerate(objective):
        best = sign * enumerated(sign * matrix, within)
        if np.isinf(best):
            assert result.status[row] == SolveStatus.INFEASIBLE
            assert result.messages[row] == "the allowed pairs leave no complete assignment"
            continue
        assert result.status is None
        check(result.solutions[row], within)
        assert (matrix * result.solutions[row]).sum() == pytest.approx(best, abs=1e-12)
        assert result.values[row] == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (20, 20), (50, 50), (40, 90), (90, 40)])
@pytest.mark.parametrize("kind", ["uniform", "integers", "tied", "large", "masked"])
def test_matches_scipy(shape, kind):
    rng = np.random.default_rng(0)
    costs = {
        "uniform": lambda: rng.uniform(-1, 1, (6, *shape)),
        "integers": lambda: rng.integers(-50, 50, (6, *shape)).astype(float),
        "tied": lambda: rng.integers(0, 2, (6, *shape)).astype(float),
        "large": lambda: rng.normal(size=(6, *shape)) * 10.0 ** rng.integers(0, 12, (6, *shape)),
        "masked": lambda: rng.random((6, *shape)),
    }[kind]()
    allowed = None
    if kind == "masked":
        allowed = rng.random(shape) < 0.2
        np.fill_diagonal(allowed, True)
    result = AssignmentSolver().prepare(allowed=allowed).solve(costs)
    assert result.status is None
    for matrix, solution, value in zip(costs, result.solutions, result.values, strict=True):
        check(solution, allowed)
        limited = matrix if allowed is None else np.where(allowed, matrix, np.inf)
        assert value == pytest.approx(limited[linear_sum_assignment(limited)].sum(), rel=1e-12)


def test_rows_are_the_same_alone_together_and_in_any_order():
    costs = np.random.default_rng(0).integers(0, 2, size=(12, 6, 6)).astype(float)
    solver = AssignmentSolver().prepare()
    together = solver.solve(costs).solutions
    assert np.array_equal(solver.solve(costs[::-1]).solutions, together[::-1])
    assert np.array_equal(np.concatenate([solver.solve(matrix[None]).solutions for matrix in costs]), together)


def test_a_bad_row_does_not_disturb_the_others_and_input_is_left_alone():
    costs = np.random.default_rng(0).random((4, 3, 4))
    good = AssignmentSolver().prepare().solve(costs).solutions
    costs[1, 2, 3], costs[2, 0, 0] = np.inf, 1e305
    before = costs.copy()
    result = AssignmentSolver().prepare().solve(costs)
    assert result.status.tolist() == [0, SolveStatus.ERROR, SolveStatus.ERROR, 0]
    assert result.messages == {
        1: "the objective is inf at position (2, 3)",
        2: "an entry is larger than 2**1000 in size: sums would overflow",
    }
    assert np.array_equal(result.solutions[[0, 3]], good[[0, 3]])
    assert np.array_equal(costs, before)


def test_empty():
    for shape in [(0, 3, 3), (2, 0, 3), (2, 3, 0)]:
        result = AssignmentSolver().prepare().solve(np.zeros(shape))
        assert result.solutions.shape == shape
        assert result.status is None


MASK = "assignment: allowed: expected a matrix [n, m] of bool or 0/1, found"


@pytest.mark.parametrize(
    ("allowed", "found"),
    [
        (np.ones(3, bool), "ndarray of shape [3]"),
        (np.full((2, 2), 2), "ndarray of shape [2, 2]"),
        ([["a"]], "list"),
        ([[1], [1, 0]], "list"),
    ],
)
def test_masks_that_are_none(allowed, found):
    with pytest.raises(InstanceError) as caught:
        AssignmentSolver().prepare(allowed=allowed)
    assert str(caught.value) == f"{MASK} {found}\n  hint: True where a pair may be chosen"


def test_wrong_shapes():
    with pytest.raises(ObjectiveError) as caught:
        AssignmentSolver().prepare(allowed=np.ones((2, 3))).solve(np.zeros((1, 3, 3)))
    assert str(caught.value) == "assignment: expected objectives of shape [N, 2, 3], found [1, 3, 3]"
    with pytest.raises(ObjectiveError) as caught:
        AssignmentSolver().prepare().solve(np.zeros((1, 3)))
    assert str(caught.value) == "assignment: expected objectives of shape [N, any, any], found [1, 3]"


def test_options():
    with pytest.raises(OptionError) as caught:
        AssignmentSolver(sense="cost")
    assert str(caught.value) == "assignment: sense: expected 'min' or 'max', found 'cost'"


def test_large_batches_are_solved_in_parts_and_stop_between_them():
    from imle.solvers.cancellation import CancelledError, CancelToken

    costs = np.random.default_rng(0).random((300, 100, 101))
    prepared = AssignmentSolver().prepare()
    together = prepared.solve(costs).solutions
    alone = [prepared.solve(row[None]).solutions[0] for row in costs[[0, 48, 49, 50, 299]]]
    assert np.array_equal(together[[0, 48, 49, 50, 299]], alone)
    token = CancelToken()
    token.cancel()
    with token.inside(), pytest.raises(CancelledError):
        prepared.solve(costs)
