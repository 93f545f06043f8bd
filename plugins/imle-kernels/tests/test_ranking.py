"""Ranks, against their definition and enumeration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import imle
from imle.errors import InstanceError
from imle_kernels.ranking import RankingSolver


@pytest.mark.parametrize("sense", ["min", "max"])
def test_is_a_best_permutation(sense):
    """4,000 rows, with ties: <scores, ranks> is the least (or largest) of all permutations."""
    rng, sign = np.random.default_rng(0), 1.0 if sense == "min" else -1.0
    for _ in range(200):
        n = int(rng.integers(1, 6))
        scores = rng.integers(-3, 4, (20, n)).astype(float)
        found = RankingSolver(sense=sense).prepare().solve(torch.tensor(scores)).solutions.numpy()
        permutations = np.array(list(itertools.permutations(np.arange(1.0, n + 1))))
        assert ((scores * found).sum(axis=1) == sign * (sign * scores @ permutations.T).min(axis=1)).all()
        assert (np.sort(found, axis=1) == np.arange(1, n + 1)).all()


def test_is_one_more_than_the_number_of_higher_scores():
    """The definition of Rolinek et al. 2020."""
    scores = torch.randn(50, 20)
    higher = (scores.unsqueeze(1) > scores.unsqueeze(2)).sum(dim=2)
    assert torch.equal(imle.layer("ranking").eval()(scores), (1 + higher).float())
    lower = (scores.unsqueeze(1) < scores.unsqueeze(2)).sum(dim=2)
    assert torch.equal(imle.layer("ranking", sense="max").eval()(scores), (1 + lower).float())


def test_ties_go_to_the_lowest_index():
    assert imle.layer("ranking").eval()(torch.tensor([1.0, 2.0, 1.0, 2.0])).tolist() == [3, 1, 4, 2]
    assert imle.layer("ranking", sense="max").eval()(torch.tensor([1.0, 2.0, 1.0, 2.0])).tolist() == [1, 3, 2, 4]


def test_padding_is_not_ranked_and_does_not_matter():
    scores = torch.randn(4, 6)
    lengths = [6, 0, 3, 1]
    padded = scores.clone()
    for row, length in enumerate(lengths):
        padded[row, length:] = torch.inf
    padded.requires_grad_()
    found = imle.layer("ranking").eval()(padded, lengths=lengths)
    for row, length in enumerate(lengths):
        alone = imle.layer("ranking").eval()(scores[row, :length]) if length else scores[row, :0]
        assert found[row].tolist() == [*alone.tolist(), *[0.0] * (6 - length)]
    layer = imle.layer("ranking", nb_samples=3)
    layer(padded, lengths=lengths)[:, 0].sum().backward()
    assert padded.grad[0].any()
    assert not padded.grad[2, 3:].any()
    assert imle.layer("ranking", lengths=3).eval()(padded[2:3]).tolist() == found[2:3].tolist()


def test_the_blackbox_gradient_is_that_of_the_paper():
    """-(rk(y) - rk(y_lambda)) / lambda with y_lambda = y + lambda dL/drk; Rolinek et al. 2020."""

    def ranks(scores):
        return torch.empty_like(scores).scatter_(1, (-scores).argsort(dim=1), torch.arange(1.0, 9).expand(5, 8))

    scores, weight = torch.randn(5, 8), torch.rand(5, 8)
    given = scores.clone().requires_grad_()
    (imle.layer("ranking", estimator={"name": "blackbox", "lambda_": 2.0})(given) * weight).sum().backward()
    expected = (ranks(scores + 2.0 * weight) - ranks(scores)) / 2.0
    torch.testing.assert_close(given.grad, expected)


@pytest.mark.parametrize("length", [7, -1])
def test_lengths_out_of_range_name_their_row(length):
    with pytest.raises(InstanceError, match=rf"ranking: lengths: expected .*, found {length} \(row 1\)"):
        imle.layer("ranking")(torch.randn(2, 6), lengths=[6, length])
    with pytest.raises(InstanceError, match=rf"ranking: lengths: expected .*, found {length}"):
        imle.layer("ranking", lengths=length)(torch.randn(2, 6))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("solver", "rows"), [("ranking", {"lengths": [3, 5]}), ("subset", {"at_most": [1, 4]})])
def test_stays_on_the_device(solver, rows):
    scores = torch.randn(2, 5, device="cuda", requires_grad=True)
    found = imle.layer(solver).eval()(scores, **rows)
    assert found.is_cuda
    assert torch.equal(found.cpu(), imle.layer(solver).eval()(scores.detach().cpu(), **rows))
    imle.layer(solver, nb_samples=3)(scores, **rows)[:, 0].sum().backward()
    assert scores.grad.is_cuda
