"""Exact expectations of solutions as functions of noisy instance parameters: sums over the regions of the noise."""

from __future__ import annotations

import math

import pytest
import torch

import imle
from support.programs import LARGEST, BoxProgramSolver

ROWS = 3000
VALUES = torch.tensor([3.0, 4.0, 6.0], dtype=torch.float64)
WEIGHTS = [2.0, 3.0, 4.0]
P = 5.4
DY = torch.tensor([1.0, -0.5, 2.0], dtype=torch.float64)


def within(draws, expected, sigmas=4.5):
    """The mean lies within `sigmas` standard errors of the expected value, entry by entry."""
    error = draws.std(dim=0) / len(draws) ** 0.5
    distance = (draws.mean(dim=0) - torch.as_tensor(expected)).abs()
    assert (distance <= sigmas * error + 1e-12).all(), (distance / error).tolist()


def cdf(x):
    return (1 + torch.erf(x / math.sqrt(2))) / 2


CDFS = {"gaussian": cdf, "logistic": torch.sigmoid, "gumbel": lambda x: torch.exp(-torch.exp(-x))}


def best_sets(capacities):
    """The best set of the knapsack for each capacity, by enumeration."""
    masks = torch.tensor([[i >> j & 1 for j in range(3)] for i in range(8)], dtype=torch.float64)
    fits = (masks @ torch.tensor(WEIGHTS, dtype=torch.float64))[None] <= capacities[:, None]
    return masks[torch.where(fits, masks @ VALUES, -math.inf).argmax(dim=1)]


BREAKS = torch.tensor([2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 9.0], dtype=torch.float64)
"""Where the best set changes, at most."""


def shares(p, sigma, noise):
    """The probability of each region: below 0, [0, 2), [2, 3), and so on."""
    if noise == "multiplicative":
        below = cdf(((BREAKS / p).log() + sigma**2 / 2) / sigma)
        below = torch.cat([below.new_zeros(2), below, below.new_ones(1)])
    else:
        below = CDFS[noise]((torch.cat([BREAKS.new_zeros(1), BREAKS]) - p) / sigma)
        below = torch.cat([below.new_zeros(1), below, below.new_ones(1)])
    return below.diff()


def regions():
    """The best set of each region from 0 on, `[8, 3]`."""
    return best_sets(torch.cat([BREAKS.new_zeros(1), BREAKS]))


def expected(f, p, sigma, noise, below=0.0):
    """E f(z(p + noise), p) and its derivative in p; f takes sets `[M, 3]`, and `below` stands for infeasible ones."""
    p = torch.tensor(p, dtype=torch.float64, requires_grad=True)
    of_region = f(regions(), p)
    value = (shares(p, sigma, noise) * torch.cat([of_region.new_full((1,), below), of_region])).sum()
    (slope,) = torch.autograd.grad(value, p)
    return value.detach(), slope


def knapsack(noise, sigma, *, samples=4, seed=0, **options):
    learned = {"capacity": sigma if noise == "multiplicative" else (noise, sigma)}
    options.setdefault("noise", None)
    return imle.layer(
        "knapsack",
        weights=[WEIGHTS],
        learned=learned,
        nb_samples=samples,
        generator=torch.Generator().manual_seed(seed),
        **options,
    )


def rows(p, count=ROWS):
    values = VALUES.repeat(count, 1)
    return values, torch.full((count,), p, dtype=torch.float64, requires_grad=True)


NOISES = [("gaussian", 0.8), ("multiplicative", 0.2)]


@pytest.mark.parametrize(("noise", "sigma"), NOISES)
@pytest.mark.parametrize(("samples", "antithetic"), [(1, False), (4, False), (2, True), (6, True)])
def test_solutions(noise, sigma, samples, antithetic):
    layer = knapsack(noise, sigma, samples=samples, antithetic=antithetic)
    values, capacity = rows(P)
    found = layer(values, capacity=capacity)
    for item in range(3):
        within(found[:, item].detach(), expected(lambda z, p, i=item: z[:, i], P, sigma, noise)[0])
    (found @ DY).sum().backward()
    within(capacity.grad, expected(lambda z, p: z @ DY, P, sigma, noise)[1])


