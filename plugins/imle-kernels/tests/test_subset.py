"""Subsets of limited sizes, against enumeration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import imle
from imle.errors import InstanceError
from imle_kernels.subset import SubsetSolver


def test_matches_enumeration_ties_included():
    """4,000 rows; among the best subsets the one with the fewest entries, then that of the lowest indices."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        n = int(rng.integers(1, 6))
        scores = rng.integers(-3, 4, (20, n)).astype(float)
        ends = np.sort(rng.integers(0, n + 1, (20, 2)), axis=1)
        per_row = rng.random() < 0.5
        low, high = (ends.T if per_row else np.tile(ends[0], (20, 1)).T).tolist()
        limits = {"at_least": low, "at_most": high}
        fixed = {} if per_row else {"at_least": low[0], "at_most": high[0]}
        prepared = SubsetSolver().prepare(**fixed)
        found = prepared.solve(torch.tensor(scores), **(limits if per_row else {})).solutions.numpy()
        masks = np.array(list(itertools.product([1.0, 0.0], repeat=n)))
        sizes = masks.sum(axis=1)
        for row, a, b, mask in zip(scores, low, high, found, strict=True):
            allowed = masks[(sizes >= a) & (sizes <= b)]
            values = allowed @ row
            best = allowed[values == values.max()]
            smallest = best[best.sum(axis=1) == best.sum(axis=1).min()]
            assert mask.tolist() == smallest[0].tolist()


def test_a_threshold():
    scores = torch.tensor([[0.1, 0.6, 0.7], [0.9, 0.2, 0.3], [0.1, 0.1, 0.2]])
    assert torch.equal(imle.layer("subset").eval()(scores - 0.5), (scores > 0.5).float())
    one_each = imle.layer("subset", at_least=1, at_most=1).eval()(scores - 0.5)
    assert torch.equal(one_each, imle.layer("topk", k=1).eval()(scores))


def test_the_limits_may_differ_per_row_and_none_is_no_limit():
    layer = imle.layer("subset").eval()
    found = layer(torch.ones(3, 4), at_most=[None, 2, 0])
    assert found.sum(dim=1).tolist() == [4, 2, 0]


@pytest.mark.parametrize("limits", [{"at_least": 4}, {"at_most": 4}, {"at_least": 2, "at_most": 1}])
def test_limits_that_leave_nothing(limits):
    with pytest.raises(
        InstanceError, match="subset: expected 0 <= at_least <= at_most <= 3, the number of scores, found"
    ):
        imle.layer("subset", **limits)(torch.randn(2, 3))
    with pytest.raises(InstanceError, match=r"found at_least=.* \(row 1\)"):
        imle.layer("subset")(torch.randn(2, 3), at_least=[0, 2], at_most=[3, 1])
