"""Means over many draws against closed forms, within a z-test bound of the sample's own standard error."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import imle
from imle.estimators import AIMLE, IMLE
from imle.noise import GaussianNoiseDistribution
from support.solvers import EnumerationSolver, k_subsets, knapsacks

DRAWS = 200_000
THETA = torch.tensor([0.3, -0.2, 1.1, 0.6], dtype=torch.float64)
DY = torch.tensor([1.0, -0.5, 0.8, -2.0], dtype=torch.float64)
NORM_RATIO = float(THETA.norm() / DY.norm())


def within(draws: torch.Tensor, expected, sigmas=5.0):
    """Every entry of the mean lies within `sigmas` standard errors of the expected value."""
    error = draws.std(dim=0) / len(draws) ** 0.5
    distance = (draws.mean(dim=0) - torch.as_tensor(expected)).abs()
    assert (distance <= sigmas * error + 1e-12).all(), (distance / error).tolist()


def one_hot_gradients(estimator, tau):
    """The gradient of each of many independent draws: rows are draws."""
    generator = torch.Generator().manual_seed(7)
    layer = imle.layer("topk", k=1, estimator=estimator, temperature=tau, generator=generator)
    theta = THETA.repeat(DRAWS, 1).requires_grad_()
    (layer(theta) * DY).sum().backward()
    return theta.grad


@pytest.mark.parametrize("tau", [0.5, 1.0, 2.0])
def test_marginals_of_one_of_n_are_the_softmax(tau):
    layer = imle.layer("topk", k=1, temperature=tau, generator=torch.Generator().manual_seed(1))
    within(layer(THETA.repeat(DRAWS, 1)), torch.softmax(THETA / tau, 0))


def test_marginals_of_one_of_two_with_gaussian_noise():
    layer = imle.layer(
        "topk", k=1, noise=GaussianNoiseDistribution(scale=0.7), generator=torch.Generator().manual_seed(1)
    )
    theta = THETA[:2]
    first = torch.special.ndtr((theta[0] - theta[1]) / (0.7 * 2**0.5))
    within(layer(theta.repeat(DRAWS, 1)), torch.stack([first, 1 - first]))


@pytest.mark.parametrize("tau", [0.5, 1.0])
@pytest.mark.parametrize("scale", [False, True])
def test_imle_expectation(tau, scale):
    lambda_ = 0.8
    expected = torch.softmax(THETA / tau, 0) - torch.softmax((THETA - lambda_ * DY) / tau, 0)
    within(one_hot_gradients(IMLE(lambda_, scale=scale), tau), expected / (lambda_ if scale else 1))


def test_imle_combinatorial_target_expectation():
    expected = torch.softmax(THETA, 0) - torch.softmax(-0.8 * DY, 0)
    within(one_hot_gradients(IMLE(0.8, alpha=0.0), 1.0), expected)


def test_imle_symmetric_expectation():
    upper, lower = torch.softmax(THETA + 0.8 * DY, 0), torch.softmax(THETA - 0.8 * DY, 0)
    within(one_hot_gradients(IMLE(0.8, symmetric=True, scale=True), 1.0), (upper - lower) / 1.6)


@pytest.mark.parametrize("samples", [1, 10])
def test_scaled_estimators_tend_to_the_derivative_of_the_marginals(samples):
    """As lambda goes to 0 the scaled gradient is the softmax Jacobian times dy: no stray factor of S, tau or 1/2."""
    tau = 0.7
    p = torch.softmax(THETA / tau, 0)
    jacobian = (torch.diag(p) - torch.outer(p, p)) / tau
    lambda_ = 0.02
    for estimator in (
        IMLE(lambda_, scale=True, symmetric=True),
        AIMLE(beta=lambda_ / NORM_RATIO, symmetric=True, step_size=1e-9),
    ):
        for output in ("mean", "samples"):
            layer = imle.layer(
                "topk",
                k=1,
                estimator=estimator,
                temperature=tau,
                nb_samples=samples,
                output=output,
                generator=torch.Generator().manual_seed(3),
            )
            theta = THETA.repeat(DRAWS // samples, 1).requires_grad_()
            out = layer(theta)
            ((out if output == "mean" else out.mean(dim=1)) * DY).sum().backward()
            within(theta.grad, jacobian @ DY)  # central differences: the bias is of order lambda^2


@pytest.mark.parametrize(
    "solutions", [k_subsets(6, 3), knapsacks([2, 3, 4, 5, 6, 7, 8, 9], 20)], ids=["3-of-6", "knapsack"]
)
@pytest.mark.parametrize("sense", ["max", "min"])
def test_layer_agrees_with_an_independent_simulation(solutions, sense):
    """Noise belongs to theta: perturbed costs are c - tau eps. Gumbel noise is skewed, so a wrong sign shows."""
    n = solutions.shape[1]
    rng = np.random.default_rng(0)
    theta = rng.normal(size=n)
    noise = rng.gumbel(size=(DRAWS, n))
    values = (theta + 1.5 * noise) @ solutions.T
    reference = torch.tensor(solutions[values.argmax(axis=1)])
    sign = 1.0 if sense == "max" else -1.0
    layer = imle.layer(
        EnumerationSolver(sense), solutions=solutions, temperature=1.5, generator=torch.Generator().manual_seed(5)
    )
    found = layer(torch.tensor(sign * theta).repeat(DRAWS, 1))
    error = ((found.var(dim=0) + reference.var(dim=0)) / DRAWS).sqrt()
    assert ((found.mean(dim=0) - reference.mean(dim=0)).abs() <= 5 * error + 1e-12).all()
