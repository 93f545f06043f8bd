"""One reader for all: what is no number is refused, with its position, by every solver of programs."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pulp
import pytest
import scipy.optimize
import scipy.sparse
import torch

from imle.errors import InstanceError
from imle_highs.ilp import HighsILPSolver
from imle_highs.lp import HighsLPSolver
from imle_linear import arrays
from imle_linear.instance import ProgramInput, is_empty
from imle_linear.program import from_matrices
from imle_pulp.solvers import PulpILPSolver
from imle_scipy.milp import ScipyMILPSolver

SOLVERS = pytest.mark.parametrize("cls", [HighsLPSolver, HighsILPSolver, ScipyMILPSolver])
GOOD = {"A_ub": [[1.0, 2.0]], "b_ub": [3.0], "bounds": (0, 1)}


@SOLVERS
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"A_ub": [["1", 2.0]]}, r"A_ub: expected numbers, found '1' at \(0, 0\)"),
        ({"A_ub": [[1.0, None]]}, r"A_ub: expected numbers, found None at \(0, 1\)"),
        ({"A_ub": np.array([[1, 2 + 1j]])}, r"A_ub: expected numbers, found .*1\+0j.* at \(0, 0\)"),
        ({"A_ub": scipy.sparse.csr_array(np.array([[1, 2j]]))}, "A_ub: expected numbers, found .*0j.* at 0"),
        ({"A_ub": np.array([["a", "b"]])}, r"A_ub: expected numbers, found .*'a'.* at \(0, 0\)"),
        ({"A_ub": np.array([["2026-01-01"]], "M8[D]")}, r"A_ub: expected numbers, found .*2026.* at \(0, 0\)"),
        ({"b_ub": ["3"]}, "b_ub: expected numbers, found '3' at 0"),
        ({"b_ub": [3 + 0j]}, r"b_ub: expected numbers, found .*\(3\+0j\).* at 0"),
        ({"bounds": [(0, "1"), (0, 1)]}, r"bounds: expected numbers, found '1' at \(0, 1\)"),
        ({"bounds": (0, 1j)}, "bounds: expected numbers, found 1j at 1"),
        ({"b_ub": [1e20]}, r"b_ub: expected finite numbers below 1e\+20 in size, found 1e\+20"),
        ({"A_ub": [[1.0, 2.0], [3.0]]}, "A_ub: expected numbers in equal rows, found list"),
    ],
)
def test_what_is_no_number(cls, given, message):
    with pytest.raises(InstanceError, match=message):
        cls().prepare(**{**GOOD, **given})


@SOLVERS
def test_right_sides_of_rows(cls):
    with pytest.raises(InstanceError, match="b_ub: expected numbers, found 'x' at 0") as caught:
        cls().prepare(**GOOD).solve(np.ones((2, 2)), b_ub=[[1.0], ["x"]])
    assert caught.value.message


@pytest.mark.parametrize("number", ["1", 1j, None])
def test_what_is_no_number_in_pulp(number):
    problem = pulp.LpProblem("p", pulp.LpMinimize)
    x = problem.add_variable("x", 0, 1, cat="Integer")
    constraint = pulp.LpConstraint(pulp.LpAffineExpression({x: 1.0}), pulp.LpConstraintLE, rhs=1)
    constraint.expr[x] = number
    problem += constraint
    problem += x
    with pytest.raises(InstanceError, match="coefficient of 'x': expected a number, found "):
        PulpILPSolver().prepare(problem=problem)


def test_numbers_of_all_kinds():
    for given in (
        [[Fraction(1, 3), Decimal("0.5")]],
        np.array([[Fraction(1, 3), 0.5]], dtype=object),
        torch.tensor([[1 / 3, 0.5]], dtype=torch.float64),
        scipy.sparse.coo_array(np.array([[1 / 3, 0.5]])),
        np.array([[1 / 3, 0.5]], dtype=">f8"),
    ):
        assert arrays.matrix("test", given).value.tolist() == [1 / 3, 0.5]
    lower, upper = arrays.bounds("test", np.array([[None, 1], [0, None]], dtype=object), 2)
    assert (lower.tolist(), upper.tolist()) == ([-np.inf, 0], [1, np.inf])


def test_products():
    rng = np.random.default_rng(0)
    for density in (0.05, 0.2, 1.0):
        dense = np.where(rng.random((6, 9)) < density, rng.integers(-9, 10, (6, 9)), 0).astype(float)
        points = rng.integers(-9, 10, (4, 9)).astype(float)
        columns = arrays.matrix("test", dense)
        np.testing.assert_array_equal(columns.times(points), points @ dense.T)
        np.testing.assert_array_equal(columns.times(points[0]), dense @ points[0])
        np.testing.assert_array_equal(columns.largest(np.abs(columns.value)), np.abs(dense).max(axis=1))


@pytest.mark.parametrize("size", [2.0**-900, 1e-300, 1e-12, 1.0, 3.0, 1e14])
def test_row_factors_are_exact(size):
    program = from_matrices("test", A_ub=[[size, -size / 3], [0.0, 0.0]], b_ub=[1, 1])
    scaled = program.matrix.value * program.matrix.row_factors[program.matrix.index]
    assert 1 <= np.abs(scaled).max() < (2 if size > 1024 or size < 1 else 1024)
    assert np.frexp(program.matrix.row_factors)[0].tolist() == [0.5, 0.5]
    assert (program.matrix.row_factors[0] == 1) == (1 <= size < 1024)


@pytest.mark.parametrize(
    ("row", "integrality", "delicate"),
    [
        ([3, 4, 5], 1, False),
        ([0.25, 40_000.0], 1, True),  # 1e-6 of 40,000 is much of 0.25
        ([1e6, 2e6], 1, True),
        ([1e6, 1.0], [1, 0], True),
        ([1e-9, 2e-9], 1, False),
        ([50.0, 1.0], 0, False),
        ([5000.0, 1.0], 0, True),
    ],
)
def test_programs_for_which_tolerances_are_too_wide(row, integrality, delicate):
    assert from_matrices("test", A_ub=[row], b_ub=[1], integrality=integrality).delicate == delicate


@pytest.mark.parametrize(
    ("integrality", "end", "blind"),
    [
        ([1, 1], 1, True),  # a step of the second one moves the row by 1e-9
        ([1, 0], 1e-2, False),  # all of it by 1e-11
        ([1, 0], 1e6, True),  # by 1e-3
        ([1, 0], None, True),
        ([0, 0], None, False),  # no integers
    ],
)
def test_coefficients_that_are_lost_beside_others(integrality, end, blind):
    program = from_matrices("test", A_ub=[[1.0, 1e-9]], b_ub=[1], bounds=[(0, 1), (0, end)], integrality=integrality)
    assert program.blind == blind
    assert program.delicate or not blind


def test_bounds_that_are_not_given():
    lower, upper = arrays.bounds("test", None, 2)
    assert (lower.tolist(), upper.tolist()) == ([0, 0], [np.inf, np.inf])


@pytest.mark.parametrize(
    ("bounds", "empty"),
    [
        ((0, 1), True),
        (None, True),
        (np.array([0.0, 1.0]), True),
        (scipy.optimize.Bounds(0, 1), True),
        ([(0, 1), (0, 1)], False),
        (np.array([[0.0, 1.0], [0.0, 1.0]]), False),
        (scipy.optimize.Bounds([0, 0], 1), False),
        ([(0, 1)] * 3, False),
    ],
)
def test_bounds_per_variable_are_an_instance(bounds, empty):
    assert is_empty(ProgramInput(None, None, None, None, bounds, None, None, None)) == empty


@pytest.mark.parametrize("good", [[[True, False]], [[1, 0]], np.array([[1.0, 0.0]]), torch.tensor([[True, False]])])
def test_masks(good):
    assert arrays.mask("test", good).tolist() == [[True, False]]


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        ([1, 0], "list"),
        (np.array([1, 0]), r"ndarray of shape \[2\]"),
        ([[2, 0]], "list"),
        ([["1", "0"]], "list"),
        ([[0.5, 1.0]], "list"),
    ],
)
def test_masks_that_are_none(bad, found):
    with pytest.raises(
        InstanceError, match=rf"test: allowed: expected a matrix \[n, m\] of bool or 0/1, found {found}"
    ):
        arrays.mask("test", bad)


def test_what_has_one_end_only_is_no_pair_of_bounds():
    with pytest.raises(InstanceError, match="bounds: expected numbers, found namespace"):
        arrays.bounds("bounds", SimpleNamespace(lb=0), 2)


@SOLVERS
def test_scipys_bounds_for_all_variables(cls):
    solver = cls(sense="max")
    for bounds in (scipy.optimize.Bounds(0, 1), scipy.optimize.Bounds([0, 0], 1)):
        result = solver.prepare(A_ub=[[1.0, 2.0]], b_ub=[3.0], bounds=bounds).solve(np.array([[1.0, 1.0]]))
        assert result.solutions.tolist() == [[1, 1]]
    assert solver.prepare(bounds=scipy.optimize.Bounds(0, [1, 2])).solve(np.ones((1, 2))).values.tolist() == [3]