@pytest.mark.parametrize("noise", ["logistic", "gumbel"])
def test_other_noise(noise):
    layer = knapsack(noise, 0.4, antithetic=True, on_failure="zero-grad")
    values, capacity = rows(P)
    layer.expected_loss(values, lambda z: z @ DY, penalty=1.0, capacity=capacity).sum().backward()
    within(capacity.grad, expected(lambda z, p: z @ DY, P, 0.4, noise, below=1.0)[1])


@pytest.mark.parametrize(("noise", "sigma"), NOISES)
@pytest.mark.parametrize("output", ["mean", "samples"])
@pytest.mark.parametrize(("samples", "antithetic"), [(1, False), (3, False), (4, True)])
def test_losses_that_are_not_linear_and_see_the_parameter(noise, sigma, output, samples, antithetic):
    """Whatever the output is; a capacity that is paid for has a gradient of its own, which autograd gives."""

    def cost(z, p):
        return (z @ DY - 0.3 * p).square() + (1 + z.prod(dim=-1) + p).log()

    layer = knapsack(noise, sigma, samples=samples, antithetic=antithetic, output=output)
    values, capacity = rows(P)
    found = layer.expected_loss(values, lambda z: cost(z, capacity.unsqueeze(1)), capacity=capacity)
    value, slope = expected(cost, P, sigma, noise)
    within(found.detach(), value)
    found.sum().backward()
    within(capacity.grad, slope)


@pytest.mark.parametrize("estimator", ["perturbed", "score-function"])
def test_objective_and_parameter_at_once(estimator):
    """One item, taken if its noisy value is positive and its weight fits: cdf(theta / tau) cdf((k - w) / sigma)."""
    theta, k, weight, tau, sigma = 0.4, 1.7, 1.5, 0.7, 0.5
    layer = imle.layer(
        "knapsack",
        weights=[[weight]],
        learned={"capacity": ("gaussian", sigma)},
        estimator=estimator,
        noise="gaussian",
        temperature=tau,
        nb_samples=4,
        generator=torch.Generator().manual_seed(1),
        on_failure="zero-grad",
    )
    value = torch.full((ROWS, 1), theta, dtype=torch.float64, requires_grad=True)
    capacity = torch.full((ROWS,), k, dtype=torch.float64, requires_grad=True)
    layer.expected_loss(value, lambda z: 2 * z.squeeze(-1), capacity=capacity, penalty=0.0).sum().backward()
    at, room = torch.tensor([theta / tau, (k - weight) / sigma], dtype=torch.float64)
    density = lambda x: torch.exp(-x.square() / 2) / math.sqrt(2 * math.pi)  # noqa: E731
    within(value.grad[:, 0], 2 * density(at) / tau * cdf(room))
    within(capacity.grad, 2 * cdf(at) * density(room) / sigma)


def test_infeasible_samples_with_a_penalty_push_back():
    """Where noise may make a capacity negative, and the loss says what that costs."""
    p, sigma, penalty = 0.9, 0.7, 5.0
    layer = knapsack("gaussian", sigma, on_failure="zero-grad", samples=3)
    values, capacity = rows(p)
    found = layer.expected_loss(values, lambda z: -(z @ VALUES), capacity=capacity, penalty=penalty)
    value, slope = expected(lambda z, p: -(z @ VALUES), p, sigma, "gaussian", below=penalty)
    assert slope < -1
    within(found.detach(), value)
    found.sum().backward()
    within(capacity.grad, slope)


def test_one_draw_for_all_rows():
    """resample=False: unbiased over draws, not over rows, which all have the same."""
    layer = knapsack("gaussian", 0.8, samples=4, resample=False)
    values, capacity = rows(P, 3)
    found = []
    for _ in range(500):
        capacity.grad = None
        (layer(values, capacity=capacity) @ DY).sum().backward()
        assert capacity.grad.unique().numel() == 1
        found.append(capacity.grad[:1])
        layer.redraw()
    within(torch.cat(found), expected(lambda z, p: z @ DY, P, 0.8, "gaussian")[1])


