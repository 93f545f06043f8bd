"""The layer's own overhead: a training step with top-k (n = 1000, k = 50, 100 x 10) over its bare parts

The bare parts are one noise draw and two top-k solves of the same 1000 rows; a step adds perturbing, the target, the
mean, the gradient, checks, statistics and autograd.
"""

from __future__ import annotations

import torch

import imle
from benchmarks.harness import Claim, race
from imle.noise import BaseNoiseDistribution, GumbelNoiseDistribution, SumOfGammaNoiseDistribution
from imle_topk.topk import TopKSolver

BATCH, SAMPLES, N, K = 100, 10, 1000, 50


def overhead(name: str, noise: BaseNoiseDistribution) -> Claim:
    theta = torch.randn(BATCH, N, requires_grad=True)
    dy = torch.randn(BATCH, N)
    layer = imle.layer("topk", k=K, noise=noise, nb_samples=SAMPLES)
    prepared = TopKSolver().prepare(k=K)

    def step() -> None:
        theta.grad = None
        layer(theta).backward(dy)

    def bare() -> None:
        draws = noise.draw((BATCH, SAMPLES, N), dtype=torch.float32, device=theta.device)
        rows = draws.reshape(BATCH * SAMPLES, N)
        prepared.solve(rows)
        prepared.solve(rows)

    times = race({"step": step, "bare": bare}, rounds=31, warmups=3)
    return Claim(f"I-MLE step with {name} noise", times["step"], times["bare"], target=1.3, at_most=True)


def claims() -> list[Claim]:
    return [
        overhead("Gumbel", GumbelNoiseDistribution()),
        overhead("sum-of-gamma", SumOfGammaNoiseDistribution(k=K, nb_iterations=10)),
    ]
