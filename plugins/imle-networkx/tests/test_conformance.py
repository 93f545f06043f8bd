"""All solvers pass the conformance kit, on the instances they offer."""

from __future__ import annotations

from imle.testing import parametrize_with_checks


@parametrize_with_checks("networkx-shortest-path")
def test_shortest_paths(check):
    check()


@parametrize_with_checks("grid-shortest-path")
def test_grids(check):
    check()


@parametrize_with_checks("bounded-path")
def test_bounded_paths(check):
    check()


@parametrize_with_checks("spanning-tree")
def test_trees(check):
    check()


@parametrize_with_checks("arborescence")
def test_arborescences(check):
    check()


@parametrize_with_checks("perfect-matching")
def test_matchings(check):
    check()


@parametrize_with_checks("min-cut")
def test_cuts(check):
    check()


@parametrize_with_checks("max-weight-matching")
def test_heaviest_matchings(check):
    check()


@parametrize_with_checks("max-weight-closure")
def test_closures(check):
    check()


@parametrize_with_checks("steiner-tree")
def test_steiner_trees(check):
    check()


@parametrize_with_checks("k-shortest-paths")
def test_several_paths(check):
    check()
