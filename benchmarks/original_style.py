"""A training step the way the original library's users write it: a solver call per row, gamma draws in a loop.

Our own code, in that style, as the reference of the whole-step benchmarks, with Dijkstra in plain Python; without the
original's slips (it expands settled cells again), which would only flatter us.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Gamma


def neighbours(row: int, column: int, height: int, width: int) -> Iterator[tuple[int, int]]:
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            if (down or right) and 0 <= row + down < height and 0 <= column + right < width:
                yield row + down, column + right


def heap_dijkstra(costs: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """The cheapest 8-neighbour path from corner to corner, as a mask. Costs >= 0, `[H, W]`."""
    height, width = costs.shape
    best = {(0, 0): costs[0, 0]}
    before: dict[tuple[int, int], tuple[int, int]] = {}
    settled = set()
    queue = [(costs[0, 0], (0, 0))]
    while queue:
        cost, cell = heapq.heappop(queue)
        if cell in settled:
            continue
        settled.add(cell)
        if cell == (height - 1, width - 1):
            break
        for other in neighbours(*cell, height, width):
            reached = cost + costs[other]
            if other not in best or reached < best[other]:
                best[other], before[other] = reached, cell
                heapq.heappush(queue, (reached, other))
    mask = np.zeros_like(costs)
    cell = (height - 1, width - 1)
    mask[cell] = 1
    while cell != (0, 0):
        cell = before[cell]
        mask[cell] = 1
    return mask


def gamma_loop(shape: tuple[int, ...], kappa: float, terms: int) -> Tensor:
    """Sum-of-gamma noise, one draw per term."""
    noise = torch.zeros(shape)
    for i in range(1, terms + 1):
        noise = noise + Gamma(torch.tensor(1 / kappa), torch.tensor(i / kappa)).sample(torch.Size(shape))
    return (noise - math.log(terms)) / kappa


def solve(theta: Tensor) -> Tensor:
    """Paths of most gain for `[N, H, W]` theta; perturbed costs below zero count as zero."""
    costs = np.maximum(-theta.detach().numpy(), 0)
    return torch.tensor(np.asarray([heap_dijkstra(row) for row in costs]))


Noise = Callable[[tuple[int, ...]], Tensor]
"""Draw noise of a shape."""

Solve = Callable[[Tensor], Tensor]
"""argmax <theta, z> for each row of theta."""


def layer(theta: Tensor, solve: Solve, noise: Noise, samples: int, beta: float) -> Tensor:
    """I-MLE with TargetDistribution(alpha=1, beta), an autograd class per call. `[B, *event]` to `[B * S, *event]`."""

    class Wrapped(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, theta: Tensor) -> Tensor:
            rows = (theta.unsqueeze(1) + noise((len(theta), samples, *theta.shape[1:]))).flatten(0, 1)
            z = solve(rows)
            ctx.save_for_backward(rows, z)
            return z

        @staticmethod
        def backward(ctx: Any, dy: Tensor) -> Tensor:
            rows, z = ctx.saved_tensors
            difference = z - solve(rows - beta * dy)
            mean: Tensor = difference.view(-1, samples, *difference.shape[1:]).mean(dim=1)
            return mean

    found: Tensor = Wrapped.apply(theta)  # type: ignore[no-untyped-call]  # torch's own
    return found
