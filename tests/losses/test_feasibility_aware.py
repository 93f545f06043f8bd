"""The loss of predicted constraints against its definition over listed solutions, and bad input."""

from __future__ import annotations

import copy
import itertools
import math
import pickle

import pytest
import torch

import imle
from imle.errors import InstanceError, ObjectiveError, OptionError, SolveError
from imle.losses import FeasibilityAware
from imle.metrics import excess
from support.problems import draw

POINTS = torch.tensor(list(itertools.product([0.0, 1.0], repeat=5)), dtype=torch.float64)
ROWS, M = 6, 3


def softplus(x, sharpness):
    return math.log1p(math.exp(-sharpness * abs(x))) / sharpness + max(x, 0.0)


def problem(seed=0):
    """Costs, true rows `[B, 3, 5]` and right sides, predicted ones, and the true optima, all by enumeration."""
    costs = -draw(ROWS, 5, seed=seed).abs()
    a = draw(ROWS, M, 5, seed=seed + 1).abs()
    b = a.sum(dim=2) * 0.5
    guess = a * (1 + 0.4 * draw(ROWS, M, 5, seed=seed + 2)).clamp(min=0.1), b * (1 + 0.3 * draw(ROWS, M, seed=seed + 3))
    return costs, (a, b), guess, best(costs, a, b)


def best(costs, a, b):
    return torch.stack([feasible(*row)[0] for row in zip(costs, a, b, strict=True)])


def feasible(c, a, b):
    """Feasible points, the cheapest first."""
    kept = POINTS[(b - POINTS @ a.T >= 0).all(dim=1)]
    return kept[(kept @ c).argsort()]


def by_definition(costs, true, guess, optimal, weight, margin, sharpness):
    """The loss of each row, term by term."""
    values = []
    for c, a, b, p, q, z in zip(costs, *true, *guess, optimal, strict=True):
        allowed = [softplus(margin + (p[k] @ z - q[k]).item(), sharpness) for k in range(M)]
        found = feasible(c, p, q)[0]
        violated = [k for k in range(M) if (a[k] @ found - b[k]).item() > 0]
        forbidden = [softplus(margin - (p[k] @ found - q[k]).item(), sharpness) for k in violated]
        values.append(weight * sum(forbidden) / max(len(violated), 1) + (1 - weight) * sum(allowed) / M)
    return torch.tensor(values, dtype=torch.float64)


def ilp(**instance):
    return imle.layer("highs-ilp", bounds=(0, 1), **instance)


@pytest.mark.parametrize(("weight", "margin", "sharpness"), [(0.5, 2.0, 5.0), (0.0, 0.1, 1.0), (1.0, 0.5, 20.0)])
def test_the_definition(weight, margin, sharpness):
    costs, true, guess, optimal = problem()
    loss = FeasibilityAware(ilp(), weight=weight, margin=margin, sharpness=sharpness, reduction="none")
    names = ("A_ub", "b_ub")
    predicted = [part.clone().requires_grad_() for part in guess]
    found = loss(costs, optimal, dict(zip(names, true, strict=True)), **dict(zip(names, predicted, strict=True)))
    expected = by_definition(costs, true, guess, optimal, weight, margin, sharpness)
    torch.testing.assert_close(found, expected)
    assert ((found > 0).sum() > 1) or weight == 1
    found.sum().backward()
    for part, own in zip(predicted, guess, strict=True):
        for at in [(0,) * own.ndim, (3,) + (1,) * (own.ndim - 1)]:
            step = torch.zeros_like(own)
            step[at] = 1e-6
            ahead, behind = (
                by_definition(
                    costs,
                    true,
                    [p + sign * step if p is own else p for p in guess],
                    optimal,
                    weight,
                    margin,
                    sharpness,
                ).sum()
                for sign in (1, -1)
            )
            torch.testing.assert_close(part.grad[at], (ahead - behind) / 2e-6, atol=1e-6, rtol=1e-6)


def test_one_column_is_predicted_and_the_layer_knows_the_rest():
    costs, (a, _), _, _ = problem()
    shared = a[0]
    b, guess = 0.5 * shared.sum(1).expand(ROWS, M), (0.6 * shared.sum(1)).expand(ROWS, M)
    optimal = best(costs, a[:1].expand_as(a), b)
    known = FeasibilityAware(ilp(A_ub=shared.numpy()))(costs, optimal, {"b_ub": b}, b_ub=guess)
    own = {"A_ub": a[:1].expand_as(a)}
    both = FeasibilityAware(ilp())(costs, optimal, {"b_ub": b, **own}, b_ub=guess, **own)
    torch.testing.assert_close(known, both)


