"""Learning a 5-subset of 10 by gradient descent: the optimality gap after 50 steps (smaller is better).

The toy problem of Niepert et al. 2021, section 5.1: minimise E ||z - b||^2 over theta, b standard normal, z a 5-subset
of 10 with p(z) proportional to exp <theta, z>; SGD with momentum 0.9. The gap is exact, by enumeration of the 252
subsets: expected loss less the least loss of a subset. 100 repeats, each with a b and a start of its own.
Published, with one sample and learning rate 0.75: I-MLE (lambda = 2) 0.181, straight-through 0.752.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import torch
from rich.table import Table
from torch import Tensor

import imle
from benchmarks.harness import Claim
from imle.estimators import AIMLE, IMLE, Estimator, Perturbed, ScoreFunction, Simple, StraightThrough
from imle.noise import SumOfGammaNoiseDistribution

N, K, STEPS, REPEATS = 10, 5, 50, 100
SUBSETS = torch.tensor(
    [[float(i in chosen) for i in range(N)] for chosen in itertools.combinations(range(N), K)], dtype=torch.float64
)
PUBLISHED = 0.181
RATES = (0.03, 0.1, 0.3, 0.75, 2.0)


def gaps(rule: Estimator, rate: float, samples: int = 1, seed: int = 0, **options: Any) -> Tensor:
    """The optimality gap of each repeat. `[REPEATS]`."""
    generator = torch.Generator().manual_seed(seed)
    b = torch.randn(REPEATS, N, dtype=torch.float64, generator=generator)
    theta = torch.randn(REPEATS, N, dtype=torch.float64, generator=generator).requires_grad_()
    layer = imle.layer("topk", k=K, estimator=rule, nb_samples=samples, temperature=1.0, generator=generator, **options)
    optimiser = torch.optim.SGD([theta], lr=rate, momentum=0.9)
    for _ in range(STEPS):
        optimiser.zero_grad()
        layer.expected_loss(theta, lambda z: (z - b.unsqueeze(1)).square().sum(dim=-1)).sum().backward()
        optimiser.step()
    losses = (SUBSETS - b.unsqueeze(1)).square().sum(dim=-1)
    expected = (torch.softmax(theta.detach() @ SUBSETS.T, dim=1) * losses).sum(dim=1)
    return expected - losses.min(dim=1).values


SUM_OF_GAMMA = SumOfGammaNoiseDistribution(k=K, nb_iterations=10)
CONTESTANTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "imle, lambda=2, sum-of-gamma": (lambda: IMLE(2.0), {"noise": SUM_OF_GAMMA}),
    "imle, lambda=2, Gumbel": (lambda: IMLE(2.0), {}),
    "imle, lambda=2, symmetric": (lambda: IMLE(2.0, symmetric=True), {}),
    "imle, relative step": (IMLE, {}),
    "imle, relative step, undivided": (lambda: IMLE(scale=False), {}),
    "aimle": (AIMLE, {}),
    "aimle, symmetric": (lambda: AIMLE(symmetric=True), {}),
    "perturbed": (Perturbed, {}),
    "score-function": (ScoreFunction, {}),
    "simple": (Simple, {}),
    "straight-through": (StraightThrough, {}),
}


def tables() -> Iterator[Table]:
    """Mean gap and its spread at the best learning rate of a grid, with 1 and 10 samples."""
    table = Table("estimator", "S", "gap at rate 0.75", "best gap", "at rate", title="5-of-10, 50 steps")
    for name, (make, options) in CONTESTANTS.items():
        for samples in (1, 10):
            found = {rate: gaps(make(), rate, samples, **options) for rate in RATES}
            best = min(found, key=lambda rate: float(found[rate].mean()))
            table.add_row(name, str(samples), _spread(found[0.75]), _spread(found[best]), f"{best:g}")
    yield table


def _spread(values: Tensor) -> str:
    return f"{values.mean():.3f} ± {values.std():.3f}"


def claims() -> Iterator[Claim]:
    """I-MLE as published, against the published gap."""
    for name in ("imle, lambda=2, sum-of-gamma", "imle, lambda=2, Gumbel"):
        make, options = CONTESTANTS[name]
        gap = float(gaps(make(), 0.75, **options).mean())
        yield Claim(f"{name}: gap", gap, PUBLISHED, 1.0, at_most=True, note="reference: published", unit="")