def program_shares(p, sigma):
    """The probability that floor(p + noise) is 0, 1, 2, and 3 or more."""
    below = cdf((torch.arange(1.0, LARGEST + 1, dtype=torch.float64) - p) / sigma)
    return torch.cat([below.new_zeros(1), below, below.new_ones(1)]).diff()


def test_right_sides_of_an_integer_program():
    """x_i <= b_i for both variables: four by four regions, over which any loss is summed."""
    sigma = 0.3
    table = torch.tensor([[0.0, 1.0, -2.0, 3.0], [2.0, 0.5, 1.0, 0.0], [4.0, -1.0, 0.0, 2.0], [1.0, 1.0, 3.0, -3.0]])
    table = table.double()
    p = torch.tensor([1.8, 2.3], dtype=torch.float64, requires_grad=True)
    value = program_shares(p[0], sigma) @ table @ program_shares(p[1], sigma)
    (slope,) = torch.autograd.grad(value, p)
    layer = imle.layer(
        BoxProgramSolver(), A=[[1, 0], [0, 1]], learned={"b": sigma}, noise=None, nb_samples=4,
        generator=torch.Generator().manual_seed(2),
    )  # fmt: skip
    objective = torch.ones(ROWS, 2, dtype=torch.float64)
    b = p.detach().expand(ROWS, 2).clone().requires_grad_()
    loss = layer.expected_loss(objective, lambda z: table[z[..., 0].long(), z[..., 1].long()], b=b)
    within(loss.detach(), value.detach())
    loss.sum().backward()
    within(b.grad, slope)
    assert layer.stats.batches == 1


def test_two_parameters_at_once():
    """One variable, a x <= b: x is at least 1 where b - a, which is normal, is not negative."""
    a, b, sigmas, count = 1.3, 1.7, (0.3, 0.4), 600
    gap = torch.tensor((b - a) / math.hypot(*sigmas), dtype=torch.float64)
    slope = float(torch.exp(-gap.square() / 2)) / math.sqrt(2 * math.pi) / math.hypot(*sigmas)
    layer = imle.layer(
        BoxProgramSolver(), learned={"A": sigmas[0], "b": sigmas[1]}, noise=None, nb_samples=4, antithetic=True,
        generator=torch.Generator().manual_seed(4), on_failure="zero-grad",
    )  # fmt: skip
    matrix = torch.full((count, 1, 1), a, dtype=torch.float64, requires_grad=True)
    right = torch.full((count, 1), b, dtype=torch.float64, requires_grad=True)
    objective = torch.ones(count, 1, dtype=torch.float64)
    loss = layer.expected_loss(objective, lambda z: (z[..., 0] >= 1).double(), penalty=0.0, A=matrix, b=right)
    within(loss.detach(), cdf(gap))
    loss.sum().backward()
    within(matrix.grad[:, 0, 0], -slope)
    within(right.grad[:, 0], slope)


def test_entries_of_a_matrix_that_makes_an_instance_of_every_sample():
    """One variable, a x <= 4: x = min(floor(4 / a), 3) changes where a is 4, 2, 4 / 3."""
    p, sigma, count = 2.1, 0.4, 600
    a = torch.tensor(p, dtype=torch.float64, requires_grad=True)
    below = cdf((torch.tensor([4 / 3, 2.0, 4.0], dtype=torch.float64) - a) / sigma)
    value = 3 * below[0] + 2 * (below[1] - below[0]) + (below[2] - below[1])
    (slope,) = torch.autograd.grad(value, a)
    layer = imle.layer(
        BoxProgramSolver(), b=[4.0], learned={"A": sigma}, noise=None, nb_samples=4,
        generator=torch.Generator().manual_seed(3),
    )  # fmt: skip
    objective = torch.ones(count, 1, dtype=torch.float64)
    matrix = torch.full((count, 1, 1), p, dtype=torch.float64, requires_grad=True)
    found = layer(objective, A=matrix)
    within(found[:, 0].detach(), value.detach())
    found.sum().backward()
    within(matrix.grad[:, 0, 0], slope)
    assert not layer._instances._kept, "instances that never come again are not kept"
