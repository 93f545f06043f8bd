"""The reference plugin: the solver against enumeration, and as a layer."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import imle
from imle.errors import InstanceError, ObjectiveError, OptionError
from imle_topk.plugin import TOPK, imle_solvers
from imle_topk.topk import TopKSolver


def brute_force(scores, k):
    """The best k-subset; among equals the lexicographically smallest set of indices."""
    best = max(
        itertools.combinations(range(len(scores)), k), key=lambda c: (sum(scores[i] for i in c), [-i for i in c])
    )
    return [float(i in best) for i in range(len(scores))]


rows = st.integers(1, 6).flatmap(
    lambda n: st.lists(st.lists(st.integers(-3, 3).map(float), min_size=n, max_size=n), min_size=1, max_size=4)
)


@given(rows, st.data())
def test_matches_enumeration_ties_included(scores, data):
    k = data.draw(st.integers(0, len(scores[0])))
    result = TopKSolver().prepare(k=k).solve(torch.tensor(scores))
    assert result.solutions.tolist() == [brute_force(row, k) for row in scores]


@given(rows, st.data())
def test_k_per_row(scores, data):
    ks = [data.draw(st.integers(0, len(row))) for row in scores]
    result = TopKSolver().prepare().solve(torch.tensor(scores), k=ks)
    assert result.solutions.tolist() == [brute_force(row, k) for row, k in zip(scores, ks, strict=True)]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_exactly_k_in_every_dtype(dtype):
    scores = torch.randn(50, 700).to(dtype)  # half precision: many ties
    masks = TopKSolver().prepare(k=300).solve(scores).solutions
    assert masks.dtype == dtype
    assert (masks.float().sum(dim=1) == 300).all()
    chosen_least = scores.float().masked_fill(masks == 0, torch.inf).amin(dim=1)
    others_most = scores.float().masked_fill(masks == 1, -torch.inf).amax(dim=1)
    assert (chosen_least >= others_most).all()


def test_objective_is_left_alone():
    scores = torch.randn(3, 4)
    before = scores.clone()
    TopKSolver().prepare(k=2).solve(scores)
    assert torch.equal(scores, before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_stays_on_the_device():
    layer = imle.layer("topk", k=3, nb_samples=4)
    scores = torch.randn(5, 10, device="cuda", requires_grad=True)
    layer(scores).sum().backward()
    assert scores.grad.is_cuda


def test_training_step_selects_the_wanted_entries():
    torch.manual_seed(0)
    wanted = torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0, 0.0])
    scores = torch.nn.Parameter(torch.zeros(1, 6))
    layer = imle.layer("topk", k=2, nb_samples=10)
    optimizer = torch.optim.SGD([scores], lr=0.5)
    for _ in range(30):
        optimizer.zero_grad()
        (layer(scores) - wanted).square().sum().backward()
        optimizer.step()
    assert layer.eval()(scores).tolist() == [wanted.tolist()]


def test_spec_is_true():
    assert imle_solvers() == [TOPK]
    solver = TopKSolver()
    assert (solver.sense, solver.array) == (TOPK.sense, TOPK.capabilities.array)
    assert solver.prepare(k=1).objective_shape == (None,)


def test_the_example_runs(capsys):
    exec(TOPK.example, {})
    assert "tensor(" in capsys.readouterr().out


@pytest.mark.parametrize(("k", "expected"), [(-1, "an int >= 0"), (4, "0 <= k <= 3, the number of scores")])
def test_a_k_out_of_range_names_its_row(k, expected):
    with pytest.raises(InstanceError, match=rf"topk: k: expected {expected}, found {k} \(row 1\)"):
        imle.layer("topk")(torch.rand(3, 3), k=[0, k, 3])
    with pytest.raises(InstanceError, match=rf"topk: k: expected 0 <= k <= 3, the number of scores, found {k}"):
        TopKSolver().prepare().solve(torch.rand(3, 3), k=[0, k, 3])
    with pytest.raises(InstanceError, match=rf"topk: k: expected 0 <= k <= 3, the number of scores, found {k}"):
        TopKSolver().prepare(k).solve(torch.rand(3, 3))


@pytest.mark.parametrize(
    ("dim", "shape"),
    [(-1, (3, 4)), (-2, (3, 4)), (-2, (2, 3, 4)), (-3, (3, 4, 2)), (1, (3, 4)), (1, (3, 4, 2)), (2, (3, 4, 2))],
)
def test_along_another_dimension_as_torch_has_it(dim, shape):
    scores = torch.randint(-3, 4, shape, generator=torch.Generator().manual_seed(0)).float()
    found = imle.layer("topk", k=2, dim=dim).eval()(scores)
    last = scores.movedim(dim, -1)
    by_hand = imle.layer("topk", k=2).eval()(last).movedim(-1, dim)
    assert torch.equal(found, by_hand)
    assert (found.sum(dim=dim) == 2).all()
    values = torch.topk(scores, 2, dim=dim).values
    assert torch.equal((found * scores).sum(dim=dim), values.sum(dim=dim))


def test_along_several_dimensions():
    images = torch.randn(5, 3, 4, 6)
    found = imle.layer("topk", k=7, dim=(-1, -2)).eval()(images)
    by_hand = imle.layer("topk", k=7).eval()(images.flatten(-2)).unflatten(-1, (4, 6))
    assert torch.equal(found, by_hand)
    assert torch.equal(imle.layer("topk", k=7, dim=[2, 3]).eval()(images), by_hand)


def test_k_per_row_is_for_all_its_columns():
    found = imle.layer("topk", dim=-2).eval()(torch.randn(3, 4, 2), k=[0, 1, 4])
    assert found.sum(dim=1).tolist() == [[0, 0], [1, 1], [4, 4]]


def test_the_gradient_along_another_dimension_is_that_of_one_column_where_there_is_one():
    scores = torch.randn(4, 6)
    torch.manual_seed(1)
    tall = scores.unsqueeze(-1).clone().requires_grad_()
    imle.layer("topk", k=2, dim=1, nb_samples=5)(tall)[:, 0].sum().backward()
    torch.manual_seed(1)
    flat = scores.clone().requires_grad_()
    imle.layer("topk", k=2, nb_samples=5)(flat)[:, 0].sum().backward()
    assert flat.grad.any()
    assert torch.equal(tall.grad.squeeze(-1), flat.grad)


@pytest.mark.parametrize("dim", [0, (0, 1), (-1, 1), (-1, -1), (), 1.5, "rows", True])
def test_what_is_no_dimension(dim):
    with pytest.raises(OptionError, match=r"topk: dim: expected a dimension such as -2, or several such as \(-2, -1\)"):
        imle.layer("topk", dim=dim)


def test_objectives_without_the_dimension():
    with pytest.raises(ObjectiveError, match=r"dim=2: expected objectives of at least 3 dimensions, .* found 2"):
        imle.layer("topk", k=1, dim=2)(torch.randn(2, 3))
    with pytest.raises(ObjectiveError, match=r"expected shape \[\*batch, any, any\], found \[3\]"):
        imle.layer("topk", k=1, dim=-2)(torch.randn(3))


def test_the_exact_rule_is_for_vectors():
    with pytest.raises(OptionError, match=r"'simple': expected objectives \[n\], found \[4, 3\] for each row"):
        imle.layer("topk", k=1, dim=-2, estimator="simple")(torch.randn(2, 4, 3, requires_grad=True)).sum().backward()


def test_options_say_what_was_given():
    assert imle.layer("topk", k=1, dim=[-1, -2]).solver == TopKSolver(dim=(-1, -2))
    assert TopKSolver().dim == -1
    assert hash(TopKSolver(dim=[1, 2])) == hash(TopKSolver(dim=(1, 2)))
