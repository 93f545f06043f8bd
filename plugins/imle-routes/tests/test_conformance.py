"""Both solvers pass the conformance kit, on the instances they offer."""

from __future__ import annotations

from imle.testing import parametrize_with_checks


@parametrize_with_checks("tsp")
def test_tours(check):
    check()


@parametrize_with_checks("vrp")
def test_fleets(check):
    check()
