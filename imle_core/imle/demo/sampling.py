"""Part 1: perturb-and-MAP samples paths on a known map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from imle.demo.problem import SAMPLES, clipping_expected, noise, path_layer, true_weights

TEMPERATURE = 1.0


@dataclass(frozen=True)
class Sampled:
    """Paths in the order they were drawn.

    Attributes:
        paths: `[S, 16, 16]` masks.
        clipped: share of the perturbed costs that were below zero, where the solver puts zero.
    """

    paths: NDArray[np.bool_]
    clipped: float

    @property
    def marginals(self) -> NDArray[np.float64]:
        """After each sample, how often each cell was on a path so far. `[S, 16, 16]`."""
        counts: NDArray[np.int64] = np.arange(1, len(self.paths) + 1)
        running: NDArray[np.float64] = self.paths.cumsum(axis=0) / counts[:, None, None]
        return running

    @property
    def distinct(self) -> int:
        """How many of the paths differ."""
        return len(np.unique(self.paths, axis=0))


def sample_paths(seed: int, temperature: float = TEMPERATURE, samples: int = SAMPLES) -> Sampled:
    """Draw paths."""
    layer = path_layer(
        noise=noise(),
        nb_samples=samples,
        temperature=temperature,
        output="samples",
        generator=torch.Generator().manual_seed(seed),
    )
    with clipping_expected(), torch.no_grad():
        paths = layer(-true_weights())[0]
    return Sampled(paths.numpy().astype(bool), layer.stats.events["clipped_entries"] / paths.numel())
