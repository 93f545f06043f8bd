"""Sums of the sum-of-gamma noise against Gumbel(0, 1), which they tend to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from imle.gallery.plan import Plan, Tick
from imle.noise import SumOfGammaNoiseDistribution

Floats = NDArray[np.float64]
_CHUNK = 1 << 21  # draws held at once

EDGES = np.linspace(-3.0, 8.0, 56)
"""Of the histograms' bins."""


@dataclass(frozen=True)
class Sums:
    """One pair of parameters.

    Attributes:
        kappa: the noise's parameter, and how many draws are added up.
        length: terms of the noise, `nb_iterations`.
        density: `[len(EDGES) - 1]` histogram of the sums; what lies outside is counted in the total.
        distance: KS distance of the sums to Gumbel(0, 1).
        exact: the distance that infinitely many sums would have.
    """

    kappa: int
    length: int
    density: Floats
    distance: float
    exact: float


def work(plan: Plan) -> int:
    """Units of progress."""
    return len(plan.kappas) * len(plan.lengths)


def run(plan: Plan, *, seed: int, tick: Tick) -> tuple[Sums, ...]:
    """All pairs, kappas varying slowest."""
    found = []
    for kappa in plan.kappas:
        for length in plan.lengths:
            generator = torch.Generator().manual_seed(seed)
            sums = np.sort(_sums(kappa, length, plan.sums, generator))
            counts, _ = np.histogram(sums, EDGES)
            density = counts / (len(sums) * np.diff(EDGES))
            found.append(Sums(kappa, length, density, ks_distance(sums, gumbel_cdf), exact_distance(length)))
            tick(f"Sums of {kappa}, length {length}")
    return tuple(found)


def gumbel_cdf(x: Floats) -> Floats:
    """exp(-exp(-x))."""
    return np.asarray(np.exp(-np.exp(-x)))


def gumbel_density(x: Floats) -> Floats:
    """exp(-x - exp(-x))."""
    return np.asarray(np.exp(-x - np.exp(-x)))


def ks_distance(draws: Floats, cdf: Callable[[Floats], Floats]) -> float:
    """The Kolmogorov-Smirnov statistic of sorted draws: sup |F_n - F|."""
    steps = np.arange(len(draws) + 1) / len(draws)
    expected = cdf(draws)
    return float(max((steps[1:] - expected).max(), (expected - steps[:-1]).max()))


def exact_distance(length: int) -> float:
    """sup |P(sum of kappa draws <= x) - exp(-exp(-x))|, the same for every whole kappa.

    kappa draws add up to sum_i Gamma(1, 1/i) - log s over i = 1 .. s, whose first part is the largest of s standard
    exponentials (Renyi's representation). Hence P(. <= x) = (1 - exp(-x) / s)^s, which lies below its limit.
    """
    # 1 - exp(-x) / s below x = -log s is 0. Past 20 both are 1 to nine digits.
    x = np.linspace(-np.log(length), 20.0, 400_001)
    finite = np.exp(length * np.log1p(-np.minimum(np.exp(-x) / length, 1 - 1e-16)))
    return float(np.abs(finite - gumbel_cdf(x)).max())


def _sums(kappa: int, length: int, number: int, generator: torch.Generator) -> Floats:
    """`number` sums of `kappa` draws."""
    noise = SumOfGammaNoiseDistribution(k=kappa, nb_iterations=length)
    parts = []
    size = max(1, _CHUNK // kappa)
    for start in range(0, number, size):
        shape = (min(size, number - start), kappa)
        drawn = noise.draw(shape, dtype=torch.float64, device=torch.device("cpu"), generator=generator)
        parts.append(drawn.sum(dim=1).numpy())
    return np.concatenate(parts)
