"""Run both parts of the demo and keep what they recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imle.demo.learning import SETTINGS, Recording, Setting, learn
from imle.demo.problem import WALL, shortest_path, true_weights
from imle.demo.sampling import Sampled, sample_paths


@dataclass(frozen=True)
class Plan:
    """How much to do.

    Attributes:
        settings: noise temperatures to learn with.
        steps: updates per setting.
        every: updates between two frames.
    """

    settings: Sequence[Setting]
    steps: int
    every: int


FULL = Plan(SETTINGS, steps=1000, every=10)
QUICK = Plan(SETTINGS[:2], steps=400, every=10)
OPENING = 1  # the setting that README and page open with: input noise 1, target noise 1


@dataclass(frozen=True)
class Showcase:
    """Everything that the pictures, the page and the numbers are made of.

    Attributes:
        seed: of all randomness.
        plan: what was done.
        gold: the shortest path of the map, `[16, 16]`.
        walls: where the map has walls, `[16, 16]`.
        sampled: part 1.
        recordings: part 2, one per setting.
    """

    seed: int
    plan: Plan
    gold: NDArray[np.bool_]
    walls: NDArray[np.bool_]
    sampled: Sampled
    recordings: Sequence[Recording]


def run(plan: Plan, *, seed: int, on_step: Callable[[Setting], None]) -> Showcase:
    """Sample and learn.

    Args:
        plan: how much to do.
        seed: the same seed gives the same numbers.
        on_step: called after each of the `steps + 1` states of each setting.

    Raises:
        SolverUnavailableError: imle-networkx is not installed, or does not work.
    """
    weights = true_weights()
    gold = shortest_path(weights)
    sampled = sample_paths(seed)
    recordings = []
    for setting in plan.settings:

        def note(setting: Setting = setting) -> None:
            on_step(setting)

        recordings.append(learn(setting, gold, seed=seed, steps=plan.steps, every=plan.every, on_step=note))
    return Showcase(seed, plan, gold[0].numpy().astype(bool), (weights[0] == WALL).numpy(), sampled, tuple(recordings))
