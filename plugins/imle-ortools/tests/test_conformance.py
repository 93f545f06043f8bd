"""All solvers pass the conformance kit, on the instances they offer."""

from __future__ import annotations

from imle.testing import parametrize_with_checks


@parametrize_with_checks("ortools-ilp")
def test_integer_programs(check):
    check()


@parametrize_with_checks("ortools-cp-sat")
def test_cp_models(check):
    check()


@parametrize_with_checks("ortools-min-cost-flow")
def test_flows(check):
    check()
