"""pulp-lp and pulp-ilp pass the conformance kit, on the instances they offer."""

from __future__ import annotations

from imle.testing import parametrize_with_checks


@parametrize_with_checks("pulp-lp")
def test_linear_problems(check):
    check()


@parametrize_with_checks("pulp-ilp")
def test_integer_problems(check):
    check()
