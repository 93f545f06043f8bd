"""The original's way around any solver: one call per row, gamma draws in a loop, an autograd class per call."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from benchmarks import original_style
from benchmarks.peers.peer import Metered
from benchmarks.peers.rows import Row
from benchmarks.peers.workloads import LAMBDA, TERMS, Workload


class Loop(Metered):
    """I-MLE in the style of the original library, around a solver that takes one row."""

    def __init__(self, name: str, make: Callable[[Workload], Row], work: Workload) -> None:
        super().__init__()
        self.name = name
        self.samples, self.kappa = work.samples, work.kappa
        self.sign = 1 if work.sense == "max" else -1
        self.row = make(work)

    def layer(self, objectives: Tensor) -> Tensor:
        samples = original_style.layer(
            self.sign * objectives,
            self._solve,
            self._noise,
            self.samples,
            LAMBDA * self.samples,  # the original does not undo the 1/S of a mean over samples
        )
        return samples.view(-1, self.samples, *objectives.shape[1:]).mean(dim=1)

    def decide(self, objectives: Tensor) -> Tensor:
        rows = objectives.detach().numpy()
        return torch.from_numpy(np.array([self.row(row) for row in rows]))

    def _noise(self, shape: tuple[int, ...]) -> Tensor:
        with self.meter.timed("noise"):
            return original_style.gamma_loop(shape, self.kappa, TERMS)

    def _solve(self, theta: Tensor) -> Tensor:
        with self.meter.timed("solve", solves=len(theta)):
            return self.decide(self.sign * theta)
