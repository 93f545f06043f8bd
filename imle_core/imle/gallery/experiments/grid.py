"""The demo's map learned for every pair of noise temperatures, with few and with many samples per step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imle.demo.learning import Recording, Setting, learn
from imle.demo.problem import shortest_path, true_weights
from imle.gallery.plan import Plan, Tick


@dataclass(frozen=True)
class Grid:
    """All cells.

    Attributes:
        gold: the path to learn, `[16, 16]`.
        temperatures: of both noises.
        blocks: one per number of samples: S, and recordings by target temperature (rows) and input temperature.
    """

    gold: NDArray[np.bool_]
    temperatures: tuple[float, ...]
    blocks: tuple[tuple[int, tuple[tuple[Recording, ...], ...]], ...]

    @property
    def recordings(self) -> tuple[tuple[int, Recording], ...]:
        """S and recording, cell by cell, the input temperature varying fastest."""
        return tuple((samples, cell) for samples, rows in self.blocks for row in rows for cell in row)

    @property
    def solves(self) -> int:
        """Of all recordings."""
        return sum(recording.solves for _, recording in self.recordings)


def work(plan: Plan) -> int:
    """Units of progress."""
    return len(plan.samples) * len(plan.temperatures) ** 2 * (plan.steps + 1)


def run(plan: Plan, *, seed: int, tick: Tick) -> Grid:
    """Every cell starts from the same weights; all cells of a block see the same noise."""
    gold = shortest_path(true_weights())
    blocks = []
    for samples in plan.samples:

        def cell(target: float, temperature: float, samples: int = samples) -> Recording:
            words = f"{samples} samples, noise {temperature:g} / {target:g}"
            return learn(
                Setting(temperature, target),
                gold,
                seed=seed,
                steps=plan.steps,
                every=plan.every,
                on_step=lambda: tick(words),
                samples=samples,
            )

        rows = tuple(tuple(cell(target, tau) for tau in plan.temperatures) for target in plan.temperatures)
        blocks.append((samples, rows))
    return Grid(gold[0].numpy().astype(bool), plan.temperatures, tuple(blocks))
