"""Both solvers pass the conformance kit, on the instances they offer."""

from __future__ import annotations

from imle.testing import parametrize_with_checks


@parametrize_with_checks("networkx-shortest-path")
def test_graphs(check):
    check()


@parametrize_with_checks("grid-shortest-path")
def test_grids(check):
    check()
