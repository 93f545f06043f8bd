"""All solvers pass the conformance kit, on the instances they offer."""

from __future__ import annotations

from imle.testing import parametrize_with_checks


@parametrize_with_checks("topk")
def test_topk(check):
    check()


@parametrize_with_checks("subset")
def test_subset(check):
    check()


@parametrize_with_checks("ranking")
def test_ranking(check):
    check()
