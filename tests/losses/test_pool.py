"""SolutionPool: bounded, without duplicates, saved with the model; and how losses fill it."""

from __future__ import annotations

import io

import pytest
import torch

import imle
from imle.errors import ObjectiveError, OptionError
from imle.losses import NCE, ListwiseLTR, PointwiseLTR, SolutionPool
from support.problems import best, draw, layer_over
from support.solvers import k_subsets

SOLUTIONS = torch.from_numpy(k_subsets(5, 2))


def test_duplicates_are_told_exactly():
    pool = SolutionPool()
    assert pool.add(torch.tensor([[0.0, 1.0], [-0.0, 1.0], [0.0, 1.0 + 1e-6]])) == 2
    assert pool.add(torch.tensor([[0, 1]])) == 0  # whatever the dtype
    assert pool.add(torch.tensor([[True, False]])) == 1
    torch.testing.assert_close(pool.solutions(), torch.tensor([[0.0, 1.0], [0.0, 1.0 + 1e-6], [1.0, 0.0]]))
    assert len(pool) == 3


def test_the_oldest_goes_first():
    pool = SolutionPool(capacity=3)
    assert pool.add(SOLUTIONS[:2]) == 2
    pool.add(SOLUTIONS[[0, 2, 3]])
    assert torch.equal(pool.solutions(), SOLUTIONS[1:4])
    assert pool.add(SOLUTIONS[:1]) == 1  # forgotten, so new
    assert pool.add(SOLUTIONS) == 7
    assert torch.equal(pool.solutions(), SOLUTIONS[-3:])
    assert len(pool) == 3


def test_instances_are_kept_apart_and_cleared():
    pool = SolutionPool()
    pool.add(SOLUTIONS[:3], "a")
    pool.add(torch.ones(1, 2), "b")
    assert pool.instances == ("a", "b")
    assert pool.solutions("b").shape == (1, 2)
    assert pool.solutions("c").shape == (0,)
    with pytest.raises(OptionError, match=r"expected solutions of shape \[5\], found \[2\]"):
        pool.add(torch.ones(1, 2), "a")
    pool.clear()
    assert len(pool) == 0
    assert pool.instances == ()


def test_state_dict_round_trip():
    loss = NCE(layer_over(SOLUTIONS.numpy()))
    loss(draw(6, 5), best(draw(6, 5, seed=1), SOLUTIONS))
    file = io.BytesIO()
    torch.save(loss.state_dict(), file)
    file.seek(0)
    other = NCE(layer_over(SOLUTIONS.numpy()))
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(other.pool.solutions(), loss.pool.solutions())
    assert other.pool.add(loss.pool.solutions()) == 0


def test_losses_fill_it_with_known_and_predicted_solutions():
    layer = layer_over(SOLUTIONS.numpy(), "min")
    loss = NCE(layer)
    costs, y = draw(6, 5), best(-draw(6, 5, seed=1), SOLUTIONS)
    loss(costs, y)
    assert torch.equal(loss.pool.solutions(), torch.cat([y, best(-costs, SOLUTIONS)]).unique(dim=0)) is False  # order
    expected = {tuple(row.tolist()) for row in torch.cat([y, best(-costs, SOLUTIONS)])}
    assert {tuple(row.tolist()) for row in loss.pool.solutions()} == expected


@pytest.mark.parametrize(("ratio", "solves"), [(0.0, 0), (1.0, 6)])
def test_solve_ratio(ratio, solves):
    layer = layer_over(SOLUTIONS.numpy())
    loss = NCE(layer, pool=SolutionPool(solve_ratio=ratio))
    loss(draw(6, 5), best(draw(6, 5, seed=1), SOLUTIONS))
    assert layer.stats.solves == solves


def test_solve_ratio_is_a_share_of_batches():
    pool = SolutionPool(solve_ratio=0.25, generator=torch.Generator().manual_seed(99))
    due = sum(pool.due() for _ in range(2000))
    assert abs(due - 500) < 5 * (2000 * 0.25 * 0.75) ** 0.5


def test_ranking_solves_the_truth_only_where_it_must():
    layer = layer_over(SOLUTIONS.numpy())
    loss = PointwiseLTR(layer, pool=SolutionPool(solve_ratio=0.0))
    loss(draw(6, 5), draw(6, 5, seed=1))
    assert layer.stats.solves == 6  # nothing was known
    loss(draw(6, 5), draw(6, 5, seed=1))
    assert layer.stats.solves == 6
    fresh = ListwiseLTR(layer, pool=SolutionPool(solve_ratio=0.0))
    fresh(draw(6, 5), draw(6, 5, seed=1), best(draw(6, 5, seed=1), SOLUTIONS))
    assert layer.stats.solves == 6  # solutions were given
    PointwiseLTR(layer)(draw(6, 5), draw(6, 5, seed=1))
    assert layer.stats.solves == 6 + 12


def test_a_pool_of_another_problem_is_refused():
    pool = SolutionPool(solve_ratio=0.0)
    pool.add(torch.ones(1, 3))
    with pytest.raises(ObjectiveError, match=r"expected solutions of shape \[5\] in the pool, found \[3\]"):
        PointwiseLTR(imle.layer("topk", k=2), pool=pool)(draw(2, 5), draw(2, 5))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SolutionPool(0), "capacity: expected an int >= 1, found 0"),
        (lambda: SolutionPool(2.0), "capacity: expected an int"),
        (lambda: SolutionPool(solve_ratio=1.5), r"solve_ratio: expected a number in \[0, 1\], found 1.5"),
        (lambda: SolutionPool(solve_ratio=None), "solve_ratio: expected a number"),
        (lambda: SolutionPool().add([1.0]), "expected solutions"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(OptionError, match=message):
        make()
