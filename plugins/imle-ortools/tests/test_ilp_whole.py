"""Rows of fractions as whole numbers: without loss, or not at all."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from imle.solvers import SolveStatus
from imle_linear import arrays
from imle_linear.whole import FAR, whole_rows
from imle_ortools.ilp.solver import ILPSolver

BACKENDS = ("auto", "highs", "cp-sat", "scip", "cbc")


def whole(row):
    (found,) = whole_rows(arrays.matrix("row", [row]))
    return found


@pytest.mark.parametrize(
    ("row", "coefficients", "factor", "exact"),
    [
        ([8 / 9, 3 / 9, -2 / 9, -2 / 9], [8, 3, -2, -2], 9, False),
        ([2 / 3, -1.0, 5 / 7], [14, -21, 15], 21, False),
        ([0.1, 0.1 * 3, 0.7], [1, 3, 7], 10, False),
        ([0.25, -0.5], [1, -2], 4, True),
        ([6.0, 9.0], [2, 3], Fraction(1, 3), True),
        ([4e9, 8e9], [1, 2], Fraction(1, 4 * 10**9), True),
        ([2.0**40, 3.0], [2**40, 3], 1, True),
        ([0.000001, 0.123456], [1, 123456], 10**6, False),
    ],
)
def test_small_common_denominators_are_found(row, coefficients, factor, exact):
    found = whole(row)
    assert (found.coefficients.tolist(), found.factor, found.exact) == (coefficients, factor, exact)


@pytest.mark.parametrize(
    "row",
    [
        [666666667e-9, 1.0],  # no 2/3
        [2 / 3 + 1e-15, 1.0],
        [np.pi, 1.0],
        [1e-10, 1.0],
        [1 / 1009, 1 / 1013],  # the common denominator is above a million
        [2.0**31, 0.1],
        [np.float32(0.1), 1.0],
    ],
)
def test_everything_else_stays_a_row_of_floats(row):
    assert whole(row) is None


def test_right_sides_are_rounded_inwards_and_exactly():
    thirds, halves, ones = whole([1 / 3, 2 / 3]), whole([0.5, 1.0]), whole([1.0, 2.0])
    assert ones.ends(0.1 + 0.2, 0.7999999999999999 * 10) == (1, 7)
    assert ones.ends(-np.inf, 3.0) == (-FAR, 3)
    assert ones.ends(np.nan, np.nan) == (-FAR, FAR)
    assert ones.ends(-1e300, 1e300) == (-FAR, FAR)
    assert halves.ends(-0.75, math.nextafter(1.0, 0.0)) == (-1, 1)  # times two: -1.5 to 1.9999999999999998
    assert thirds.ends(1 / 3 + 1 / 3, 4 / 3) == (2, 4)
    assert thirds.ends(1.3333, 1.3334) == (4, 4)
    assert whole([0.1, 0.1, 0.1]).ends(-np.inf, 0.1 * 3) == (-FAR, 3)
    assert whole([0.1, 0.1, 0.1]).ends(0.1 * 3, 0.3) == (3, 3)
    assert whole([0.1, 0.1, 0.1]).ends(-np.inf, 0.3 - 1e-12) == (-FAR, 2)


@pytest.mark.parametrize("backend", BACKENDS)
def test_ninths_are_not_missed(backend):
    """All 2,401 points: the best one keeps 8 a + 3 b - 2 c - 2 d <= 0 with 8 - 8."""
    instance = {"A_ub": [[8 / 9, 3 / 9, -2 / 9, -2 / 9], [9, 11, 11, 9]], "b_ub": [0, 58], "bounds": (0, 6)}
    result = ILPSolver(backend=backend).prepare(**instance).solve(np.array([[-6.6, -4.1, -5.0, -0.6]]))
    assert result.status is None or not result.status.any(), result.messages
    assert result.solutions.tolist() == [[1, 0, 4, 0]]
    np.testing.assert_allclose(result.values, [-26.6])


@pytest.mark.parametrize("backend", BACKENDS)
def test_equations_of_thirds_have_solutions(backend):
    bounds = [(1, 30), (1, 20), (0, 10)]
    prepared = ILPSolver(backend=backend).prepare(
        A_eq=[[2 / 3, -1, 0]], b_eq=[0], A_ub=[[7, 5, 9]], b_ub=[100], bounds=bounds
    )
    result = prepared.solve(np.array([[-3.0, -2.0, -4.1]]))
    assert result.solutions.tolist() == [[6, 4, 4]], result.messages
    np.testing.assert_allclose(result.values, [-42.4])


def programs_of_fractions(count):
    """Rows of k/3, k/6, k/7 and k/9, in floats and times their denominator."""
    rng = np.random.default_rng(0)
    points = np.array(list(itertools.product(range(7), repeat=4)))
    for _ in range(count):
        denominators = rng.choice([3, 6, 7, 9], 2)
        numerators = rng.integers(-9, 10, (2, 4))
        sides = rng.integers(-4, 5, 2)
        weights, capacity = rng.integers(1, 12, 4), int(rng.integers(20, 70))
        fits = (points @ numerators.T <= sides).all(axis=1) & (points @ weights <= capacity)
        instance = {
            "A_ub": np.vstack([numerators / denominators[:, None], weights]),
            "b_ub": [*(sides / denominators), capacity],
            "bounds": (0, 6),
        }
        yield instance, points[fits], rng.uniform(-9, 2, (2, 4)).round(1)


@pytest.mark.parametrize(("backend", "count"), [("auto", 150), ("cp-sat", 40), ("highs", 40)])
def test_programs_of_fractions_by_enumeration(backend, count):
    for instance, points, costs in programs_of_fractions(count):
        result = ILPSolver(backend=backend).prepare(**instance).solve(costs)
        if not len(points):
            assert (result.status == SolveStatus.INFEASIBLE).all()
            continue
        assert result.status is None or not result.status.any(), result.messages
        np.testing.assert_allclose(result.values, (costs @ points.T).min(axis=1), atol=1e-9)
        for row in result.solutions:
            assert (points == row).all(axis=1).any(), "not a feasible point"
