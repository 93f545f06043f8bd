"""How much the gallery does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GalleryPlan:
    """How much to do; by default everything."""

    temperatures: tuple[float, ...] = (0.0, 1.0, 2.0, 5.0)  # of the noise; for learning, of both noises
    samples: tuple[int, ...] = (1, 10, 100)  # S, noise draws per step of the learning grid
    steps: int = 1000  # updates per cell of the learning grid
    every: int = 25  # of them between two frames
    paths: int = 100  # drawn one by one per temperature
    draws: int = 20_000  # rows solved per picture of marginals, and per point of the error curves
    kappas: tuple[int, ...] = (1, 5, 10, 50)  # parameters of the sum-of-gamma noise
    lengths: tuple[int, ...] = (1, 10, 100, 1000)
    sums: int = 200_000  # draws per histogram
    error_temperatures: tuple[float, ...] = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.5, 5.0, 10.0)
    race_rates: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0)  # learning rates that each estimator tries first
    race_noise: tuple[float, ...] = (1.0, 3.0)  # multiples of its temperature that it tries with each
    race_trial: int = 60  # updates of a trial
    race_steps: int = 60  # updates per estimator
    race_every: int = 1  # of them between two frames
    solver_steps: int = 60  # updates of the learning curve of a solver
    solver_draws: int = 1000  # samples per picture of a solver's marginals


FULL = GalleryPlan()
QUICK = GalleryPlan(
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
    race_rates=(0.1, 1.0),
    race_noise=(1.0,),
    race_trial=30,
    race_steps=30,
    race_every=1,
    solver_steps=30,
    solver_draws=200,
)
