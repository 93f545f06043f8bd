"""Learn a map whose shortest path is the gold path, under noise of some temperature.

The original starts from weights in +-0.1, half of which are negative costs: no shortest path exists then, and its
Dijkstra silently returns something else. Here costs = softplus(weights), positive whatever the weights are. All other
numbers are the original's: the estimator with lambda = 10 and alpha = 1, Adam with a learning rate of 0.005, 100
samples, and 1000 of its 1100 steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from imle.estimators import IMLE
from imle_gallery.experiments.problem import SAMPLES, SIDE, hamming, no_solver_warnings, noise, path_layer
from imle_gallery.experiments.training import Training

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
    def pair(self) -> str:
        """For tables: "5 / 0"."""
        return f"{self.temperature:g} / {self.target_temperature:g}"

    @property
    def title(self) -> str:
        return f"Input noise {self.temperature:g}, target noise {self.target_temperature:g}"


@dataclass(kw_only=True)
class Recording(Training):
    """What happened while one setting learned; the loss is the Hamming loss.

    Attributes:
        setting: the temperatures.
        sample, marginals: per frame `[16, 16]`, one sampled path, and the mean of the samples.
        clipped: share of the noisy costs of the forward solves that were below zero, where the solver puts zero.
        solves_per_second: a timing, hence never among the results.
    """

    setting: Setting
    sample: list[NDArray[np.bool_]] = field(default_factory=list)
    marginals: list[NDArray[np.float32]] = field(default_factory=list)
    clipped: float = 0.0
    solves_per_second: float = 0.0

    @property
    def paths(self) -> NDArray[np.bool_]:
        """Per frame, the MAP path. `[F, 16, 16]`."""
        return np.concatenate(self.best).astype(bool)

    @property
    def costs(self) -> NDArray[np.float32]:
        """Per frame. `[F, 16, 16]`."""
        return np.concatenate(self.objective)

    @property
    def highest_cost(self) -> float:
        """The end of the colour scale, fixed for all frames."""
        return float(self.costs.max())

    def facts(self) -> dict[str, Any]:
        """What it came to, as numbers."""
        return {
            "name": self.setting.name,
            "temperature": self.setting.temperature,
            "target_temperature": self.setting.target_temperature,
            "steps": self.steps,
            "frames": len(self.best),
            "map_first_gold_at_step": self.reached,
            "map_stays_gold_from_step": self.settled,
            "final_map_path": spelt(self.paths[-1]),
            "final_loss": self.loss[-1],
            "final_map_loss": self.wrong[-1],
            "final_gradient_sparsity": self.sparsity[-1],
            "highest_cost": self.highest_cost,
            "clipped_costs": self.clipped,
            "solves": self.solves,
        }


def spelt(path: NDArray[np.bool_]) -> list[str]:
    """One string per row, "#" where the path is."""
    return ["".join("#" if cell else "." for cell in row) for row in path]


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
    layer = path_layer(
        estimator=IMLE(LAMBDA),
        noise=noise(),
        nb_samples=samples,
        temperature=setting.temperature,
        target_temperature=setting.target_temperature,
        output="samples",
        generator=torch.Generator().manual_seed(seed + 1),
    )
    recording = Recording(setting=setting, every=every)
    clipped, solved = 0, 0

    def loss(costs: Tensor) -> Tensor:
        nonlocal clipped, solved
        clipped, solved = clipped - layer.stats.events["clipped_entries"], solved - layer.stats.solves
        paths = layer(costs)[0]
        clipped, solved = clipped + layer.stats.events["clipped_entries"], solved + layer.stats.solves
        if recording.frame_due:
            recording.sample.append(paths[0].detach().numpy().astype(bool))
            recording.marginals.append(paths.detach().mean(dim=0).numpy())
        return hamming(paths, gold)

    start, solve = initial_weights(seed), path_layer(output="map")
    with no_solver_warnings():
        recording.run(start, F.softplus, solve, layer, loss, gold, steps=steps, rate=LEARNING_RATE, on_step=on_step)
    recording.clipped = clipped / (solved * SIDE * SIDE)
    recording.solves_per_second = layer.stats.solves_per_second
    return recording
