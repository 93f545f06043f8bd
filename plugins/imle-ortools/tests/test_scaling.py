"""From floats to integers: exact where it can be, bounded where not, never an overflow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imle.errors import OptionError
from imle_ortools.cp_sat import CPSATSolver
from imle_ortools.min_cost_flow import MinCostFlowSolver
from imle_ortools.scaling import Limits, to_integers

LIMITS = Limits(50, 60)
finite = st.floats(allow_nan=False, allow_infinity=False)
domains = st.integers(1, 2**62).map(float)


@settings(max_examples=500)
@given(st.lists(st.tuples(finite, domains), min_size=1, max_size=6))
def test_nothing_overflows_and_rounding_is_at_most_half_a_step(pairs):
    values, sizes = (np.array(column, float) for column in zip(*pairs, strict=True))
    scaled = to_integers(values[None], sizes, "auto", LIMITS)
    assert scaled.fits.all()
    assert sum(abs(int(a)) * int(size) for a, size in zip(scaled.integers[0], sizes, strict=True)) < 2**62
    if scaled.scales[0] < 2.0**-1000:
        return  # half a step is beyond float64
    assert (np.abs(scaled.rounding) <= 0.5 / scaled.scales[:, None]).all()
    for value, integer, rounding in zip(values, scaled.integers[0], scaled.rounding[0], strict=True):
        scale = scaled.scales[0]
        assert rounding * scale == pytest.approx(value * scale - int(integer), abs=1e-15)


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=6), st.integers(0, 10))
def test_integers_and_small_binary_fractions_are_exact(values, digits):
    row = np.array(values, float)[None] / 2**digits
    scaled = to_integers(row, np.ones(len(values)), "auto", LIMITS)
    assert not scaled.rounding.any()
    assert np.array_equal(scaled.integers / scaled.scales[:, None], row)


def test_the_scale_is_the_largest_power_of_two_within_the_limit():
    scaled = to_integers(np.array([[0.3, 0.7], [300.1, 700.0], [30.0, 70.0]]), np.ones(2), "auto", LIMITS)
    total = np.abs(scaled.integers).sum(axis=1)
    assert (np.log2(scaled.scales) % 1 == 0).all()
    assert (total[:2] < 2**50).all()
    assert (total[:2] >= 2**46).all()
    assert scaled.scales[2] == 0.5
    assert scaled.integers[2].tolist() == [15, 35]  # no larger than they need to be


def test_a_given_scale_is_used_or_refused():
    scaled = to_integers(np.array([[0.123456], [1e30]]), np.ones(1), 1000, LIMITS)
    assert scaled.integers.tolist() == [[123], [0]]
    assert scaled.fits.tolist() == [True, False]
    assert scaled.rounding[0, 0] == pytest.approx(0.000456)


def test_without_sizes_the_largest_value_counts():
    scaled = to_integers(np.full((1, 1000), 0.7), None, "auto", LIMITS)
    assert scaled.integers[0, 0] >= 2**48


@pytest.mark.parametrize("scale", [0, -1.0, float("nan"), float("inf"), "large"])
@pytest.mark.parametrize("solver", [CPSATSolver, MinCostFlowSolver])
def test_bad_scales(solver, scale):
    with pytest.raises(OptionError) as caught:
        solver(scale=scale)
    expected = f'{solver.spec.id}: scale: expected "auto" or a finite number > 0, found {scale!r}'
    assert str(caught.value).removesuffix(" (str)") == expected