def test_the_two_losses_pull_in_opposite_directions():
    costs, (a, b), _, optimal = problem()
    layer = ilp()

    def gradient(weight, right):
        right = right.clone().requires_grad_()
        loss = FeasibilityAware(layer, weight=weight, margin=0.1)
        loss(costs, optimal, {"A_ub": a, "b_ub": b}, A_ub=a, b_ub=right).backward()
        return right.grad

    loose, tight = gradient(1.0, 1.5 * b), gradient(0.0, 0.5 * b)
    assert (loose >= 0).all()
    assert loose.sum() > 0  # downhill is tighter
    assert (tight < 0).all()  # downhill is looser
    assert not gradient(1.0, 0.5 * b).any()  # what it decides is feasible: nothing to forbid
    truth = {"A_ub": a, "b_ub": b}
    assert FeasibilityAware(layer, weight=1.0)(costs, optimal, truth, **truth) == 0


def test_training_a_right_side_finds_one_that_decides_well():
    costs, (a, _), _, _ = problem()
    a, b = a[:1].expand_as(a), 0.5 * a[0].sum(1).expand(ROWS, M)
    optimal = best(costs, a, b)
    layer = ilp(A_ub=a[0].numpy())
    loss = FeasibilityAware(layer, margin=0.02, sharpness=50.0)
    right = (1.5 * b[0]).requires_grad_()
    optimizer = torch.optim.Adam([right], lr=0.1)

    def infeasible():
        chosen = layer.eval()(costs, b_ub=[right.detach()] * ROWS)
        return imle.metrics.infeasibility(chosen, A_ub=a, b_ub=b).sum()

    assert infeasible() > 1
    for _ in range(25):
        optimizer.zero_grad()
        loss(costs, optimal, {"b_ub": b}, b_ub=right.expand(ROWS, M)).backward()
        optimizer.step()
    assert infeasible() < 0.2


def test_knapsacks_by_a_function_of_theirs_in_any_batch_shape_and_dtype():
    sizes = torch.tensor([[2.0, 3.0, 4.0]])
    layer = imle.layer("knapsack", weights=sizes.tolist())
    values = torch.tensor([[[2.0, 3.0, 5.0], [1.0, 1.0, 1.0]]])
    optimal = torch.tensor([[[1, 1, 0], [1, 1, 0]]])  # fit 5

    def load(z, capacity):
        return z @ sizes.to(z).T - capacity.unsqueeze(1)

    loss = FeasibilityAware(layer, margin=0.0, violation=load, reduction="none")
    found = loss(values.half(), optimal, {"capacity": torch.full((2,), 5.0)}, capacity=torch.tensor([7.0, 4.0]))
    assert found.shape == (1, 2)
    assert found.dtype == torch.float32
    expected = 0.5 * softplus(0.0, 5.0) + 0.5 * softplus(-2.0, 5.0), 0.5 * softplus(1.0, 5.0)
    torch.testing.assert_close(found[0], torch.tensor(expected))  # packs 7 of 5; packs less than it might


@pytest.mark.parametrize("scale", [2.0**-10, 2.0**10])
def test_margin_and_sharpness_have_the_units_of_rows(scale):
    costs, (a, b), (p, q), optimal = problem()
    one = FeasibilityAware(ilp(), margin=0.3, sharpness=4.0)(costs, optimal, {"A_ub": a, "b_ub": b}, A_ub=p, b_ub=q)
    truth, guess = {"A_ub": scale * a, "b_ub": scale * b}, {"A_ub": scale * p, "b_ub": scale * q}
    loss = FeasibilityAware(ilp(), margin=0.3 * scale, sharpness=4.0 / scale)
    torch.testing.assert_close(loss(costs, optimal, truth, **guess), scale * one)


def test_nothing_is_solved_with_weight_0():
    costs, (a, b), _, optimal = problem()
    layer = ilp()
    FeasibilityAware(layer, weight=0.0)(costs, optimal, {"A_ub": a, "b_ub": b}, A_ub=a, b_ub=b)
    assert layer.stats.solves == 0


