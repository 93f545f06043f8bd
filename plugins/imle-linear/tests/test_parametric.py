"""Numbers that are affine in parameters, and the programs they make: compared with dense arrays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imle.errors import InstanceError
from imle_linear.parametric import Affine, LearnedTerms, ParametricProgram


def random_affine(rng, size, width, count):
    """Some entries, several of them for one number, and the same as a matrix."""
    row, place = rng.integers(0, size, count), rng.integers(0, width, count)
    factor = rng.integers(-3, 4, count).astype(float)
    dense = np.zeros((size, width))
    np.add.at(dense, (row, place), factor)
    return Affine(size, width, row, place, factor), dense


def test_numbers_are_a_matrix_times_the_parameters():
    rng = np.random.default_rng(0)
    for _ in range(50):
        size, width = int(rng.integers(1, 6)), int(rng.integers(1, 5))
        one, dense = random_affine(rng, size, width, int(rng.integers(0, 12)))
        other, below = random_affine(rng, 2, width, 3)
        p = rng.normal(size=(4, width))
        np.testing.assert_allclose(one.followed_by(other).at(p), p @ np.concatenate([dense, below]).T, atol=1e-12)
    assert Affine.constant(np.array([np.inf, -np.inf, 2.0]), 3).at(np.array([[np.nan, 0.0, 1.0]])).tolist() == [
        [np.inf, -np.inf, 2.0]
    ]


def program(rng, n=4, rows=3, width=3):
    """A program whose matrix has several entries in one place."""
    count = 20
    row, column = rng.integers(0, rows, count), rng.integers(0, n, count)
    entries, dense = random_affine(rng, count, width, 30)
    sides, right = random_affine(rng, rows, width, 6)
    built = ParametricProgram(
        names=tuple(f"x{i}" for i in range(n)),
        row_names=tuple(f"row {i}" for i in range(rows)),
        row=row,
        column=column,
        entries=entries,
        sides=sides,
        equalities=1,
        lower=Affine.constant(np.zeros(n), width),
        upper=Affine.constant(np.full(n, 9.0), width),
        integer=np.array([True, False, True, True]),
        costs=Affine.of([(0, 0, 2.0), (n, width - 1, 5.0)], n + 1, width),
    )
    matrix = np.zeros((rows, n, width))
    np.add.at(matrix, (row, column), dense)
    return built, matrix, right


def test_the_program_of_a_vector():
    rng = np.random.default_rng(1)
    for _ in range(20):
        built, matrix, right = program(rng)
        p = np.array([*rng.integers(-2, 3, 2), 1.0])
        linear = built.at("test", np.array([1]), p)
        np.testing.assert_array_equal(linear.matrix.times(np.eye(4)).T, matrix @ p)
        np.testing.assert_array_equal(linear.row_upper, right @ p)
        np.testing.assert_array_equal(linear.row_lower, [-np.inf, -np.inf, (right @ p)[2]])
        assert (linear.b_ub_rows, linear.b_eq_rows, linear.offset) == (2, 1, 5.0)
        assert linear.costs.tolist() == [2 * p[0], 0, 0, 0]
        assert built.structural.tolist() == [True, True]
        assert not built.bounds_vary


def test_what_is_learned_is_a_variable_or_is_held_to_what_it_multiplies():
    built, _, _ = program(np.random.default_rng(2))
    learned = LearnedTerms(
        shape=(3,),
        names=("alone", "sum", "shared"),
        row=np.array([0, 1, 1, 2]),
        column=np.array([1, 2, 3, 0]),  # the first variable costs something by itself, too
        factor=np.array([1.0, 1.0, 2.0, 1.0]),
        constants=np.array([0.0, 3.0, 0.0]),
    )
    wider, numbers = learned.as_variables(built)
    assert numbers.tolist() == [1, 4, 5]
    assert wider.names[4:] == ("sum", "shared")
    linear = wider.at("test", numbers, np.array([1.0, 1.0, 1.0]))
    x = np.array([1.0, 2.0, 3.0, 4.0, 3.0 + 2 * 4.0 + 3.0, 1.0])
    np.testing.assert_allclose(linear.matrix.times(x)[-2:], linear.row_upper[-2:])
    assert linear.integer[4:].tolist() == [True, True]
    np.testing.assert_allclose(linear.lower[4:], [3.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(linear.upper[4:], [9 + 18 + 3, 9.0], atol=1e-6)
    assert linear.costs[:1].tolist() == [2.0]
    assert linear.offset == 5.0


@pytest.mark.parametrize("whole", [False, True])
def test_coefficients_of_nothing_make_no_program_whole(whole):
    built, _, _ = program(np.random.default_rng(2))
    none, no_factor = np.zeros(0, np.int64), np.zeros(0)
    learned = LearnedTerms((1,), ("nothing",), none, none, no_factor, np.array([2.0]))
    wider, numbers = learned.as_variables(replace(built, integer=np.full(4, whole)))
    linear = wider.at("test", numbers, np.array([1.0, 1.0, 1.0]))
    assert linear.integer.tolist() == [whole] * 5
    np.testing.assert_allclose([linear.lower[4], linear.upper[4]], 2.0, rtol=1e-11)


def test_coefficients_that_no_engine_keeps_are_told_by_name():
    built, _, _ = program(np.random.default_rng(3))
    with pytest.raises(InstanceError, match=r"test: row \d: expected coefficients below 1e\+15 in size"):
        built.at("test", np.array([0]), np.array([1e17, 1.0, 1.0]))
