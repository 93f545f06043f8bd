"""Samples that failed play no part: values and gradients are those of the layer that draws only the others."""

from __future__ import annotations

import math

import pytest
import torch

import imle
from imle.estimators import AIMLE, IMLE, Perturbed, PerturbedMultiplicative, ScoreFunction, StraightThrough
from support.noises import FixedFactors, FixedShifts
from support.solvers import ThresholdSolver

RULES = {
    "imle": lambda: IMLE(beta=0.7),
    "imle-scaled": lambda: IMLE(beta=0.7, scale=True),
    "imle-symmetric": lambda: IMLE(beta=0.7, symmetric=True),
    "aimle": lambda: AIMLE(beta=0.7),
    "perturbed": Perturbed,
    "perturbed-multiplicative": PerturbedMultiplicative,
    "straight-through": StraightThrough,
    "score-function": ScoreFunction,
}
LIMIT = 1.5
GOLD = torch.tensor([0.3, 1.2, -0.4, 0.8], dtype=torch.float64)


def loss(samples):
    """1/2 or more for every solution, so that a failed sample that counts as one is seen."""
    return 0.5 + (samples - GOLD).square().sum(dim=-1)


def layer_of(name, noise, **options):
    kind = FixedFactors if name == "perturbed-multiplicative" else FixedShifts
    options = {"on_failure": "zero-grad", **options}
    return imle.layer(
        ThresholdSolver(LIMIT), estimator=RULES[name](), noise=kind(noise), nb_samples=noise.shape[1], **options
    )


def passed(layer, theta, through):
    """Value and gradient of rows whose loss is linear in the mean, or the mean of losses."""
    leaf = theta.clone().requires_grad_()
    value = layer.expected_loss(leaf, loss) if through == "losses" else (layer(leaf) * GOLD).sum(dim=-1)
    value.sum().backward()
    return value.detach(), leaf.grad


@pytest.fixture
def problem():
    generator = torch.Generator().manual_seed(4)
    theta = torch.rand(5, 4, dtype=torch.float64, generator=generator) + 0.2
    noise = torch.randn(5, 6, 4, dtype=torch.float64, generator=generator)
    noise[:, :, 0] = torch.where(torch.rand(5, 6, generator=generator, dtype=torch.float64) < 0.4, 9.0, -0.5)
    noise[4, :, 0] = 9.0  # a row without a sample
    return theta, noise


@pytest.mark.parametrize(
    ("name", "through"),
    [*((name, "mean") for name in RULES if name != "score-function"), *((name, "losses") for name in RULES)],
)
def test_only_solved_samples_count(name, through, problem):
    theta, noise = problem
    value, gradient = passed(layer_of(name, noise), theta, through)
    solved = noise[:, :, 0] < 0
    assert solved.sum(dim=1).tolist() == [2, 5, 3, 4, 0]
    assert not value[4].any()
    assert not gradient[4].any()
    for row in range(4):
        alone = layer_of(name, noise[row : row + 1, solved[row]])
        expected, slope = passed(alone, theta[row : row + 1], through)
        torch.testing.assert_close(value[row : row + 1], expected)
        torch.testing.assert_close(gradient[row : row + 1], slope)


def test_samples_that_failed_do_not_move_an_adaptive_step(problem):
    theta, noise = problem
    layer = layer_of("aimle", noise)
    passed(layer, theta, "mean")
    solved, found = noise[:, :, 0] < 0, 0.0
    for row in range(4):
        alone = layer_of("aimle", noise[row : row + 1, solved[row]])
        passed(alone, theta[row : row + 1], "mean")
        found += (float(alone.estimator.nonzeros) - 0.9) / 0.1 * int(solved[row].sum())
    assert float(layer.estimator.nonzeros) == pytest.approx(0.9 + 0.1 * found / int(solved.sum()))


@pytest.mark.parametrize("output", ["mean", "samples"])
def test_the_chain_rule_of_straight_through(output):
    """Of three samples one fails: the mean has 1/2 of each of the others, a user's mean of zeros, too, 1/3."""
    noise = torch.tensor([[[9.0, 0.0], [-0.5, 1.0], [-0.5, -1.0]]], dtype=torch.float64)
    leaf = torch.tensor([[0.4, 0.2]], dtype=torch.float64, requires_grad=True)
    out = layer_of("straight-through", noise, output=output)(leaf)
    out = out.mean(dim=1) if output == "samples" else out
    out.sum().backward()
    share = 1 / 3 if output == "samples" else 1 / 2
    torch.testing.assert_close(out.detach(), torch.tensor([[0.0, share]], dtype=torch.float64))
    assert leaf.grad[0].tolist() == pytest.approx([2 * share] * 2)


@pytest.mark.parametrize("name", ["imle", "perturbed", "score-function"])
def test_a_loss_of_one_has_mean_one(name, problem):
    theta, noise = problem
    found = layer_of(name, noise).expected_loss(theta, lambda samples: torch.ones(samples.shape[:2]))
    assert found.tolist() == [1.0, 1.0, 1.0, 1.0, 0.0]


def test_what_a_loss_makes_of_a_failed_sample_does_not_matter(problem):
    theta, noise = problem

    def undefined(samples):
        return torch.where(samples.any(dim=-1), loss(samples), float("nan"))

    noise[:4, :, 1] = 3.0  # every solution has an item
    found = layer_of("imle", noise).expected_loss(theta, undefined)
    assert torch.equal(found, layer_of("imle", noise).expected_loss(theta, loss))


@pytest.mark.parametrize("name", ["imle", "score-function"])
def test_stand_ins_count_as_samples(name, problem):
    theta, noise = problem
    layer = layer_of(name, noise, on_failure="last")
    count = layer.expected_loss(theta, lambda samples: torch.ones(samples.shape[:2]))
    assert count.tolist() == [1.0] * 5


@pytest.mark.parametrize("estimator", ["perturbed", "score-function"])
def test_the_derivative_of_an_expectation_given_that_a_row_is_solved(estimator):
    """x = theta + Z is solved up to 1, with z = 1 above 0: P(0 < x | x < 1) by hand."""
    theta, limit, rows = 0.3, 1.0, 40_000

    def phi(x):
        return math.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)

    def cdf(x):
        return (1 + math.erf(x / math.sqrt(2))) / 2

    solved, chosen = cdf(limit - theta), cdf(limit - theta) - cdf(-theta)
    slope = (phi(-theta) - phi(limit - theta)) / solved + chosen * phi(limit - theta) / solved**2
    layer = imle.layer(
        ThresholdSolver(limit),
        estimator=estimator,
        nb_samples=8,
        temperature=1.0,
        on_failure="zero-grad",
        generator=torch.Generator().manual_seed(1),
    )
    leaf = torch.full((rows, 1), theta, dtype=torch.float64, requires_grad=True)
    layer.expected_loss(leaf, lambda samples: samples.squeeze(-1)).sum().backward()
    error = float(leaf.grad.std()) / math.sqrt(rows)
    assert abs(float(leaf.grad.mean()) - slope) < 5 * error < 0.03
