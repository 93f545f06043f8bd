"""Reproducible noise: seeds, generators, common random numbers, antithetic draws."""

from __future__ import annotations

import pytest
import torch

import imle
from imle.errors import OptionError

THETA = torch.tensor([[0.3, -0.2, 1.1, 0.6], [0.1, 0.9, -0.4, 0.2]])


def test_a_generator_and_a_global_seed():
    first = imle.layer("topk", k=1, nb_samples=8, generator=torch.Generator().manual_seed(4))
    second = imle.layer("topk", k=1, nb_samples=8, generator=torch.Generator().manual_seed(4))
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    assert torch.equal(first(THETA), second(THETA))
    assert torch.equal(torch.random.get_rng_state(), before)
    free = imle.layer("topk", k=1, nb_samples=8)
    torch.manual_seed(0)
    a = free(THETA)
    torch.manual_seed(0)
    assert torch.equal(a, free(THETA))


def test_fixed_noise_is_the_same_for_every_row_and_call():
    layer = imle.layer("topk", k=1, nb_samples=50, resample=False)
    same = THETA[:1].expand(3, 4)
    first = layer(same)
    assert torch.equal(first[0], first[2])
    assert torch.equal(layer(same), first)
    layer.redraw()
    assert not torch.equal(layer(same), first)


def test_fixed_noise_makes_the_layer_a_function():
    """The sample average of max <theta + eps, z> is convex in theta; with fresh noise it would not be."""
    layer = imle.layer("topk", k=1, nb_samples=20, resample=False)
    points = torch.linspace(-3, 3, 61)
    line = torch.stack([points, torch.zeros(61)], dim=1)
    chosen = layer(line)[:, 0]
    assert (chosen.diff() >= 0).all()


@pytest.mark.parametrize("noise", ["gumbel", "gaussian", "logistic", "multiplicative"])
def test_antithetic_draws_reduce_the_variance_and_keep_the_mean(noise):
    theta = torch.tensor([0.4, 0.5]).repeat(20_000, 1)

    def first(antithetic):
        layer = imle.layer(
            "topk", k=1, nb_samples=2, noise=noise, antithetic=antithetic, generator=torch.Generator().manual_seed(2)
        )
        return layer(theta)[:, 0]

    plain, mirrored = first(False), first(True)
    error = ((plain.var() + mirrored.var()) / len(theta)) ** 0.5
    assert (plain.mean() - mirrored.mean()).abs() < 5 * error
    assert mirrored.var() < 0.75 * plain.var()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nb_samples": 3, "antithetic": True}, "an even nb_samples"),
        ({"nb_samples": 2, "antithetic": True, "noise": None}, "expected noise"),
        (
            {"nb_samples": 2, "antithetic": True, "noise": imle.noise.SumOfGammaNoiseDistribution(k=1)},
            "no antithetic draws",
        ),
    ],
)
def test_refusals(options, message):
    with pytest.raises(OptionError, match=message):
        imle.layer("topk", k=1, **options)
