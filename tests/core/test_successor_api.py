"""Code written for torch-adaptive-imle runs without edits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from imle.aimle import aimle
from imle.imle import imle
from imle.noise import BaseNoiseDistribution, GumbelNoiseDistribution, SumOfGammaNoiseDistribution
from imle.sfe import sfe
from imle.solvers import mathias_select_k, select_k
from imle.ste import ste
from imle.target import AdaptiveTargetDistribution, TargetDistribution
from support.noises import FixedNoise


def solver(weights):
    return np.eye(len(weights))[weights.argmax()]


def test_readme_snippet_runs_unchanged():
    names = {"solver": solver}
    exec(
        """
import torch
from torch import Tensor
import numpy as np
from imle.aimle import aimle
from imle.target import AdaptiveTargetDistribution

# The initial perturbation size is set to 0.0, and automatically tuned by the model during training
target_distribution = AdaptiveTargetDistribution(initial_alpha=1.0, initial_beta=0.0)

# This function invokes, for example, a shortest path algorithm on the inputs `weights_batch`
def batched_solver(weights_batch: Tensor) -> Tensor:
    weights_batch = weights_batch.detach().cpu().numpy()
    # Call the combinatorial solver -- for example, a shortest path algorithm -- on the input data
    y_batch = np.asarray([solver(w) for w in list(weights_batch)])
    return torch.tensor(y_batch, requires_grad=False)

# Transform the combinatorial solver in a differentiable neural network layer by adding a simple decorator
@aimle(target_distribution=target_distribution)
def differentiable_solver(weights_batch: Tensor) -> Tensor:
    return batched_solver(weights_batch)
