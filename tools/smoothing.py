"""What noise on a constraint does: docs/_static/smoothing.svg, and a table (`python -m tools.smoothing`).

A knapsack is packed by a predicted capacity, and what is over the true one is paid for. The loss is a step function of
the prediction: its derivative is zero or does not exist. With log-normal noise on the prediction its expectation is
smooth; here it is computed from the steps, without sampling, and compared with what a layer estimates.
"""

from __future__ import annotations

import math
from itertools import pairwise, product
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple

import torch
from matplotlib import rc_context
from matplotlib.figure import Figure
from torch import Tensor

import imle

FILE = Path("docs/_static/smoothing.svg")
VALUES, WEIGHTS = (9.0, 8.0, 6.0, 5.0, 3.0), (5.0, 4.0, 4.0, 3.0, 2.0)
CAPACITY, PENALTY = 11.0, 3.0
"""The true capacity, and what each unit of weight above it costs."""
SIGMAS = (0.03, 0.1, 0.3)
SAMPLES, DRAWS = 8, 500
AT = (7.5, 10.3, 12.4, 14.5)
"""Predictions at which estimates are shown."""


class Step(NamedTuple):
    """The loss of every prediction from one capacity on, up to the next step."""

    start: float
    loss: float


def loss_of(packed: Tensor) -> Tensor:
    """What sets `[..., 5]` lose against the best one, and pay for weight above the true capacity."""
    weights = packed @ torch.tensor(WEIGHTS)
    best = max(value for value, weight in _sets() if weight <= CAPACITY)
    return best - packed @ torch.tensor(VALUES) + PENALTY * (weights - CAPACITY).clamp(min=0)


def _sets() -> list[tuple[float, float]]:
    """Value and weight of every set of items."""
    masks = product((0, 1), repeat=len(VALUES))
    return [
        (
            sum(v for v, m in zip(VALUES, mask, strict=True) if m),
            sum(w for w, m in zip(WEIGHTS, mask, strict=True) if m),
        )
        for mask in masks
    ]


def steps() -> list[Step]:
    """The loss as a function of the predicted capacity, from all sets of items: no solver."""
    best = max(value for value, weight in _sets() if weight <= CAPACITY)
    found: list[Step] = []
    most = -math.inf
    for value, weight in sorted(_sets(), key=lambda own: (own[1], -own[0])):
        if value > most:  # the first set that is worth more than all lighter ones
            most = value
            found.append(Step(weight, best - value + PENALTY * max(weight - CAPACITY, 0.0)))
    return found


def exact(prediction: float, sigma: float) -> tuple[float, float]:
    """E loss(prediction * exp(sigma Z - sigma^2 / 2)), and its derivative in the prediction."""
    normal = NormalDist()
    found = steps()
    value, slope = found[0].loss, 0.0
    for before, step in pairwise(found):
        z = (math.log(step.start / prediction) + sigma**2 / 2) / sigma  # noise above it reaches the step
        value += (step.loss - before.loss) * (1 - normal.cdf(z))
        slope += (step.loss - before.loss) * normal.pdf(z) / (sigma * prediction)
    return value, slope


def estimates(prediction: float, sigma: float, draws: int = DRAWS) -> Tensor:
    """The derivative as a layer estimates it, so many times: `[draws]`."""
    layer = imle.layer("knapsack", weights=WEIGHTS, noise=None, nb_samples=SAMPLES, learned={"capacity": sigma})
    capacity = torch.full((draws,), prediction, requires_grad=True)
    losses = layer.expected_loss(torch.tensor(VALUES).expand(draws, -1), loss_of, capacity=capacity)
    torch.autograd.backward(losses.sum())
    assert capacity.grad is not None
    return capacity.grad


def draw(path: Path) -> None:
    """Left the loss and its expectations, right their derivatives with the spread of estimates."""
    grid = [4.5 + 0.05 * k for k in range(261)]
    colours = ("#4c78a8", "#f58518", "#54a24b")
    torch.manual_seed(0)
    with rc_context({"svg.hashsalt": "imle", "font.size": 10}):
        figure = Figure(figsize=(9.5, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        found = steps()
        starts = [step.start for step in found] + [grid[-1]]
        left.stairs(
            [step.loss for step in found], starts, baseline=None, color="#222222", label="loss of one prediction"
        )
        for sigma, colour, shift in zip(SIGMAS, colours, (-0.12, 0.0, 0.12), strict=True):
            curves = [exact(x, sigma) for x in grid]
            left.plot(grid, [value for value, _ in curves], color=colour, label=f"expected, noise {sigma:.0%}")
            right.plot(grid, [slope for _, slope in curves], color=colour, label=f"noise {sigma:.0%}")
            for x in AT:
                own = estimates(x, sigma)
                right.errorbar(x + shift, own.mean(), yerr=own.std(), color=colour, fmt="o", markersize=3, capsize=2)
        left.axvline(CAPACITY, ymax=0.55, color="#999999", linestyle=":", label="true capacity")
        right.axhline(0, color="#999999", linewidth=0.8)
        left.set(title="A loss and its expectations", xlabel="predicted capacity", ylim=(-0.8, 14))
        right.set(
            title=f"Derivatives, and estimates of {SAMPLES} samples", xlabel="predicted capacity", ylim=(-5.5, 4.5)
        )
        for axes in (left, right):
            axes.set_xlim(grid[0], grid[-1])
            axes.spines[["top", "right"]].set_visible(False)
            axes.legend(frameon=False, fontsize=8, loc="upper center" if axes is left else "upper left")
        figure.savefig(path, metadata={"Date": None})


def table() -> str:
    """Derivative and spread by noise, at one prediction that is too large."""
    torch.manual_seed(0)
    lines = [
        "| noise | minimum at | derivative at 12.4 | standard deviation of an estimate |",
        "| --- | --- | --- | --- |",
    ]
    grid = [4.5 + 0.05 * k for k in range(261)]
    for sigma in SIGMAS:
        least = min(grid, key=lambda x: exact(x, sigma)[0])
        spread = estimates(12.4, sigma).std()
        lines.append(f"| {sigma:g} | {least:.1f} | {exact(12.4, sigma)[1]:.2f} | {spread:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    draw(FILE)
    print(table())
