"""SolutionPool: bounded, without duplicates, saved with the model; and how losses fill it."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
import torch
import torch.distributed.checkpoint
from torch.distributed.checkpoint.api import CheckpointException

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


SUBSETS = torch.tensor(k_subsets(4, 2), dtype=torch.float32)


def by_solving(layer):
    layer.eval()(SUBSETS)  # the scores of each subset are its own
    layer.train()


def by_hand(layer):
    layer.pool.add(SUBSETS)


@pytest.mark.parametrize("fill", [by_solving, by_hand])
@pytest.mark.parametrize("given", [{"k": 2}, {"k": [2, 2]}, {"k": np.array([2, 2])}, {"k": torch.tensor([2, 2])}])
def test_layers_and_losses_name_an_instance_alike(fill, given):
    """FAULTS B2: the pool of a layer was empty to a loss. By hand: mean z = 1/2 everywhere, <theta, 1/2 - y> = -2."""
    layer = imle.layer("topk", k=2, pool=1.0)
    fill(layer)
    assert len(layer.pool) == 6
    layer.pool.solve_ratio = 0.0
    scores = torch.tensor([[1.0, 2.0, 3.0, 4.0]], requires_grad=True)
    y = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    rows = {} if isinstance(given["k"], int) else {"k": given["k"][:1]}
    value = NCE(layer, pool=layer.pool)(scores, y, **rows)
    value.backward()
    assert value.item() == -2
    assert scores.grad.tolist() == [[0.5, 0.5, -0.5, -0.5]]
    assert len(layer.pool) == 6


def test_instances_that_differ_have_different_names():
    layer = imle.layer("topk", pool=1.0)
    layer.eval()(torch.rand(3, 4), k=[1, 2, 3])
    assert len(layer.pool.instances) == 3
    with pytest.raises(OptionError, match="solutions: expected the key of an instance, found 3 instances"):
        layer.pool.solutions()
    assert sorted(int(layer.pool.solutions(key).sum()) for key in layer.pool.instances) == [1, 2, 3]


def test_solutions_for_all_instances_are_not_kept_twice():
    pool = SolutionPool()
    assert pool.add(SUBSETS[:3], "one") == 3
    assert pool.add(SUBSETS[1:3], "two") == 2
    assert pool.add(SUBSETS) == 3  # the others were known for one of them
    assert len(pool) == 6
    assert pool.add(SUBSETS[2:4], "one") == 0
    torch.testing.assert_close(pool.solutions("one"), SUBSETS)
    pool.add(1 - torch.eye(4), "two")
    assert pool.solutions("two").shape == (10, 4)


def test_what_is_found_in_inference_mode_trains():
    """FAULTS B7."""
    layer = imle.layer("topk", k=2)
    loss = NCE(layer, pool=SolutionPool(solve_ratio=1.0))
    y = SUBSETS[:2]
    with torch.inference_mode():
        loss(torch.rand(2, 4), y)
    for mode in (False, True):
        with torch.inference_mode(mode):
            loss.pool.solutions(like=torch.zeros(1, dtype=torch.float64))  # moves what is kept
    loss.pool.solve_ratio = 0.0
    scores = torch.rand(2, 4, requires_grad=True)
    loss(scores, y).backward()
    assert scores.grad.abs().sum() > 0


def test_states_are_tensors(tmp_path):
    """FAULTS F4: tools that save tensors, average them, or load them by name."""
    layer = imle.layer("topk", k=2, pool=0.5, noise=None)
    layer.pool.add(SUBSETS)
    state = layer.state_dict()
    assert state
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    assert not any(value.is_floating_point() for value in state.values())  # averages leave whole numbers alone
    other = imle.layer("topk", k=2, pool=0.5, noise=None)
    assert other.state_dict().keys() == state.keys()  # also while it is empty: nothing is passed over
    other.load_state_dict({name: value.clone() for name, value in state.items()})
    torch.testing.assert_close(other.pool.solutions(), SUBSETS)
    dcp = torch.distributed.checkpoint
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, about a single process
        dcp.save(state, checkpoint_id=tmp_path)
        again = {name: torch.zeros_like(value) for name, value in state.items()}
        dcp.load(again, checkpoint_id=tmp_path)
        with pytest.raises(CheckpointException, match="Size mismatch"):
            dcp.load(imle.layer("topk", k=2, pool=0.5, noise=None).state_dict(), checkpoint_id=tmp_path)
    third = imle.layer("topk", k=2, pool=0.5, noise=None)
    third.load_state_dict(again)
    torch.testing.assert_close(third.pool.solutions(), SUBSETS)


@pytest.mark.parametrize("damage", [lambda state: state // 2, lambda state: state.float(), lambda state: {"": state}])
def test_states_that_are_damaged_are_refused(damage):
    pool = SolutionPool()
    pool.add(SUBSETS)
    with pytest.raises(OptionError, match="state: expected the bytes that state_dict"):
        pool.set_extra_state(damage(pool.get_extra_state()))
    torch.testing.assert_close(pool.solutions(), SUBSETS)


def test_rows_for_which_nothing_feasible_is_known_have_no_loss():
    """The second row has a solution, the first one's instance has none: the sum is over the second."""
    rows = {"A_ub": [[1.0, 1.0]], "bounds": (0, 1), "sense": "max"}
    layer = imle.layer("highs-ilp", **rows, on_failure="zero-grad")
    scores = torch.tensor([[1.0, 2.0], [1.0, 2.0]], requires_grad=True)
    true = torch.tensor([[2.0, 1.0], [2.0, 1.0]])
    loss = imle.losses.PairwiseLTR(layer, reduction="sum")
    value = loss(scores, true, b_ub=[[-1.0], [1.0]])
    value.backward()
    alone = imle.losses.PairwiseLTR(imle.layer("highs-ilp", **rows, b_ub=[1.0]))
    again = scores[1:].detach().requires_grad_()
    expected = alone(again, true[1:])
    expected.backward()
    assert value.item() == pytest.approx(expected.item())
    assert scores.grad.tolist() == [[0.0, 0.0], again.grad[0].tolist()]
