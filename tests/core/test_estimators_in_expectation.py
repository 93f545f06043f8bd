"""Means over many draws against closed forms, within a z-test bound of the sample's own standard error."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

import imle
from imle.estimators import AIMLE, IMLE
from imle.noise import GaussianNoiseDistribution
from support.solvers import EnumerationSolver, assignments, k_subsets, knapsacks, lattice_paths

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
                estimator=copy.deepcopy(estimator),
                temperature=tau,
                nb_samples=samples,
                output=output,
                generator=torch.Generator().manual_seed(3),
            )
            theta = THETA.repeat(DRAWS // samples, 1).requires_grad_()
            out = layer(theta)
            ((out if output == "mean" else out.mean(dim=1)) * DY).sum().backward()
            within(theta.grad, jacobian @ DY)  # central differences: the bias is of order lambda^2


SETS = {
    "3-of-6": k_subsets(6, 3),
    "knapsack of 8": knapsacks([2, 3, 4, 5, 6, 7, 8, 9], 20),
    "paths on 3x3": lattice_paths(3),
    "assignments 4x4": assignments(4),
}
FEWER = 40_000


def simulate(theta, noise, solutions):
    """argmax by enumeration for every row of theta + noise."""
    return solutions[((theta + noise) @ solutions.T).argmax(axis=1)]


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("sense", ["max", "min"])
def test_layer_agrees_with_an_independent_simulation(name, sense):
    """Marginals and gradients, from other random numbers than the layer's.

    Noise belongs to theta: perturbed costs are c - tau eps. Gumbel noise is skewed, so a wrong sign shows.
    """
    solutions = SETS[name]
    n = solutions.shape[1]
    rng = np.random.default_rng(0)
    theta, dy = rng.normal(size=n), rng.normal(size=n)
    noise = 1.5 * rng.gumbel(size=(FEWER, n))
    forward = simulate(theta, noise, solutions)
    upper, lower = (simulate(theta + sign * 0.8 * dy, noise, solutions) for sign in (1, -1))
    relative = np.linalg.norm(theta) / np.linalg.norm(dy)
    adaptive = simulate(theta - 0.5 * relative * dy, noise, solutions)
    expected = {
        IMLE(0.8): forward - lower,
        IMLE(0.8, symmetric=True, scale=True): (upper - lower) / 1.6,
        AIMLE(beta=0.5, step_size=1e-9): (forward - adaptive) / (0.5 * relative),
    }
    sign = 1.0 if sense == "max" else -1.0
    for estimator, gradients in expected.items():
        layer = imle.layer(
            EnumerationSolver(sense),
            solutions=solutions,
            estimator=estimator,
            temperature=1.5,
            generator=torch.Generator().manual_seed(5),
        )
        objective = torch.tensor(sign * theta).repeat(FEWER, 1).requires_grad_()
        out = layer(objective)
        (out * torch.tensor(dy)).sum().backward()
        same_mean(out.detach(), torch.tensor(forward))
        same_mean(sign * objective.grad, torch.tensor(gradients))


def same_mean(one, other, sigmas=5.0):
    """The means of two samples agree within `sigmas` standard errors of their difference."""
    error = ((one.var(dim=0) + other.var(dim=0)) / len(one)).sqrt()
    assert ((one.mean(dim=0) - other.mean(dim=0)).abs() <= sigmas * error + 1e-12).all()
