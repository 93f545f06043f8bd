"""The layer's own overhead: a training step with top-k (n = 1000, k = 50, 100 x 10) over its bare parts

The bare parts are one noise draw and two top-k solves of the same 1000 rows; a step adds perturbing, the target, the
mean, the gradient, checks, statistics and autograd. A step of one row of 10 entries is compared with the same step
written by hand, in a plain autograd function without checks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import imle
from benchmarks.harness import Claim, race
from imle.noise import BaseNoiseDistribution, GumbelNoiseDistribution, SumOfGammaNoiseDistribution
from imle_topk.topk import TopKSolver

BATCH, SAMPLES, N, K = 100, 10, 1000, 50
SHORT, FEW = 10, 3
CALLS = 10


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


def largest(scores: Tensor) -> Tensor:
    """Top-k as everybody writes it; which of equal scores are chosen is left to chance."""
    return torch.zeros_like(scores).scatter_(-1, torch.topk(scores, FEW, dim=-1).indices, 1.0)


UNIT = torch.tensor(0.9)


class ByHand(torch.autograd.Function):
    """I-MLE with one sample, relative Gumbel noise and a relative step, as one would write it for one's own use."""

    @staticmethod
    def forward(ctx: Any, theta: Tensor) -> Tensor:
        noise = -3 * UNIT * torch.log(-torch.log(torch.rand(len(theta), 1, theta.shape[1])))
        z = largest(theta.unsqueeze(1) + noise)
        ctx.save_for_backward(theta, noise, z)
        return z.mean(dim=1)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        theta, noise, z = ctx.saved_tensors
        varying = (theta.unsqueeze(1) + noise / 2).std(dim=-1, correction=0).mean(dim=1, keepdim=True)
        step = 2 * theta.shape[1] ** 0.5 * varying / dy.norm(dim=-1, keepdim=True).clamp(min=1e-12)
        found: Tensor = (z - largest((theta - step * dy).unsqueeze(1) + noise)).mean(dim=1)
        return found / step.clamp(min=1e-12)


def smallest() -> list[Claim]:
    """B = S = 1, n = 10: the solver takes next to nothing, so that what is left is the way to it and back."""
    theta, gold = torch.randn(1, SHORT, requires_grad=True), torch.zeros(1, SHORT)
    layer, exact = imle.layer("topk", k=FEW), imle.layer("topk", k=FEW).eval()
    rows = theta.detach()

    def step(method: Callable[[Tensor], Tensor]) -> Callable[[], None]:
        def once() -> None:
            theta.grad = None
            (method(theta) - gold).square().sum().backward()  # type: ignore[no-untyped-call]  # torch's own

        return many(once)

    def evaluate(method: Callable[[Tensor], Tensor]) -> Callable[[], None]:
        def once() -> None:
            with torch.no_grad():
                method(rows)

        return many(once)

    candidates = {
        "step": step(layer),
        "by hand": step(ByHand.apply),
        "eval": evaluate(exact),
        "bare": evaluate(largest),
    }
    times = {name: seconds / CALLS for name, seconds in race(candidates, rounds=201, warmups=5).items()}
    return [
        Claim("I-MLE step, one row of 10", times["step"], times["by hand"], 1.7, at_most=True, note="written by hand"),
        Claim("eval, one row of 10", times["eval"], times["bare"], 10, at_most=True, note="topk and scatter alone"),
    ]


def many(once: Callable[[], object]) -> Callable[[], None]:
    def repeated() -> None:
        for _ in range(CALLS):
            once()

    return repeated


def claims() -> list[Claim]:
    return [
        *smallest(),
        overhead("Gumbel", GumbelNoiseDistribution()),
        overhead("sum-of-gamma", SumOfGammaNoiseDistribution(k=K, nb_iterations=10)),
    ]
