"""All estimators learn the demo's map from its gold path, from the same weights with the same optimiser."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from imle._zeros import zero_share
from imle.demo.learning import LEARNING_RATE, initial_weights
from imle.demo.problem import SAMPLES, clipping_expected, noise, path_layer, shortest_path, true_weights
from imle.gallery.plan import Plan, Tick
from imle.layers import SolverLayer


@dataclass
class Runner:
    """One estimator. State t is the one after t updates.

    Attributes:
        name: of the estimator.
        best: per frame, the MAP path `[16, 16]`.
        loss: per state, the cells on which MAP path and gold path differ.
        sparsity: per state, the share of gradient entries that are exactly zero.
        solves: rows solved, forward and backward.
        seconds: wall time of one step (forward, backward, update), median; a timing, hence never among the results.
    """

    name: str
    best: list[NDArray[np.bool_]] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    sparsity: list[float] = field(default_factory=list)
    solves: int = 0
    seconds: float = 0.0

    @property
    def reached(self) -> int | None:
        """Updates until the MAP path first was the gold path."""
        return self.loss.index(0.0) if 0.0 in self.loss else None


@dataclass(frozen=True)
class Race:
    """All estimators.

    Attributes:
        gold: `[16, 16]`.
        every: states between two frames.
        runners: in the order of `imle list-estimators`.
    """

    gold: NDArray[np.bool_]
    every: int
    runners: tuple[Runner, ...]


def entrants() -> dict[str, dict[str, Any]]:
    """Options of `imle.layer` by estimator. Noise has about the same standard deviation, 0.3 where costs are 0.7."""
    drawn = {"nb_samples": SAMPLES, "noise": noise(), "temperature": 1.0}
    gaussian = {"nb_samples": SAMPLES, "noise": "gaussian", "temperature": 0.3}
    return {
        "imle": drawn,
        "aimle": drawn,
        "blackbox": {},
        "identity": {},
        "straight-through": drawn,
        "perturbed": gaussian,
        "perturbed-multiplicative": {**gaussian, "noise": "multiplicative"},
        "score-function": gaussian,
    }


def work(plan: Plan) -> int:
    """Units of progress."""
    return len(entrants()) * (plan.race_steps + 1)


def run(plan: Plan, *, seed: int, tick: Tick) -> Race:
    """One after the other, so that they can be timed."""
    gold = shortest_path(true_weights())
    runners = []
    for name, options in entrants().items():

        def note(name: str = name) -> None:
            tick(f"Estimator {name}")

        runners.append(_learn(name, options, gold, plan, seed, note))
    return Race(gold[0].numpy().astype(bool), plan.race_every, tuple(runners))


def _learn(name: str, options: dict[str, Any], gold: Tensor, plan: Plan, seed: int, note: Callable[[], None]) -> Runner:
    weights = torch.nn.Parameter(initial_weights(seed))
    optimizer = torch.optim.Adam([weights], lr=LEARNING_RATE)
    layer = path_layer(estimator=name, generator=torch.Generator().manual_seed(seed + 1), **options)
    noise_free = path_layer(output="map")
    runner = Runner(name)
    times = []
    with clipping_expected():
        for state in range(plan.race_steps + 1):
            with torch.no_grad():
                best = noise_free(F.softplus(weights))
            start = time.perf_counter()
            optimizer.zero_grad()
            _loss(layer, F.softplus(weights), gold).backward()  # type: ignore[no-untyped-call]
            gradient = weights.grad
            assert gradient is not None
            zeros = zero_share(gradient)
            if state < plan.race_steps:
                optimizer.step()
            times.append(time.perf_counter() - start)
            runner.loss.append(float((best != gold).sum()))
            runner.sparsity.append(zeros)
            if state % plan.race_every == 0:
                runner.best.append(best[0].numpy().astype(bool))
            note()
    runner.solves, runner.seconds = layer.stats.solves, float(np.median(times))
    return runner


def _loss(layer: SolverLayer, costs: Tensor, gold: Tensor) -> Tensor:
    """Mean Hamming distance of the samples; through `expected_loss`, which every rule has."""
    return layer.expected_loss(costs, lambda paths: (paths - gold).abs().sum(dim=(-2, -1))).sum()
