"""Regularised Frank-Wolfe: against listed solutions and quadratic programs, its derivative, its failures."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import imle
from imle.errors import OptionError, SecondDerivativeError
from imle.losses import RegularisedFenchelYoung, RegularisedFrankWolfe
from support.problems import SETS, draw, layer_over, nearest, table


@pytest.mark.parametrize("sense", ["max", "min"])
@pytest.mark.parametrize("strength", [0.2, 1.0, 20.0])
@pytest.mark.parametrize("name", SETS)
def test_nearest_points_of_hulls(name, strength, sense):
    theta = draw(20, table(name).shape[1])
    objective = theta if sense == "max" else -theta
    found = RegularisedFrankWolfe(layer_over(SETS[name], sense), strength=strength)(objective)
    torch.testing.assert_close(found, nearest(theta / strength, table(name)), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", SETS)
def test_the_gradient_is_the_derivative(name):
    smooth = RegularisedFrankWolfe(layer_over(SETS[name], "min"), strength=0.7)
    theta = draw(3, table(name).shape[1], seed=4).requires_grad_()
    assert torch.autograd.gradcheck(smooth, theta)


@pytest.mark.parametrize("corners", [3, 15])
def test_theta_inside_the_hull_is_the_nearest_point_itself(corners):
    """Inside there is no direction left that a solver could be asked for; also on faces of three corners."""
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 4)[:-1]
    chosen = torch.stack([torch.randperm(15, generator=torch.Generator().manual_seed(n))[:corners] for n in range(12)])
    weights = draw(12, corners).exp()
    inside = ((weights / weights.sum(1, keepdim=True)).unsqueeze(2) * every[chosen]).sum(1)
    layer = layer_over(every.numpy())
    theta = (5 * inside).requires_grad_()
    found = RegularisedFrankWolfe(layer, strength=5.0)(theta)
    torch.testing.assert_close(found, inside, rtol=0.0, atol=1e-7)
    assert layer.stats.batches < 40
    if corners == 15:
        (gradient,) = torch.autograd.grad(found, theta, dy := draw(12, 4, seed=1))
        torch.testing.assert_close(gradient, dy / 5)


def test_the_hull_of_k_subsets_as_a_quadratic_program():
    theta, weights = draw(10, 12), draw(10, 12, seed=1)
    hull = {"A_eq": np.ones((1, 12)), "b_eq": [3], "bounds": (0, 1)}
    smooth = RegularisedFrankWolfe(imle.layer("topk", k=3), strength=2.0)
    program = imle.layer("highs-qp", sense="max", Q=2 * np.eye(12), estimator="implicit", **hull)
    found = []
    for layer in (smooth, program):
        leaf = theta.clone().requires_grad_()
        out = layer(leaf)
        (out * weights).sum().backward()
        found.append((out.detach(), leaf.grad))
    torch.testing.assert_close(*found, rtol=1e-9, atol=1e-9)


def test_as_lambda_falls_the_best_solution_is_left():
    layer = imle.layer("topk", k=2)
    scores = torch.tensor([[3.0, 1.0, 2.0, 0.0]], requires_grad=True)
    found = RegularisedFrankWolfe(layer, strength=0.01)(scores)
    assert found.tolist() == [[1.0, 0.0, 1.0, 0.0]]
    found[0, 0].backward()
    assert scores.grad.tolist() == [[0.0] * 4]


def test_a_loss_of_zero_for_points_inside_the_hull():
    layer = imle.layer("topk", k=2)
    theta = draw(4, 6)
    mean = RegularisedFrankWolfe(layer, strength=3.0)(theta)
    assert ((mean > 0.01) & (mean < 0.99)).any()
    losses = RegularisedFenchelYoung(layer, strength=3.0, reduction="none")
    torch.testing.assert_close(losses(theta, mean), torch.zeros(4, dtype=torch.float64), rtol=0, atol=1e-9)
    assert (losses(theta + 0.1 * draw(4, 6, seed=1), mean) > 1e-6).all()


def test_rows_with_instances_of_their_own_and_leading_dimensions():
    layer = imle.layer("knapsack", weights=[3, 4, 5, 6])
    theta, capacities = draw(2, 3, 4) + 1, [5, 7, 9, 11, 13, 18]
    together = RegularisedFrankWolfe(layer)(theta, capacity=capacities)
    alone = [
        RegularisedFrankWolfe(imle.layer("knapsack", weights=[3, 4, 5, 6], capacity=capacity))(row[None])
        for row, capacity in zip(theta.reshape(6, 4), capacities, strict=True)
    ]
    torch.testing.assert_close(together, torch.cat(alone).reshape(2, 3, 4))


def test_few_solves_in_batches():
    layer = imle.layer("topk", k=3)
    RegularisedFrankWolfe(layer, strength=1.0)(draw(50, 20))
    assert layer.stats.batches < 40
    assert layer.stats.solves < 50 * 20  # rows that are done are not solved again
    cut = RegularisedFrankWolfe(layer, strength=1.0, max_solves=2)(draw(50, 20))
    torch.testing.assert_close(cut.sum(dim=1), torch.full((50,), 3.0, dtype=torch.float64))


def test_rows_that_fail_have_no_gradient():
    given = {"A_eq": [[1, 1]], "bounds": (0, 1)}
    layer = imle.layer("highs-lp", on_failure="zero-grad", **given)
    costs = torch.tensor([[0.1, 0.2], [0.1, 0.2]], requires_grad=True)
    found = RegularisedFrankWolfe(layer)(costs, b_eq=[[1.0], [5.0]])
    found[:, 0].sum().backward()
    torch.testing.assert_close(found.detach(), torch.tensor([[0.55, 0.45], [0.0, 0.0]]))
    torch.testing.assert_close(costs.grad, torch.tensor([[-0.5, 0.5], [0.0, 0.0]]))


def test_second_derivatives_are_refused():
    scores = torch.tensor([[0.5, 0.2]], requires_grad=True)
    out = RegularisedFrankWolfe(imle.layer("topk", k=1))(scores)
    (gradient,) = torch.autograd.grad(out[0, 0], scores, create_graph=True)
    with pytest.raises(SecondDerivativeError):
        gradient.sum().backward()


@pytest.mark.parametrize("kind", [RegularisedFrankWolfe, RegularisedFenchelYoung])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strength": 0}, "strength: expected a"),
        ({"max_solves": 0}, "max_solves: expected an int >= 1"),
        ({"tolerance": -1.0}, "tolerance: expected"),
        ({"layer": None}, "layer: expected"),
        ({"layer": imle.layer("grid-shortest-path")}, "expected a solver for objectives of any sign"),
    ],
)
def test_options_that_are_refused(kind, options, message):
    given = {"layer": imle.layer("topk", k=1), **options}
    with pytest.raises(OptionError, match=f"{kind.__name__}: {message}"):
        kind(**given)


def test_terms_of_the_solvers_own_are_refused():
    layer = imle.layer("highs-qp", Q=np.eye(2), bounds=(0, 1))
    with pytest.raises(OptionError, match="found one with terms of its own"):
        RegularisedFrankWolfe(layer)(torch.zeros(1, 2))


def test_a_compiled_model_breaks_its_graph_around_it():
    smooth = RegularisedFrankWolfe(imle.layer("topk", k=1))
    theta = draw(2, 4)
    compiled = torch.compile(lambda t: 2 * smooth(t), backend="eager")
    torch.testing.assert_close(compiled(theta), 2 * smooth(theta))
