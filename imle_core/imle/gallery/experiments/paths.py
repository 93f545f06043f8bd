"""Paths sampled on the demo's map, and their marginals, from no noise to loud noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imle.demo.problem import WALL, true_weights
from imle.demo.sampling import Sampled, sample_paths
from imle.gallery.plan import Plan, Tick

MARGINAL_TEMPERATURES = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True)
class Drawn:
    """Paths at one temperature.

    Attributes:
        temperature: of the noise.
        sampled: the paths, in the order they were drawn.
    """

    temperature: float
    sampled: Sampled

    @property
    def mean(self) -> NDArray[np.float64]:
        """The marginals. `[16, 16]`."""
        found: NDArray[np.float64] = self.sampled.paths.mean(axis=0)
        return found


@dataclass(frozen=True)
class Gathered:
    """Paths at several temperatures.

    Attributes:
        walls: `[16, 16]`.
        drawn: one per temperature.
    """

    walls: NDArray[np.bool_]
    drawn: tuple[Drawn, ...]


def work_one_by_one(plan: Plan) -> int:
    """Units of progress."""
    return len(plan.temperatures)


def one_by_one(plan: Plan, *, seed: int, tick: Tick) -> Gathered:
    """A few paths per temperature, to be shown one by one."""
    return _gather(plan.temperatures, plan.paths, seed, tick)


def work_marginals(plan: Plan) -> int:
    """Units of progress."""
    del plan
    return len(MARGINAL_TEMPERATURES)


def marginals(plan: Plan, *, seed: int, tick: Tick) -> Gathered:
    """Many paths per temperature."""
    return _gather(MARGINAL_TEMPERATURES, plan.draws, seed, tick)


def _gather(temperatures: tuple[float, ...], samples: int, seed: int, tick: Tick) -> Gathered:
    drawn = []
    for temperature in temperatures:
        drawn.append(Drawn(temperature, sample_paths(seed, temperature, samples)))
        tick(f"Paths at temperature {temperature:g}")
    return Gathered((true_weights()[0] == WALL).numpy(), tuple(drawn))
