"""Scores against autograd of the log density; antithetic draws; multiplicative factors."""

from __future__ import annotations

import pytest
import torch

from imle.noise import (
    GaussianNoiseDistribution,
    GumbelNoiseDistribution,
    LogisticNoiseDistribution,
    MultiplicativeNoiseDistribution,
)

TAU = 0.7
PLACED = {"location": 0.4, "scale": 1.7}
PLACE = [torch.tensor(value, dtype=torch.float64) for value in PLACED.values()]


def log_densities(location, scale):
    return {
        GaussianNoiseDistribution: torch.distributions.Normal(location, scale).log_prob,
        GumbelNoiseDistribution: torch.distributions.Gumbel(location, scale).log_prob,
        LogisticNoiseDistribution: lambda x: (
            torch.nn.functional.logsigmoid((x - location) / scale)
            + torch.nn.functional.logsigmoid((location - x) / scale)
            - torch.as_tensor(scale).log()
        ),
    }


@pytest.mark.parametrize("kind", log_densities(0.0, 1.0))
def test_scores_are_gradients_of_the_log_density(kind):
    """d/dtheta log p_eps((x - theta) / tau) at x = theta + tau eps."""
    noise, log_density = kind(**PLACED), log_densities(*PLACE)[kind]
    eps = torch.linspace(-4, 6, 41, dtype=torch.float64)
    theta = torch.linspace(-1, 1, 41, dtype=torch.float64).requires_grad_()
    x = (theta + TAU * eps).detach()
    log_density((x - theta) / TAU).sum().backward()
    torch.testing.assert_close(noise.score(theta.detach(), eps, TAU), theta.grad)


def test_the_multiplicative_score():
    """x = theta exp(tau Z - tau^2 / 2): log x is normal with mean log theta - tau^2 / 2."""
    eps = torch.linspace(-3, 3, 31, dtype=torch.float64)
    for sign in (1.0, -1.0):
        theta = (sign * torch.linspace(0.2, 3, 31, dtype=torch.float64)).requires_grad_()
        x = MultiplicativeNoiseDistribution().perturb(theta.detach(), eps, TAU)
        assert (x.sign() == sign).all()
        torch.distributions.Normal(theta.abs().log() - TAU**2 / 2, TAU).log_prob(x.abs().log()).sum().backward()
        torch.testing.assert_close(MultiplicativeNoiseDistribution().score(theta.detach(), eps, TAU), theta.grad)
    assert MultiplicativeNoiseDistribution().score(torch.zeros(3), torch.ones(3), TAU).tolist() == [0.0] * 3


def test_multiplicative_factors_have_mean_one():
    noise = MultiplicativeNoiseDistribution()
    eps = noise.draw(
        (1_000_000,), dtype=torch.float64, device=torch.device("cpu"), generator=torch.Generator().manual_seed(0)
    )
    factors = noise.perturb(torch.ones(1).double(), eps, 0.5)
    assert abs(factors.mean() - 1) < 5 * factors.std() / 1000


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("noise", "distribution"),
    [
        (GumbelNoiseDistribution(**PLACED), torch.distributions.Gumbel(*PLACE)),
        (GaussianNoiseDistribution(**PLACED), torch.distributions.Normal(*PLACE)),
    ],
)
def test_mirrored_draws_have_the_mirrored_rank(noise, distribution, dtype):
    eps = torch.linspace(-2.5, 6, 50, dtype=dtype)
    mirrored = noise.mirror(eps)
    assert mirrored.dtype is dtype
    sums = distribution.cdf(eps.double()) + distribution.cdf(mirrored.double())
    torch.testing.assert_close(sums, torch.ones(50).double(), atol=1e-5 if dtype is torch.float32 else 1e-9, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_mirrored_extremes_are_finite(dtype):
    extremes = torch.tensor([-6.0, 20.0, 60.0, 1e4], dtype=dtype)
    assert GumbelNoiseDistribution().mirror(extremes).isfinite().all()
