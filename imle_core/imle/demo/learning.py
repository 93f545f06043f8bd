"""Part 2: learn a map whose shortest path is the gold path, for several noise temperatures.

The original starts from weights in +-0.1, half of which are negative costs: no shortest path exists then, and its
Dijkstra silently returns something else. Here costs = softplus(weights), positive whatever the weights are. All other
numbers are the original's: the estimator with lambda = 10 and alpha = 1, Adam with a learning rate of 0.005, 100
samples, and 1000 of its 1100 steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from imle._zeros import zero_share
from imle.demo.problem import SAMPLES, SIDE, clipping_expected, hamming, noise, path_layer
from imle.estimators import IMLE
from imle.layers import SolverLayer

LEARNING_RATE = 0.005
LAMBDA = 10.0
SPREAD = 0.1
"""Weights start uniform in +-SPREAD."""


@dataclass(frozen=True)
class Setting:
    """The temperatures of the noise in the forward solves (input) and in the target solves."""

    temperature: float
    target_temperature: float

    @property
    def name(self) -> str:
        """Short, for file names: "5-0"."""
        return f"{self.temperature:g}-{self.target_temperature:g}"

    @property
    def title(self) -> str:
        return f"Input noise {self.temperature:g}, target noise {self.target_temperature:g}"


SETTINGS = (Setting(0, 0), Setting(1, 1), Setting(2, 2), Setting(5, 5), Setting(5, 0))


@dataclass
class Recording:
    """What happened while one setting learned. State t is the one after t updates; the last one is not updated.

    Attributes:
        setting: the temperatures.
        every: a frame is kept of states 0, every, 2 every, ...
        sample, marginals, best, costs: per frame `[16, 16]`: one sampled path, the mean of the samples, the
            noise-free (MAP) path, and the costs.
        loss: per state, the Hamming loss.
        sparsity: per state, the share of gradient entries that are exactly zero.
        on_gold: per state, whether the MAP path is the gold path.
        clipped: share of the noisy costs of the forward solves that were below zero, where the solver puts zero.
        solves: rows solved, forward and for the target.
        solves_per_second: a timing, hence never among the results.
    """

    setting: Setting
    every: int
    sample: list[NDArray[np.bool_]] = field(default_factory=list)
    marginals: list[NDArray[np.float32]] = field(default_factory=list)
    best: list[NDArray[np.bool_]] = field(default_factory=list)
    costs: list[NDArray[np.float32]] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    sparsity: list[float] = field(default_factory=list)
    on_gold: list[bool] = field(default_factory=list)
    clipped: float = 0.0
    solves: int = 0
    solves_per_second: float = 0.0

    @property
    def steps(self) -> int:
        """Updates made."""
        return len(self.loss) - 1

    @property
    def reached(self) -> int | None:
        """Updates until the MAP path first was the gold path."""
        return self.on_gold.index(True) if any(self.on_gold) else None

    @property
    def settled(self) -> int | None:
        """Updates from which on the MAP path was the gold path to the end."""
        if not self.on_gold[-1]:
            return None
        return next((t + 1 for t in range(self.steps, -1, -1) if not self.on_gold[t]), 0)

    @property
    def highest_cost(self) -> float:
        """The end of the colour scale, fixed for all frames."""
        return max(float(costs.max()) for costs in self.costs)


def initial_weights(seed: int) -> Tensor:
    """Uniform in +-0.1, the same for all settings. `[1, 16, 16]`."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(1, SIDE, SIDE, generator=generator) * 2 - 1) * SPREAD


def learn(
    setting: Setting,
    gold: Tensor,
    *,
    seed: int,
    steps: int,
    every: int,
    on_step: Callable[[], None],
    samples: int = SAMPLES,
) -> Recording:
    """Minimise the Hamming loss between the sampled paths and the gold path.

    Args:
        setting: the temperatures.
        gold: `[1, 16, 16]`.
        seed: of the initial weights and of the noise.
        steps: updates.
        every: states between two frames.
        on_step: called once per state, to show progress.
        samples: S, noise draws per step.
    """
    weights = torch.nn.Parameter(initial_weights(seed))
    optimizer = torch.optim.Adam([weights], lr=LEARNING_RATE)
    layer = path_layer(
        estimator=IMLE(LAMBDA),
        noise=noise(),
        nb_samples=samples,
        temperature=setting.temperature,
        target_temperature=setting.target_temperature,
        output="samples",
        generator=torch.Generator().manual_seed(seed + 1),
    )
    noise_free = path_layer(output="map")
    recording = Recording(setting, every)
    clipped = forward = 0
    with clipping_expected():
        for state in range(steps + 1):
            costs = F.softplus(weights)
            with torch.no_grad():
                best = noise_free(costs)
            before = _counts(layer)
            paths = layer(costs)
            after = _counts(layer)
            clipped, forward = clipped + after[0] - before[0], forward + after[1] - before[1]
            loss = hamming(paths[0], gold)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            _record(recording, state, weights, paths, best, loss, gold)
            if state < steps:
                optimizer.step()
            on_step()
    recording.clipped = clipped / (forward * SIDE * SIDE)
    recording.solves, recording.solves_per_second = layer.stats.solves, layer.stats.solves_per_second
    return recording


def _counts(layer: SolverLayer) -> tuple[int, int]:
    """Entries clipped and rows solved so far."""
    return layer.stats.events["clipped_entries"], layer.stats.solves


def _record(
    recording: Recording, state: int, weights: Tensor, samples: Tensor, best: Tensor, loss: Tensor, gold: Tensor
) -> None:
    """Note one state; keep a frame of it if its turn has come."""
    gradient = weights.grad
    assert gradient is not None
    recording.loss.append(loss.item())
    recording.sparsity.append(zero_share(gradient))
    recording.on_gold.append(torch.equal(best, gold))
    if state % recording.every == 0:
        recording.sample.append(samples[0, 0].detach().numpy().astype(bool))
        recording.marginals.append(samples[0].detach().mean(dim=0).numpy())
        recording.best.append(best[0].numpy().astype(bool))
        recording.costs.append(F.softplus(weights.detach())[0].numpy())
