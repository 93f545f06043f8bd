"""How well perturb-and-MAP with each noise samples p(z) ~ exp <theta, z>: error of the marginals, by enumeration."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch
from rich.table import Table

import imle
from benchmarks.harness import Claim
from imle.noise import BaseNoiseDistribution, SumOfGammaNoiseDistribution

N, K, DRAWS, THETAS = 10, 5, 2_000, 50
TEMPERATURES = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
NOISES: dict[str, str | BaseNoiseDistribution] = {
    "Gumbel": "gumbel",
    "sum-of-gamma, kappa=5, s=10": SumOfGammaNoiseDistribution(k=K, nb_iterations=10),
    "sum-of-gamma, kappa=5, s=100": SumOfGammaNoiseDistribution(k=K, nb_iterations=100),
    "Gaussian": "gaussian",
    "logistic": "logistic",
}


def error(noise: str | BaseNoiseDistribution, temperature: float) -> float:
    """Mean absolute error of sampled marginals at temperature tau against those of p(z) ~ exp <theta, z>."""
    generator = torch.Generator().manual_seed(0)
    theta = 2 * torch.randn(THETAS, N, dtype=torch.float64, generator=generator)
    subsets = torch.tensor(
        [[float(i in chosen) for i in range(N)] for chosen in itertools.combinations(range(N), K)], dtype=torch.float64
    )
    exact = torch.softmax(theta @ subsets.T, dim=1) @ subsets
    layer = imle.layer("topk", k=K, noise=noise, nb_samples=DRAWS, temperature=temperature, generator=generator)
    return float((layer(theta) - exact).abs().mean())


def tables() -> Iterator[Table]:
    """The error of each noise over temperatures."""
    table = Table("noise", *(f"tau={tau:g}" for tau in TEMPERATURES), title="error of marginals, 5 of 10")
    for name, noise in NOISES.items():
        table.add_row(name, *(f"{error(noise, tau):.3f}" for tau in TEMPERATURES))
    yield table


def claims() -> Iterator[Claim]:
    """At tau = 1, the law all of them stand for, Gumbel noise is closer than sum-of-gamma."""
    ours, other = error("gumbel", 1.0), error(NOISES["sum-of-gamma, kappa=5, s=10"], 1.0)
    yield Claim("Gumbel over sum-of-gamma at tau=1", ours, other, 2.0, note="error of marginals", unit="")
