"""Assignments against enumeration; rows on their own; masks."""

from __future__ import annotations

import itertools
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imle.errors import InstanceError, ObjectiveError, OptionError
from imle.solvers import PreparedSolver, SolveStatus
from imle_scipy.assignment import ScipyAssignmentSolver

SENSES = pytest.mark.parametrize("sense", ["min", "max"])


def assignments(n, m):
    """All complete assignments as `[count, n, m]`."""
    small, large = min(n, m), max(n, m)
    found = []
    for chosen in itertools.permutations(range(large), small):
        matrix = np.zeros((small, large))
        matrix[range(small), chosen] = 1.0
        found.append(matrix if n <= m else matrix.T)
    return np.array(found)


@st.composite
def problems(draw):
    n, m = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    entries = st.lists(st.integers(-3, 3).map(float), min_size=n * m, max_size=n * m)
    rows = draw(st.lists(entries, min_size=1, max_size=4))
    allowed = draw(st.none() | st.lists(st.booleans(), min_size=n * m, max_size=n * m))
    return np.array(rows).reshape(-1, n, m), None if allowed is None else np.array(allowed).reshape(n, m)


@pytest.mark.slow
@SENSES
@settings(max_examples=200)
@given(problem=problems())
def test_matches_enumeration(sense, problem):
    objective, allowed = problem
    feasible = assignments(*objective.shape[1:])
    if allowed is not None:
        feasible = feasible[~(feasible.astype(bool) & ~allowed).any(axis=(1, 2))]
    solver = ScipyAssignmentSolver(sense=sense)
    if not len(feasible):
        found = solver.prepare(allowed).solve(objective)
        assert set(found.status.tolist()) <= {SolveStatus.INFEASIBLE}
        assert {text.partition(":")[0] for text in found.messages.values()} <= {
            "the allowed pairs leave no complete assignment"
        }
        return
    result = solver.prepare(allowed).solve(objective)
    values = np.einsum("nij,kij->nk", objective, feasible)
    np.testing.assert_array_equal(result.values, values.max(axis=1) if sense == "max" else values.min(axis=1))
    for matrix in result.solutions:
        assert (feasible == matrix).all(axis=(1, 2)).any()


@SENSES
def test_rows_on_their_own(sense):
    prepared = ScipyAssignmentSolver(sense=sense).prepare()
    objective = np.random.default_rng(0).integers(0, 3, (30, 5, 7)).astype(float)
    whole = prepared.solve(objective)
    for row in range(30):
        np.testing.assert_array_equal(prepared.solve(objective[row : row + 1]).solutions[0], whole.solutions[row])
    for given_ in (np.asfortranarray(objective), objective.astype(np.float32)):
        np.testing.assert_array_equal(prepared.solve(given_).solutions, whole.solutions)
    turned = prepared.solve(np.ascontiguousarray(objective.transpose(0, 2, 1)).transpose(0, 2, 1))
    np.testing.assert_array_equal(turned.solutions, whole.solutions)
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(prepared.solve, [objective] * 8):
            np.testing.assert_array_equal(result.solutions, whole.solutions)


def test_bad_rows_fail_alone():
    objective = np.ones((4, 2, 2))
    objective[1, 0, 1], objective[2, 1, 1] = np.nan, 1e305
    result = ScipyAssignmentSolver().prepare(np.ones((2, 2))).solve(objective)
    assert result.status.tolist() == [SolveStatus.OPTIMAL, SolveStatus.ERROR, SolveStatus.ERROR, SolveStatus.OPTIMAL]
    assert result.messages[1] == "the objective is nan at position (0, 1)"
    assert result.solutions.sum(axis=(1, 2)).tolist() == [2, 0, 0, 2]


@pytest.mark.parametrize("shape", [(0, 3, 3), (2, 0, 3), (2, 3, 0)])
def test_nothing_to_assign(shape):
    assert ScipyAssignmentSolver().prepare().solve(np.zeros(shape)).solutions.shape == shape


@pytest.mark.parametrize("allowed", [[1, 0], [[0.5]], "all", [[1, 0], [1]]])
def test_masks_that_are_none(allowed):
    with pytest.raises(InstanceError, match=r"allowed: expected a matrix \[n, m\] of bool or 0/1"):
        ScipyAssignmentSolver().prepare(allowed)


def test_refused():
    prepared = ScipyAssignmentSolver().prepare(np.ones((2, 3)))
    assert isinstance(prepared, PreparedSolver)
    with pytest.raises(ObjectiveError, match=r"expected objectives of shape \[N, 2, 3\], found \[1, 3, 2\]"):
        prepared.solve(np.ones((1, 3, 2)))
    with pytest.raises(OptionError, match="sense: expected 'min' or 'max', found 'least'"):
        ScipyAssignmentSolver(sense="least")
    prepared.close()
    prepared.close()


def test_solvers_are_hashable_and_picklable():
    solver = ScipyAssignmentSolver(sense="max")
    assert pickle.loads(pickle.dumps(solver)) == solver
    assert hash(solver) == hash(ScipyAssignmentSolver(sense="max"))
