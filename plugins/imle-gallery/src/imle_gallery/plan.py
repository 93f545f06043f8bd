"""How much the gallery does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """How much to do.

    Attributes:
        temperatures: of the noise; for learning, of both noises.
        samples: S, noise draws per step of the learning grid.
        steps: updates per cell of the learning grid.
        every: updates between two frames.
        paths: paths drawn one by one per temperature.
        draws: rows solved per picture of marginals, and per point of the error curves.
        kappas, lengths: parameters of the sum-of-gamma noise.
        sums: draws per histogram.
        error_temperatures: points of the error curves.
        race_steps, race_every: updates per estimator, and between two frames.
        solver_steps: updates of the learning curve of a solver.
        solver_draws: samples per picture of a solver's marginals.
    """

    temperatures: tuple[float, ...] = (0.0, 1.0, 2.0, 5.0)
    samples: tuple[int, ...] = (1, 10, 100)
    steps: int = 1000
    every: int = 25
    paths: int = 100
    draws: int = 20_000
    kappas: tuple[int, ...] = (1, 5, 10, 50)
    lengths: tuple[int, ...] = (1, 10, 100, 1000)
    sums: int = 200_000
    error_temperatures: tuple[float, ...] = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.5, 5.0, 10.0)
    race_steps: int = 600
    race_every: int = 15
    solver_steps: int = 60
    solver_draws: int = 1000


FULL = Plan()
QUICK = Plan(
    temperatures=(0.0, 5.0),
    samples=(1, 10),
    steps=375,
    every=25,
    paths=40,
    draws=2_000,
    kappas=(1, 10),
    lengths=(1, 100),
    sums=20_000,
    error_temperatures=(0.1, 0.5, 1.0, 5.0),
    race_steps=300,
    race_every=10,
    solver_steps=30,
    solver_draws=200,
)
