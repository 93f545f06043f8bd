"""All estimators learn the demo's map from its gold path, from the same weights with the same optimiser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from imle_gallery.charts import Charts, above, curves
from imle_gallery.experiments.learning import LEARNING_RATE, initial_weights
from imle_gallery.experiments.problem import SAMPLES, no_solver_warnings, noise, path_layer, shortest_path, true_weights
from imle_gallery.experiments.training import Training
from imle_gallery.film import Film
from imle_gallery.plan import GalleryPlan
from imle_gallery.show import Section, Tick
from imle_gallery.view import Canvas, Player, View, comparison, moving, panels, step, table


class Race(NamedTuple):
    """The gold path `[16, 16]`, and all estimators in the order of `imle list-estimators`."""

    gold: NDArray[np.bool_]
    runners: tuple[Training, ...]


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


def run(plan: GalleryPlan, *, seed: int, tick: Tick) -> Race:
    """One after the other, so that they can be timed."""
    gold = shortest_path(true_weights())
    runners = [
        _learn(name, options, gold, plan, seed, partial(tick, f"Estimator {name}"))
        for name, options in entrants().items()
    ]
    return Race(gold[0].numpy().astype(bool), tuple(runners))


def _learn(
    name: str, options: dict[str, Any], gold: Tensor, plan: GalleryPlan, seed: int, note: Callable[[], None]
) -> Training:
    layer = path_layer(estimator=name, generator=torch.Generator().manual_seed(seed + 1), **options)

    def loss(costs: Tensor) -> Tensor:
        """Mean Hamming distance of the samples; through `expected_loss`, which every rule has."""
        return layer.expected_loss(costs, lambda paths: (paths - gold).abs().sum(dim=(-2, -1))).sum()

    runner, solve = Training(name=name, every=plan.race_every), path_layer(output="map")
    options = {"steps": plan.race_steps, "rate": LEARNING_RATE, "on_step": note}
    with no_solver_warnings():
        runner.run(initial_weights(seed), F.softplus, solve, layer, loss, gold, **options)
    return runner


def view(race: Race) -> View:
    """Curves over steps and over time, the MAP paths while they are learned, and a table."""
    runners = race.runners
    canvases = [
        Canvas(
            f"race-{runner.name}",
            runner.name,
            [comparison(np.concatenate(runner.best).astype(bool), race.gold)],
            note="" if runner.reached is None else f"step {runner.reached}",
        )
        for runner in runners
    ]
    wrong = {runner.name: runner.wrong for runner in runners}
    most = above([max(values) for values in wrong.values()])
    by_step = [
        curves("Wrong cells of the MAP path", wrong, most),
        curves("Share of zero gradient entries", {runner.name: runner.sparsity for runner in runners}, 1),
    ]
    pace = {runner.name: runner.step_seconds for runner in runners}
    charts = Charts([*by_step, curves("The same over time", wrong, most, label="seconds", pace=pace)], 3, 360, 270)
    player = Player(len(runners[0].best), "step", runners[0].steps, runners[0].every)
    film = Film("MAP paths while they are learned", [canvases], 8, player, gap=28)
    winners = {runner.name: runner.reached for runner in runners if runner.reached is not None}
    first = min(winners, key=lambda name: winners[name], default="")
    return View(
        html="<p>Every gradient rule learns the map from its gold path: the same first weights, Adam with the same "
        f"learning rate, {SAMPLES} samples per step for the rules that draw noise; timed on one "
        "thread. Rules from samples of the density "
        "alone (perturbed, score function) have a dense and noisy gradient, for 256 costs at once. <em>simple</em> is "
        "for k-subsets only.</p>" + charts.html() + panels(canvases, 4, "few wide") + _table(runners),
        finding=f"{len(winners)} of {len(runners)} reached the gold path, {first} first (step {winners[first]})"
        if first
        else "nobody reached the gold path",
        facts={"samples": SAMPLES, "estimators": [_facts(runner) for runner in runners]},
        canvases=canvases,
        player=player,
        drawings={**moving("race", film), "race-curves.png": Charts(by_step, 2, 520, 320)},
        stills=["race.png"],
    )


def _table(runners: Sequence[Training]) -> str:
    rows = [
        [
            runner.name,
            step(runner.reached),
            str(runner.wrong[-1]),
            f"{100 * runner.mean_sparsity:.0f} %",
            f"{runner.solves:,}",
            f"{1e3 * runner.step_seconds:.2f} ms",
        ]
        for runner in runners
    ]
    header = [
        "Estimator",
        "MAP path first gold",
        "Wrong cells in the end",
        "Zero entries, mean",
        "Solves",
        "Median step",
    ]
    return table(header, rows)


def _facts(runner: Training) -> dict[str, object]:
    return {
        "name": runner.name,
        "map_first_gold_at_step": runner.reached,
        "final_wrong_cells": float(runner.wrong[-1]),
        "mean_gradient_sparsity": runner.mean_sparsity,
        "solves": runner.solves,
    }


RACE = Section("race", "A race of estimators", lambda plan: len(entrants()) * (plan.race_steps + 1), run, view)
