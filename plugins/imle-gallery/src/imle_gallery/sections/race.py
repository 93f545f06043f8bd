"""All estimators learn the demo's map from its gold path, each with the learning rate and the noise that suit it."""

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
from imle_gallery.experiments.learning import initial_weights
from imle_gallery.experiments.problem import SAMPLES, no_solver_warnings, noise, path_layer, shortest_path, true_weights
from imle_gallery.experiments.training import Training
from imle_gallery.film import Film
from imle_gallery.plan import GalleryPlan
from imle_gallery.show import Section, Tick
from imle_gallery.view import Canvas, Player, View, comparison, moving, panels, step, table

HELD_OUT = 1000
"""Added to the seed of the race for that of the trials: other first weights, and other noise."""


class RaceSetting(NamedTuple):
    """What is tuned: the learning rate, and for rules that draw noise its temperature."""

    rate: float
    temperature: float | None

    def __str__(self) -> str:
        return f"rate {self.rate:g}" + (f", τ {self.temperature:g}" if self.temperature else "")


class Runner(NamedTuple):
    """An estimator's race, and the setting that was best in its trials."""

    setting: RaceSetting
    training: Training


class Race(NamedTuple):
    """The gold path `[16, 16]`, the steps of a trial, and all estimators in the order of `imle list-estimators`."""

    gold: NDArray[np.bool_]
    trial: int
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


def settings(options: dict[str, Any], plan: GalleryPlan) -> list[RaceSetting]:
    """Those that an estimator tries."""
    drawn = "temperature" in options
    temperatures = [round(options["temperature"] * scale, 6) for scale in plan.race_noise] if drawn else [None]
    return [RaceSetting(rate, temperature) for temperature in temperatures for rate in plan.race_rates]


def work(plan: GalleryPlan) -> int:
    """States of all trials and of the race."""
    each = [
        len(settings(options, plan)) * (plan.race_trial + 1) + plan.race_steps + 1 for options in entrants().values()
    ]
    return sum(each)


def run(plan: GalleryPlan, *, seed: int, tick: Tick) -> Race:
    """One after the other, so that they can be timed."""
    gold = shortest_path(true_weights())
    runners = [_tuned(name, options, gold, plan, seed, tick) for name, options in entrants().items()]
    return Race(gold[0].numpy().astype(bool), plan.race_trial, tuple(runners))


def _tuned(name: str, options: dict[str, Any], gold: Tensor, plan: GalleryPlan, seed: int, tick: Tick) -> Runner:
    """Race with the setting whose trial has the fewest wrong cells, on average over its steps."""
    learned = partial(_learn, name, options, gold)
    note = partial(tick, f"Trials of {name}")
    trials = {
        setting: learned(setting, seed=seed + HELD_OUT, steps=plan.race_trial, every=plan.race_trial, note=note)
        for setting in settings(options, plan)
    }
    best = min(trials, key=lambda setting: sum(trials[setting].wrong))
    note = partial(tick, f"Estimator {name}")
    return Runner(best, learned(best, seed=seed, steps=plan.race_steps, every=plan.race_every, note=note))


def _learn(
    name: str,
    options: dict[str, Any],
    gold: Tensor,
    setting: RaceSetting,
    *,
    seed: int,
    steps: int,
    every: int,
    note: Callable[[], None],
) -> Training:
    noisy = {} if setting.temperature is None else {"temperature": setting.temperature}
    layer = path_layer(estimator=name, generator=torch.Generator().manual_seed(seed + 1), **options | noisy)

    def loss(costs: Tensor) -> Tensor:
        """Mean Hamming distance of the samples; through `expected_loss`, which every rule has."""
        return layer.expected_loss(costs, lambda paths: (paths - gold).abs().sum(dim=(-2, -1))).sum()

    training, solve = Training(name=name, every=every), path_layer(output="map")
    how: dict[str, Any] = {"steps": steps, "rate": setting.rate, "on_step": note}
    with no_solver_warnings():
        training.run(initial_weights(seed), F.softplus, solve, layer, loss, gold, **how)
    return training


