"""All solvers pass the conformance kit, on the instances they offer."""

from __future__ import annotations

from imle.testing import parametrize_with_checks


@parametrize_with_checks("viterbi")
def test_paths(check):
    check()


@parametrize_with_checks("segmentation")
def test_segmentations(check):
    check()


@parametrize_with_checks("alignment")
def test_alignments(check):
    check()


@parametrize_with_checks("projective-tree")
def test_trees(check):
    check()


@parametrize_with_checks("cky")
def test_derivations(check):
    check()
