"""The checker against exact arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from imle.solvers import SolveStatus
from imle_linear.checking import SolutionChecker
from imle_linear.engines import Outcome
from imle_linear.judging import reached
from imle_linear.program import from_matrices


def checker(row, right, *, equal=False, **given):
    name = "eq" if equal else "ub"
    program = from_matrices("test", **{f"A_{name}": [row], f"b_{name}": [right]}, **given)
    return SolutionChecker(program), program.rows


def flaw(row, right, point, **given):
    check, rows = checker(row, right, **given)
    return check.mend(np.array(point, dtype=float), rows)[1]


@pytest.mark.parametrize("equal", [False, True])
def test_whole_rows_are_exact(equal):
    """Up to sums of 2**53, whatever their size; right sides may be fractions."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        row = rng.integers(-(10**12), 10**12, 5)
        point = rng.integers(-50, 50, 5)
        value = int(row @ point)
        off = int(rng.integers(-2, 3))
        right = value + off + float(rng.choice([0.0, 0.5, -0.25])) * (not equal)
        sound = value == right if equal else Fraction(value) <= Fraction(right)
        assert (flaw(row, right, point, equal=equal, bounds=(-50, 50)) == "") == sound


def test_rows_of_fractions_hold_up_to_round_off():
    rng = np.random.default_rng(1)
    for _ in range(200):
        row = [Fraction(int(k), int(d)) for k, d in zip(rng.integers(-30, 30, 4), rng.integers(1, 12, 4), strict=True)]
        point = rng.integers(0, 9, 4)
        value = sum(a * int(x) for a, x in zip(row, point, strict=True))
        floats = [float(a) for a in row]
        least = Fraction(1, 27720)  # of all denominators
        assert flaw(floats, float(value), point, equal=True) == ""
        assert flaw(floats, float(value - least), point) == f"row 0 of A_ub is broken by {float(least):.3g}"
    assert flaw([0.1], 0.3, [3]) == ""  # 0.1 * 3 is more than 0.3 as a float
    assert "broken by 1e-10" in flaw([0.1], 0.3 - 1e-10, [3])


def test_tolerances_do_not_grow_with_the_sum():
    """Of a million terms, one unit too many is one unit too many; so is a millionth where variables are continuous."""
    n = 1_000_000
    ones = np.ones((1, n))
    program = from_matrices("test", A_ub=ones, b_ub=[n - 1], bounds=(0, 1))
    assert SolutionChecker(program).mend(np.ones(n), program.rows)[1] == ("row 0 of A_ub is broken by 1")
    program = from_matrices("test", A_ub=ones, b_ub=[n - 1e-5], bounds=(0, 1), integrality=0)
    assert "broken by 1e-05" in SolutionChecker(program).mend(np.ones(n), program.rows)[1]


@pytest.mark.parametrize(
    ("row", "right", "point", "sound"),
    [
        ([1.0, 1.0], 1.0, [0.5, 0.5 + 5e-7], True),  # what simplex methods leave
        ([1.0, 1.0], 1.0, [0.5, 0.5 + 5e-6], False),
        ([1e-8, 1e-8], 1e-8, [0.5, 0.51], False),  # a row of small numbers
        ([1e6, -1.0], 0.0, [1.0, 1e6 - 5e-4], True),  # 1e-9 of a term of a million
        ([1e6, -1.0], 0.0, [1.0, 1e6 - 5e-3], False),
    ],
)
def test_rows_of_continuous_variables(row, right, point, sound):
    assert (flaw(row, right, point, bounds=(None, None), integrality=0) == "") == sound


def test_a_large_coefficient_of_an_integer_variable_hides_nothing():
    """y <= 1e6 z with z = 1e-6: whole up to a tolerance, and y = 1 is still not allowed where z is 0."""
    big = flaw([-1e6, 1.0], 0.0, [1e-6, 1.0], bounds=[(0, 1), (0, 10)], integrality=[1, 0])
    assert big == "row 0 of A_ub is broken by 1"


def test_points_are_mended():
    check, rows = checker([1.0, 1.0], 5.0, bounds=[(0, 3), (0.5, 2)], integrality=[1, 0])
    point, wrong = check.mend(np.array([-1e-7, 2 + 1e-7]), rows)
    assert (point.tolist(), wrong) == ([0, 2], "")
    assert not np.signbit(point).any()
    for bad, what in (
        ([0.4, 1.0], "expected a whole number within its bounds for variable 0, found 0.4"),
        ([4.0, 1.0], "expected a whole number within its bounds for variable 0, found 4"),
        ([1.0, 2.1], "expected a number within its bounds for variable 1, found 2.1"),
        ([1.0, np.nan], "expected a number within its bounds for variable 1, found nan"),
        ([np.inf, 1.0], "expected a whole number within its bounds for variable 0, found inf"),
    ):
        assert check.mend(np.array(bad), rows)[1] == what


def test_many_points_are_checked_as_one_is():
    rng = np.random.default_rng(2)
    for density in (0.1, 1.0):
        matrix = rng.integers(-5, 6, (7, 9)) * (rng.random((7, 9)) < density)
        program = from_matrices("test", A_ub=matrix, bounds=(0, 4), integrality=rng.integers(0, 2, 9))
        check = SolutionChecker(program)
        points = rng.integers(0, 5, (20, 9)) + 1e-7 * rng.standard_normal((20, 9))
        ends = [matrix @ np.rint(point) + rng.integers(-1, 3, 7) for point in points]
        rows = [program.rows._replace(upper=end) for end in ends]
        mended, flaws = check.mend_all(points, rows)
        for n, (point, own) in enumerate(zip(points, rows, strict=True)):
            alone, what = check.mend(point, own)
            np.testing.assert_array_equal(alone, mended[n])
            assert flaws.get(n, "") == what
        assert 0 < len(flaws) < 20


@pytest.mark.parametrize(
    ("status", "point", "bound", "gap", "kept"),
    [
        (SolveStatus.OPTIMAL, [1.0, 0.0], 3.0, 0.0, True),
        (SolveStatus.OPTIMAL, [1.0, 0.0], 2.9, 0.0, False),  # 3 is called optimal beside a bound of 2.9
        (SolveStatus.OPTIMAL, [1.0, 0.0], 2.9, 0.05, True),  # within the gap that was asked for
        (SolveStatus.OPTIMAL, [1.0, 0.0], math.nan, 0.0, True),
        (SolveStatus.FEASIBLE, [1.0, 0.0], 2.9, 0.0, True),
        (SolveStatus.INFEASIBLE, None, 2.9, 0.0, True),
    ],
)
def test_an_optimum_has_to_reach_the_engines_own_bound(status, point, bound, gap, kept):
    outcome = Outcome(status, None if point is None else np.array(point), bound=bound)
    found = reached(outcome, np.array([3.0, 1.0]), gap)
    assert (found is outcome) == kept
    assert kept or found.status == SolveStatus.ERROR
