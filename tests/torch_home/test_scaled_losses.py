"""The default gradient is proportional to the loss's: scalers, weights and accumulation do what they do elsewhere."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

import imle

N, K, STEPS, ROWS = 10, 3, 100, 16
SUBSETS = torch.tensor([[float(i in chosen) for i in range(N)] for chosen in itertools.combinations(range(N), K)])


def made(samples=4):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, N, bias=False), imle.layer("topk", k=K, nb_samples=samples))


def batch(step):
    """Features, and the subset that is best for them: the three largest of a linear function."""
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(ROWS, 5, generator=generator)
    weight = torch.randn(5, N, generator=torch.Generator().manual_seed(-1))
    return x, SUBSETS[(x @ weight @ SUBSETS.T).argmax(dim=1)]


def found(model):
    """The share of the best subsets' entries that are chosen, in %."""
    model.eval()
    x, best = map(torch.cat, zip(*(batch(10_000 + step) for step in range(10)), strict=True))
    with torch.no_grad():
        return 100 * (model(x) * best).sum().item() / best.sum().item()


def trained(scaler=None, weight=1.0, parts=1, rate=1.0):
    model = made()
    optimiser = torch.optim.SGD(model.parameters(), lr=rate / weight)
    for step in range(STEPS):
        x, best = batch(step)
        optimiser.zero_grad()
        for rows in torch.arange(ROWS).chunk(parts):
            loss = weight * (model(x[rows]) - best[rows]).square().sum(dim=1).mean() / parts
            (loss if scaler is None else scaler.scale(loss)).backward()
        if scaler is None:
            optimiser.step()
        else:
            scaler.step(optimiser)
            scaler.update()
    return found(model)


@pytest.fixture(scope="module")
def plain():
    return trained()


def test_training_with_a_scaler_and_sgd(plain):
    """That of 0.1.0 gave 0 of 100 with one, as the gradient was the same for a loss 65,536 times as large."""
    assert plain > 80
    assert trained(torch.amp.GradScaler("cpu")) == pytest.approx(plain, abs=2)


@pytest.mark.parametrize("weight", [2.0**-14, 2.0**14])
def test_a_weight_of_the_loss_weighs(weight, plain):
    """With the learning rate divided by it training is the same, number by number."""
    assert trained(weight=weight) == plain


def test_gradients_may_be_accumulated(plain):
    assert trained(parts=2) == pytest.approx(plain, abs=2)


def test_weights_of_rows():
    """The gradient of a sum of weighted losses is the sum of weighted gradients."""
    x, best = batch(0)
    weights = torch.logspace(-4, 4, ROWS)

    def gradients(weights):
        torch.manual_seed(1)
        theta = x @ torch.ones(5, N).cumsum(dim=1)
        theta.requires_grad_()
        (weights * (made()[1](theta) - best).square().sum(dim=1)).sum().backward()
        return theta.grad

    plain = gradients(torch.ones(ROWS))
    assert plain.any(dim=1).sum() > ROWS / 2
    torch.testing.assert_close(gradients(weights), weights[:, None] * plain)
