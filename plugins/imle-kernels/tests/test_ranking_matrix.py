"""Orders as ranks and matrices: against enumeration, the id "ranking", and what matrices are for."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import imle
from imle.errors import InstanceError
from imle_kernels.ranking_matrix import RankingMatrixSolver


def test_matches_enumeration_with_costs_of_places():
    """2,000 rows with ties, some without costs of places."""
    rng = np.random.default_rng(0)
    for _ in range(100):
        n = int(rng.integers(1, 6))
        objective = rng.integers(-3, 4, (20, n + n * n)).astype(float)
        objective[rng.random(20) < 0.3, n:] = 0
        result = RankingMatrixSolver().prepare(n).solve(objective)
        orders = np.array(list(itertools.permutations(range(n))))
        points = np.concatenate([orders + 1, np.eye(n)[orders].reshape(-1, n * n)], axis=1)
        np.testing.assert_array_equal(result.values, (objective @ points.T).min(axis=1))
        np.testing.assert_array_equal((objective * result.solutions).sum(axis=1), result.values)
        assert all((points == row).all(axis=1).any() for row in result.solutions)


def test_the_matrix_sorts_and_ranks_are_those_of_the_id_ranking():
    scores, values = torch.randn(5, 7), torch.randn(5, 7)
    scores[0, 1] = scores[0, 5]  # a tie
    layer = imle.layer("ranking-matrix", n=7).eval()
    ranks, matrix = layer(scores)
    assert torch.equal(ranks, imle.layer("ranking").eval()(scores))
    ordered = (matrix.mT @ values.unsqueeze(-1)).squeeze(-1)
    assert torch.equal(ordered, values.gather(1, scores.argsort(dim=1, descending=True, stable=True)))
    assert torch.equal(layer(scores)["ranks"], (matrix @ torch.arange(1.0, 8)))


def test_rows_with_different_numbers_of_items():
    scores = torch.randn(2, 4)
    ranks, matrix = imle.layer("ranking-matrix").eval()(scores, n=[4, 2])
    assert ranks[1, 2:].tolist() == [0, 0]
    assert sorted(ranks[1, :2].tolist()) == [1, 2]
    assert matrix[1].sum() == 2
    assert matrix[0].sum() == 4


def test_a_loss_on_the_matrix_reaches_the_scores():
    """Items are asked to come in the order of their numbers."""
    torch.manual_seed(0)
    scores = torch.tensor([[0.0, 1.0, 2.0, 3.0]], requires_grad=True)
    layer = imle.layer("ranking-matrix", n=4, nb_samples=20)
    for _ in range(40):
        _, matrix = layer(scores)
        (gradient,) = torch.autograd.grad((matrix - torch.eye(4)).square().sum(), scores)
        scores = (scores - gradient).detach().requires_grad_()
    assert torch.equal(layer.eval()(scores).matrix[0], torch.eye(4))


def test_bad_rows_fail_alone_and_bad_numbers_are_refused():
    objective = np.zeros((3, 6))
    objective[0, 2:], objective[1, 0] = 1e305, np.nan
    result = RankingMatrixSolver().prepare(2).solve(objective)
    assert result.status.tolist() == [5, 5, 0]
    assert result.messages[0].startswith("an entry is larger than 2**1000")
    for n in (0, -1):
        with pytest.raises(InstanceError, match=f"ranking-matrix: n: expected an int >= 1, found {n}"):
            RankingMatrixSolver().prepare(n)
    with pytest.raises(InstanceError, match="instance parameter n missing"):
        imle.layer("ranking-matrix")(torch.randn(2, 3))
