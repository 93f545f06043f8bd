"""Assignments with objects left unmatched or sizes per row, and ranks, as they are found without this library

Unmatched objects are what padding by hand makes of them: n + m rows and columns, of which dummies take those left over,
solved by `scipy.optimize.linear_sum_assignment` row by row. Sizes per row are the same in a loop over slices. Ranks and
their blackbox gradient are what blackbox-backprop computes for them, two argsorts each way. Answers are compared before
anything is timed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

import imle
from benchmarks.harness import Claim, race
from imle_kernels.assignment import AssignmentSolver

Floats = NDArray[np.float64]
BATCH, N, PRICE = 64, 30, 0.05


def unmatched(rng: np.random.Generator) -> Claim:
    costs = rng.random((BATCH, N, N))
    prepared = AssignmentSolver().prepare(unmatched=PRICE)
    padded = np.full((BATCH, 2 * N, 2 * N), 1e6)
    padded[:, :N, :N], padded[:, N:, N:] = costs, 0.0
    diagonal = np.arange(N)
    padded[:, diagonal, N + diagonal] = padded[:, N + diagonal, diagonal] = PRICE

    def by_hand() -> Floats:
        found = np.zeros_like(padded)
        for row, matrix in enumerate(padded):
            found[row][linear_sum_assignment(matrix)] = 1.0
        return found[:, :N, :N]

    assert np.array_equal(prepared.solve(costs).solutions, by_hand())
    return _claim("assignment 30 x 30, some left unmatched", lambda: prepared.solve(costs), by_hand, target=3)


def ragged(rng: np.random.Generator) -> Claim:
    costs, sizes = rng.random((BATCH, N, N)), rng.integers(5, N + 1, (BATCH, 2))
    prepared = AssignmentSolver().prepare()

    def by_hand() -> Floats:
        found = np.zeros_like(costs)
        for row, (n, m) in enumerate(sizes):
            found[row][linear_sum_assignment(costs[row, :n, :m])] = 1.0
        return found

    assert np.array_equal(prepared.solve(costs, sizes=sizes).solutions, by_hand())
    return _claim(
        "assignments of 5 to 30, sizes per row", lambda: prepared.solve(costs, sizes=sizes), by_hand, target=1
    )


def _claim(name: str, ours: Callable[[], object], by_hand: Callable[[], object], *, target: float) -> Claim:
    times = race({"ours": ours, "scipy": by_hand}, rounds=21)
    return Claim(name, times["ours"] / BATCH, times["scipy"] / BATCH, target=target, note="per row, over scipy's loop")


def ranks(generator: torch.Generator) -> Claim:
    """Forward and backward, by lambda 4 of ranks that are divided by n."""
    scores, weight = torch.randn(BATCH, 1000, generator=generator), torch.rand(BATCH, 1000, generator=generator)
    layer = imle.layer("ranking", estimator={"name": "blackbox", "lambda_": 4.0})

    def ours() -> Tensor:
        given = scores.clone().requires_grad_()
        torch.autograd.backward((layer(given) * weight).sum())
        assert given.grad is not None
        return given.grad

    def ranked(values: Tensor) -> Tensor:
        return 1.0 + torch.argsort(torch.argsort(values, dim=1, descending=True), dim=1)

    def bare() -> Tensor:
        return (ranked(scores + 4.0 * weight) - ranked(scores)) / 4.0

    assert torch.allclose(ours(), bare())
    times = race({"ours": ours, "bare": bare}, rounds=21)
    return Claim("ranks of 1000, and their gradient", times["ours"], times["bare"], target=1, note="over two argsorts")


def claims() -> list[Claim]:
    rng = np.random.default_rng(0)
    return [unmatched(rng), ragged(rng), ranks(torch.Generator().manual_seed(0))]
