"""highs-lp, highs-ilp and highs-qp pass the conformance kit, on the instances they offer."""

from __future__ import annotations

from imle.testing import parametrize_with_checks


@parametrize_with_checks("highs-lp")
def test_linear_programs(check):
    check()


@parametrize_with_checks("highs-ilp")
def test_integer_programs(check):
    check()


@parametrize_with_checks("highs-qp")
def test_quadratic_programs(check):
    check()