def test_where_nothing_is_feasible_the_optimum_still_asks_for_room():
    costs, (a, b), _, optimal = problem()
    impossible = b.clone()
    impossible[2] = -1.0
    truth = {"A_ub": a, "b_ub": b}
    with pytest.raises(SolveError, match="row 2"):
        FeasibilityAware(ilp())(costs, optimal, truth, A_ub=a, b_ub=impossible)
    layer = ilp(on_failure="zero-grad")
    right = impossible.requires_grad_()
    loss = FeasibilityAware(layer, margin=0.1, reduction="none")
    found = loss(costs, optimal, truth, A_ub=a, b_ub=right)
    allowed = FeasibilityAware(layer, weight=0.0, margin=0.1, reduction="none")(
        costs, optimal, truth, A_ub=a, b_ub=right
    )
    torch.testing.assert_close(found[2], 0.5 * allowed[2])
    found.sum().backward()
    assert (right.grad[2] < 0).all()


def test_copies():
    costs, (a, b), (p, q), optimal = problem()
    loss = FeasibilityAware(ilp(), weight=0.3)
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert other(costs, optimal, {"A_ub": a, "b_ub": b}, A_ub=p, b_ub=q) == loss(
            costs, optimal, {"A_ub": a, "b_ub": b}, A_ub=p, b_ub=q
        )
    assert "weight=0.3, margin=2, sharpness=5" in repr(loss)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": 1.5}, "weight: expected a number from 0 to 1, found 1.5"),
        ({"weight": True}, "weight: expected a number from 0 to 1, found True"),
        ({"margin": -1}, "margin: expected a number of at least 0, found -1"),
        ({"sharpness": 0}, "sharpness: expected a number > 0, found 0"),
        ({"violation": 3}, "violation: expected a function, found int"),
        ({"reduction": "max"}, "reduction: expected"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(OptionError, match=message):
        FeasibilityAware(ilp(), **options)


def test_bad_input():
    costs, (a, b), _, optimal = problem()
    layer = ilp(A_ub=a[0].numpy())
    loss, truth = FeasibilityAware(layer), {"b_ub": b}
    with pytest.raises(InstanceError, match=r"expected predicted parameters by name"):
        loss(costs, optimal, truth)
    with pytest.raises(InstanceError, match=r"true_parameters: expected those predicted, \['b_ub'\], found \[\]"):
        loss(costs, optimal, {}, b_ub=b)
    with pytest.raises(InstanceError, match=r"true_parameters: b_ub: expected shape \[6, 3\].* found \[6, 2\]"):
        loss(costs, optimal, {"b_ub": b[:, :2]}, b_ub=b)
    with pytest.raises(InstanceError, match="b_ub: expected a torch tensor, found list"):
        loss(costs, optimal, truth, b_ub=b.tolist())
    with pytest.raises(ObjectiveError, match=r"objective: expected constants.*\n?.*detach"):
        loss(costs.clone().requires_grad_(), optimal, truth, b_ub=b)
    with pytest.raises(ObjectiveError, match=r"solution: expected shape \[6, 5\]"):
        loss(costs, optimal[:, :4], truth, b_ub=b)
    knapsack = imle.layer("knapsack", weights=[[1.0] * 5])
    with pytest.raises(InstanceError, match=r"capacity: expected linear rows, A_ub, b_ub.*\n?.*violation="):
        FeasibilityAware(knapsack)(-costs, optimal, {"capacity": b[:, 0]}, capacity=b[:, 0])
    with pytest.raises(InstanceError, match=r"violation: expected \[6, m\] of it, found \[6\]"):
        FeasibilityAware(layer, violation=lambda z, b_ub: z.sum(1))(costs, optimal, truth, b_ub=b)
    with pytest.raises(OptionError, match="nonsense"):
        FeasibilityAware(layer, violation=lambda z, nonsense: excess(z, A_ub=a, b_ub=nonsense))(
            costs, optimal, {"nonsense": b}, nonsense=b
        )


def test_a_layer_that_learns_by_noise_lends_its_solver_all_the_same():
    costs, (a, b), (_, guess), optimal = problem()
    plain, noisy = ilp(), ilp(learned={"b_ub": 0.5}, nb_samples=3)
    truth, given = {"A_ub": a, "b_ub": b}, {"A_ub": a, "b_ub": guess}
    for layer in (noisy, noisy.eval()):
        assert FeasibilityAware(layer)(costs, optimal, truth, **given) == FeasibilityAware(plain)(
            costs, optimal, truth, **given
        )