""",
        names,
    )
    theta = torch.randn(3, 5, requires_grad=True)
    target = names["target_distribution"]
    for _ in range(3):
        names["differentiable_solver"](theta).square().sum().backward()
    assert target.beta == pytest.approx(3e-4)  # no gradient yet, so the step grows
    assert theta.grad.isfinite().all()


def test_docstring_example():
    @imle(
        target_distribution=TargetDistribution(alpha=0.0, beta=10.0),
        noise_distribution=SumOfGammaNoiseDistribution(k=21, nb_iterations=100),
        nb_samples=100,
        theta_noise_temperature=1.0,
        target_noise_temperature=5.0,
    )
    def imle_select_k(weights_batch):
        return select_k(weights_batch, k=10)

    theta = torch.randn(2, 20, requires_grad=True)
    y = imle_select_k(theta)
    assert y.shape == (200, 20)
    assert (y.detach().sum(dim=1) == 10).all()
    y.square().sum().backward()


@pytest.mark.parametrize("function", [imle, aimle])
def test_all_keywords(function):
    layer = function(
        lambda rows: select_k(rows, 2),
        target_distribution=AdaptiveTargetDistribution(),
        noise_distribution=GumbelNoiseDistribution(location=0.0, scale=1.0),
        nb_samples=3,
        nb_marginal_samples=4,
        theta_noise_temperature=0.5,
        target_noise_temperature=0.5,
        symmetric_perturbation=True,
    )
    theta = torch.randn(2, 5, requires_grad=True)
    y = layer(theta)
    assert y.shape == (2 * 12, 5)
    (y * torch.randn_like(y)).sum().backward()
    assert theta.grad.abs().sum() > 0


def test_symmetric_gradient_by_hand():
    noise = torch.randn(2, 3, 5)
    theta = torch.randn(2, 5, requires_grad=True)
    weights = torch.randn(6, 5)
    target = TargetDistribution(alpha=1.0, beta=0.7, do_gradient_scaling=True)
    y = imle(
        lambda rows: select_k(rows, 2),
        target_distribution=target,
        noise_distribution=FixedNoise(noise),
        nb_samples=3,
        symmetric_perturbation=True,
        target_noise_temperature=0.5,
    )(theta)
    (y * weights).sum().backward()
    base = theta.detach().unsqueeze(1) + 0.5 * noise
    shift = 0.7 * weights.reshape(2, 3, 5)
    expected = (select_k(base + shift, 2) - select_k(base - shift, 2)).mean(dim=1) / (2 * 0.7)
    torch.testing.assert_close(theta.grad, expected)


def test_adaptive_target_uses_one_step_per_row_for_both_shift_and_scale():
    theta = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    dy = torch.tensor([[0.0, 2.0], [1.0, 0.0]])
    target = AdaptiveTargetDistribution(initial_beta=0.5, beta_update_step=0.1, target_norm=1.0)
    steps = torch.tensor([[0.5 * 5 / 2], [0.5]])
    torch.testing.assert_close(target.params(theta, dy), theta - steps * dy)
    gradient = torch.tensor([[[1.0, -1.0]], [[1.0, 0.0]]])
    torch.testing.assert_close(target.process(theta, dy, gradient), gradient / steps.unsqueeze(-1))
    assert target.grad_norm == pytest.approx(0.9 * 1.0 + 0.1 * 1.5)
    assert target.beta == pytest.approx(0.4)


def test_minimisation_negates_theta_and_noise():
    """With costs, noise belongs to -costs: the successor added it to the costs."""
    costs = torch.tensor([[1.0, 0.0, 3.0]], requires_grad=True)
    noise = torch.tensor([[[2.0, 0.0, 0.0]]])
    seen = []

    def cheapest(rows):
        seen.append(rows.clone())
        return select_k(-rows, 1)

    layer = imle(cheapest, noise_distribution=FixedNoise(noise), _is_minimization=True)
    y = layer(costs)
    torch.testing.assert_close(seen[0], torch.tensor([[-1.0, 0.0, 3.0]]))
    assert y.tolist() == [[1.0, 0.0, 0.0]]
    (y * torch.tensor([[5.0, 0.0, 0.0]])).sum().backward()  # using entry 0 is bad: its cost must grow
    assert costs.grad.tolist() == [[-1.0, 1.0, 0.0]]


@pytest.mark.parametrize(("function", "samples"), [(ste, 1), (ste, 3), (sfe, 1)])
def test_straight_through_by_hand(function, samples):
    """Values of the original: solutions of theta + tau eps, and dL/dz itself, averaged over the samples of a row."""
    noise, weights = torch.randn(2, samples, 5), torch.randn(2 * samples, 5)
    theta = torch.randn(2, 5, requires_grad=True)
    options = {} if function is sfe else {"nb_samples": samples}

    @function(noise_distribution=FixedNoise(noise), noise_temperature=0.5, **options)
    def chosen(rows):
        return select_k(rows, k=2)

    y = chosen(theta)
    perturbed = theta.detach().unsqueeze(1) + 0.5 * noise
    torch.testing.assert_close(y, select_k(perturbed, 2).flatten(0, 1))
    (y * weights).sum().backward()
    torch.testing.assert_close(theta.grad, weights.reshape(2, samples, 5).mean(dim=1))


@pytest.mark.parametrize("function", [ste, sfe])
def test_straight_through_without_noise(function):
    theta = torch.randn(3, 4, requires_grad=True)
    y = function(lambda rows: select_k(rows, 1))(theta)
    assert y.argmax(dim=1).tolist() == theta.argmax(dim=1).tolist()
    y.square().sum().backward()
    torch.testing.assert_close(theta.grad, 2 * y)


def test_select_k():
    logits = torch.tensor([[3.0, 1.0, 2.0, 2.0]])
    assert select_k(logits, 2).sum() == 2
    assert mathias_select_k(logits, 2).tolist() == [[1.0, 0.0, 1.0, 1.0]]
    assert select_k(logits.reshape(1, 1, 4), 1).tolist() == [[[1.0, 0.0, 0.0, 0.0]]]


def test_noise_base_class_is_the_same():
    assert issubclass(GumbelNoiseDistribution, BaseNoiseDistribution)
    assert GumbelNoiseDistribution().sample(torch.Size([5])).shape == (5,)
