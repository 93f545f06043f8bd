"""A whole I-MLE step on 12x12 grids: 320 forward and 320 backward solves, sum-of-gamma noise, autograd

The reference is the same step in the original's style. Both see the same costs, the same number of samples and the
same target; that both find paths of equal cost for equal objectives is checked first.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch

import imle
from benchmarks import original_style
from benchmarks.harness import Claim, race
from imle.errors import SolverWarning
from imle.estimators import IMLE
from imle.noise import SumOfGammaNoiseDistribution

BATCH, SAMPLES, SIZE, KAPPA, BETA = 32, 10, 12, 15.0, 10.0


def check_same_answers(costs: torch.Tensor) -> None:
    ours = imle.layer("grid-shortest-path").eval()(costs).numpy()
    rows = costs.numpy()
    for mask, row in zip(ours, rows, strict=True):
        reference = original_style.heap_dijkstra(row)
        np.testing.assert_allclose((mask * row).sum(), (reference * row).sum(), rtol=1e-6)


def step_claim(terms: int, target: float) -> Claim:
    costs = torch.rand(BATCH, SIZE, SIZE, generator=torch.Generator().manual_seed(0)) + 1.0
    check_same_answers(costs)
    gold = torch.eye(SIZE)
    ours = costs.clone().requires_grad_()
    theirs = (-costs).requires_grad_()
    layer = imle.layer(
        "grid-shortest-path",
        estimator=IMLE(lambda_=BETA / SAMPLES),  # the original does not undo the 1/S of a mean over samples
        noise=SumOfGammaNoiseDistribution(k=KAPPA, nb_iterations=terms),
        nb_samples=SAMPLES,
    )

    def noise(shape: tuple[int, ...]) -> torch.Tensor:
        return original_style.gamma_loop(shape, KAPPA, terms)

    def step() -> None:
        (layer(ours) - gold).abs().mean().backward()

    def original() -> None:
        paths = original_style.layer(theirs, original_style.solve, noise, SAMPLES, BETA)
        (paths - gold).abs().mean().backward()  # type: ignore[no-untyped-call]  # torch's own

    times = race({"step": step, "original": original}, rounds=5, warmups=2)
    return Claim(f"I-MLE step, {terms} noise terms", times["step"], times["original"], target)


def claims() -> list[Claim]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SolverWarning)  # the reference clips negative costs too, in silence
        return [step_claim(10, 120), step_claim(100, 120)]
