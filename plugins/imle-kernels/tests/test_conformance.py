"""All solvers pass the conformance kit, on the instances they offer."""

from __future__ import annotations

from imle.testing import parametrize_with_checks


@parametrize_with_checks("assignment")
def test_assignments(check):
    check()


@parametrize_with_checks("knapsack")
def test_knapsacks(check):
    check()


@parametrize_with_checks("subset")
def test_subsets(check):
    check()


@parametrize_with_checks("ranking")
def test_ranks(check):
    check()


@parametrize_with_checks("ranking-matrix")
def test_orders(check):
    check()