def view(race: Race) -> View:
    """Curves over steps and over time, the MAP paths while they are learned, and a table."""
    runners = [runner.training for runner in race.runners]
    canvases = [
        Canvas(
            f"race-{one.name}",
            one.name,
            [comparison(np.concatenate(one.best).astype(bool), race.gold)],
            note="" if one.reached is None else f"step {one.reached}",
            below=f'<p class="numbers">{runner.setting}</p>',
        )
        for runner, one in zip(race.runners, runners, strict=True)
    ]
    wrong = {one.name: one.wrong for one in runners}
    most = above([max(values) for values in wrong.values()])
    by_step = [
        curves("Wrong cells of the MAP path", wrong, most),
        curves("Share of zero gradient entries", {one.name: one.sparsity for one in runners}, 1),
    ]
    pace = {one.name: one.step_seconds for one in runners}
    over_time = curves("The same over time", wrong, most, label="seconds", pace=pace)
    charts = Charts([*by_step, over_time], 3, 360, 270, over_steps=len(by_step))
    player = Player(len(runners[0].best), "step", runners[0].steps, runners[0].every)
    film = Film("MAP paths; rate and noise of each tuned on another seed", [canvases], 8, player, gap=28)
    winners = {one.name: one.reached for one in runners if one.reached is not None}
    first = min(winners, key=lambda name: winners[name], default="")
    return View(
        intro="<p>Every gradient rule learns the map from its gold path: the same first weights, Adam, "
        f"{SAMPLES} samples per step for the rules that draw noise; timed on one thread. The learning rate and the "
        "temperature of the noise are tuned per rule, on a held-out seed with other first weights and other noise: "
        f"those with the fewest wrong cells, on average over {race.trial} steps. One path is an easy lesson: a few "
        "large steps teach it to the rules that use the gradient of the loss. Rules from samples of the density alone "
        "(perturbed, score function) have a dense and noisy gradient, for 256 costs at once. <em>simple</em> is for "
        "k-subsets only.</p>",
        html=charts.html() + panels(canvases, 4, "few wide") + _table(race.runners),
        finding=f"{len(winners)} of {len(runners)} reached the gold path, {first} first (step {winners[first]})"
        if first
        else "nobody reached the gold path",
        facts={
            "samples": SAMPLES,
            "held_out_seed_is_seed_plus": HELD_OUT,
            "steps_of_a_trial": race.trial,
            "estimators": [_facts(runner) for runner in race.runners],
        },
        canvases=canvases,
        player=player,
        drawings={**moving("race", film), "race-curves.png": Charts(by_step, 2, 520, 320)},
        stills=["race.png"],
    )


def _table(runners: Sequence[Runner]) -> str:
    rows = [
        [
            one.name,
            f"{setting.rate:g}",
            "" if setting.temperature is None else f"{setting.temperature:g}",
            step(one.reached),
            str(one.wrong[-1]),
            f"{100 * one.mean_sparsity:.0f} %",
            f"{one.solves:,}",
            f"{1e3 * one.step_seconds:.2f} ms",
        ]
        for setting, one in runners
    ]
    header = [
        "Estimator",
        "Learning rate, tuned",
        "Temperature, tuned",
        "MAP path first gold",
        "Wrong cells in the end",
        "Zero entries, mean",
        "Solves",
        "Median step",
    ]
    return table(header, rows)


def _facts(runner: Runner) -> dict[str, object]:
    setting, one = runner
    return {
        "name": one.name,
        "learning_rate": setting.rate,
        "temperature": setting.temperature,
        "map_first_gold_at_step": one.reached,
        "final_wrong_cells": float(one.wrong[-1]),
        "mean_gradient_sparsity": one.mean_sparsity,
        "solves": one.solves,
    }


RACE = Section("race", "A race of estimators", work, run, view)
