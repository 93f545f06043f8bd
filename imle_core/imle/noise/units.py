"""How large noise is beside what it is put on."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from imle.noise.base import BaseNoiseDistribution, draw_like, perturb
from imle.noise.relative import RelativeNoiseDistribution

LOUD = 10.0
"""Noise so many times as large as the spread of the scores leaves nothing of them."""

DRAWS = 1000
"""Rows of noise at least whose spread is measured."""


def unit(values: Tensor) -> float:
    """The mean spread of rows `[N, *event]`, as relative noise measures it: never 0; nan beyond float32."""
    measured = RelativeNoiseDistribution()
    measured.observe(values.detach())
    return measured.unit.item()


def absolute(noise: BaseNoiseDistribution | None) -> tuple[BaseNoiseDistribution | None, float]:
    """The noise that is drawn, and what a temperature of 1 multiplies it with: the unit, where it has been measured."""
    if not isinstance(noise, RelativeNoiseDistribution):
        return noise, 1.0
    kept = noise.unit.item()
    return noise.noise, 1.0 if math.isnan(kept) else kept


def fitting_temperature(noise: BaseNoiseDistribution, theta: Tensor) -> float:
    """The temperature, absolute, at which noise is as large as the spread of the scores.

    Args:
        noise: not in units of theta.
        theta: `[B, *event]`.
    """
    theta = theta.detach().cpu().double()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        eps = draw_like(noise, theta, DRAWS // len(theta) + 1)
    added = perturb(noise, theta.unsqueeze(1), eps, 1.0) - theta.unsqueeze(1)
    return unit(theta) / unit(added.flatten(0, 1))
