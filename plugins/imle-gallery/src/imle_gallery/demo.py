"""The showcase: paths sampled on a map, and a map learned from one path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imle_gallery.charts import Charts, above, curves, plot
from imle_gallery.colours import DARK, SERIES, themed
from imle_gallery.experiments.learning import LAMBDA, LEARNING_RATE, Recording, Setting, learn, spelt
from imle_gallery.experiments.problem import SAMPLES, Sampled, sample_paths, shortest_path, true_weights, walls
from imle_gallery.film import Film, Still
from imle_gallery.page import Words, source
from imle_gallery.show import Section, Shown, Tick
from imle_gallery.view import (
    TILES_LEGEND,
    Canvas,
    Drawing,
    Player,
    View,
    card,
    comparison,
    figure,
    legend,
    panels,
    shades,
    step,
    table,
    terrain,
)

SETTINGS = (Setting(0, 0), Setting(1, 1), Setting(2, 2), Setting(5, 5), Setting(5, 0))
_CURVES = (
    ("stroke", f"background: {themed(SERIES[2])}", "sampled paths"),
    ("stroke", f"background: {themed(SERIES[3])}", "MAP path"),
    ("dashes", "", "MAP path first gold"),
)
OPENING = 1  # the setting that README and page open with: input noise 1, target noise 1


class DemoPlan(NamedTuple):
    """How much to do: settings to learn with, updates of each, and updates between two frames."""

    settings: Sequence[Setting]
    steps: int
    every: int


FULL = DemoPlan(SETTINGS, steps=1000, every=10)
QUICK = DemoPlan(SETTINGS[:2], steps=400, every=10)


class LearnedCosts(NamedTuple):
    """The seed, the shortest path of the map `[16, 16]`, and a recording per setting."""

    seed: int
    gold: NDArray[np.bool_]
    recordings: Sequence[Recording]


def _sample(plan: DemoPlan, *, seed: int, tick: Tick) -> Sampled:
    del plan
    tick("Sampling")
    return sample_paths(seed)


def view_sampling(sampled: Sampled) -> View:
    """The map, each sampled path, and the marginals so far."""
    canvases = [
        Canvas("map", "The map", [terrain(walls())]),
        Canvas("sample", "One sampled path", [terrain(walls(), sampled.paths)]),
        Canvas("mean", "Mean of the samples so far", [shades("probability", sampled.marginals)]),
    ]
    player = Player(len(sampled.paths), "sample", len(sampled.paths), first=1)
    title = f"Sum-of-gamma noise, temperature {sampled.temperature:g}"
    return View(
        intro="<p>Ground costs&nbsp;1 and walls cost&nbsp;100. Add noise to the costs, solve, and repeat: each solve "
        "draws a path, and their mean estimates how likely each cell is to be on one. "
        f"These {len(sampled.paths)} samples are {sampled.distinct} different paths. Of their noisy costs, "
        f"{100 * sampled.clipped:.1f} % fell below zero, where the solver puts zero.</p>",
        html=panels(canvases, 3),
        finding=f"{sampled.distinct} different paths in {len(sampled.paths)} samples",
        facts={**sampled.facts(), "frames": len(sampled.paths)},
        canvases=canvases,
        player=player,
        drawings={"map.png": Still(canvases[0].layers[0], 22), "sampling.gif": Film(title, [canvases], 13, player)},
        stills=["sampling.gif"],
    )


def _learn(plan: DemoPlan, *, seed: int, tick: Tick) -> LearnedCosts:
    gold = shortest_path(true_weights())
    recordings = [
        learn(setting, gold, seed=seed, steps=plan.steps, every=plan.every, on_step=partial(tick, setting.title))
        for setting in plan.settings
    ]
    return LearnedCosts(seed, gold[0].numpy().astype(bool), recordings)


def view_learning(learned: LearnedCosts) -> View:
    """A card per setting, with its panels and its curves."""
    gold, recordings = learned.gold, learned.recordings
    limit = above([max(recording.loss) for recording in recordings])
    player = Player(len(recordings[0].best), "step", recordings[0].steps, recordings[0].every)
    canvases: list[Canvas] = []
    drawings: dict[str, Drawing] = {"gold.png": Still(terrain(walls(), gold), 22)}
    cards = ""
    for place, recording in enumerate(recordings):
        own = _canvases(recording, gold)
        said = replace(own[2], caption=f"Mean of {SAMPLES} samples"), replace(own[4], caption="Costs: bright is cheap")
        canvases += own
        cards += _card(recording, own, limit)
        filmed = [*own[:2], said[0], own[3], said[1]]
        film = Film(recording.setting.title, [filmed], 10, player, stride=2)  # half the frames, half the bytes
        drawings |= {f"learning-{recording.setting.name}.{kind}": film for kind in ("gif", "png")}
        if place == OPENING:
            title = "imle: a map learned by gradient descent through a shortest-path solver"
            drawings["hero.gif"] = Film(title, [[*own[:2], *said]], 12, player, stride=2)
    losses = {f"noise {recording.setting.pair}": recording.loss for recording in recordings}
    map_losses = {f"noise {recording.setting.pair}": recording.wrong for recording in recordings}
    zeros = {f"noise {recording.setting.pair}": recording.sparsity for recording in recordings}
    wide = {f"noise {Setting(5, 5).pair}": 4.0}  # for 5 / 0 runs right over it
    by_step = [
        curves("Loss: wrong cells per sampled path", losses, limit, widths=wide),
        curves("Wrong cells of the MAP path", map_losses, limit, widths=wide),
        curves("Share of zero gradient entries", zeros, 1, widths=wide),
    ]
    drawings["curves.png"] = Charts(by_step, 3, 440, 270)
    return View(
        intro=_LEARNING + legend(*TILES_LEGEND, *_CURVES),
        html=cards + _table(learned),
        finding="\n".join(_finding(recording) for recording in recordings),
        facts={"gold_path": spelt(gold), "settings": [recording.facts() for recording in recordings]},
        canvases=canvases,
        player=player,
        drawings=drawings,
        stills=[f"learning-{recording.setting.name}.png" for recording in recordings],
        opening=(f"marginals-{recordings[OPENING].setting.name}", f"{SAMPLES} sampled paths"),
    )


def _canvases(recording: Recording, gold: NDArray[np.bool_]) -> list[Canvas]:
    name, highest = recording.setting.name, recording.highest_cost
    return [
        Canvas(f"gold-{name}", "Gold path", [comparison(gold, gold)]),
        Canvas(f"sample-{name}", "One sample", [comparison(recording.sample, gold)]),
        Canvas(f"marginals-{name}", "Mean of samples", [shades("probability", recording.marginals)]),
        Canvas(f"best-{name}", "MAP path", [comparison(recording.paths, gold)]),
        Canvas(f"costs-{name}", "Costs", [shades("cost", recording.costs, highest)], f"0 to {highest:.1f}"),
    ]


def _card(recording: Recording, canvases: Sequence[Canvas], limit: float) -> str:
    setting = recording.setting
    verdict = (
        "The MAP path did not become the gold path."
        if recording.reached is None
        else f"The MAP path is the gold path after {recording.reached} steps."
    )
    losses = partial(_curves, recording, {SERIES[2]: recording.loss, SERIES[3]: recording.wrong}, limit)
    zeros = partial(_curves, recording, {SERIES[4]: [100 * share for share in recording.sparsity]}, 100)
    pairs = zip(recording.loss, recording.wrong, strict=True)
    wrong = [f"{sampled:.1f} per sample, {best} in the MAP path" for sampled, best in pairs][:: recording.every]
    shares = [f"{100 * value:.0f} %" for value in recording.sparsity[:: recording.every]]
    charts = [
        figure(plot(draw, 520, 130, cursor=True), caption, _reading(values))
        for draw, caption, values in (
            (losses, "Wrong cells", wrong),
            (zeros, "Zero entries of the gradient", shares),
        )
    ]
    body = panels(canvases, 5) + panels(charts, 2, "charted")
    return card(f"setting-{setting.name}", setting.title, verdict, body)


def _finding(recording: Recording) -> str:
    gold = "not reached" if recording.reached is None else f"gold MAP path after {recording.reached} steps"
    wrong = f"wrong cells at the end: {recording.wrong[-1]} in the MAP path, {recording.loss[-1]:.2f} per sample"
    speed = f"{recording.solves_per_second:,.0f} solves per second"
    return f"{recording.setting.pair}: {gold}; {wrong}; {speed}"


def _reading(values: Sequence[str]) -> str:
    """The value at the cursor."""
    listed = ", ".join(f"&quot;{value}&quot;" for value in values)
    return f'<span data-values="[{listed}]">{values[-1]}</span>'


def _curves(recording: Recording, by_colour: Mapping[str, Sequence[float]], limit: float, axes: Any) -> None:
    """Curves over all states, and a line at the first gold path."""
    if recording.reached is not None:
        axes.axvline(recording.reached, color=DARK["on-gold"], linewidth=1.5, linestyle=(0, (3, 2)))
    for colour, values in by_colour.items():
        axes.plot(values, color=colour, linewidth=1.5, clip_on=False)
    axes.set(xlim=(0, recording.steps), ylim=(0, limit), yticks=[0, limit / 2, limit])


def _table(learned: LearnedCosts) -> str:
    header = ["Input / target noise", "MAP path first gold", "Stays gold from"]
    header += ["Wrong cells of the MAP path", "Wrong cells per sample", "Zero gradient entries", "Noisy costs clipped"]
    rows = [
        [
            one.setting.pair,
            step(one.reached),
            step(one.settled),
            str(one.wrong[-1]),
            f"{one.loss[-1]:.2f}",
            f"{100 * one.sparsity[-1]:.0f} %",
            f"{100 * one.clipped:.1f} %",
        ]
        for one in learned.recordings
    ]
    return table(header, rows, f"After {learned.recordings[0].steps} steps, seed {learned.seed}")


SECTIONS = (
    Section("sampling", "Sampling paths", lambda _: 1, _sample, view_sampling),
    Section("learning", "Learning costs", lambda plan: len(plan.settings) * (plan.steps + 1), _learn, view_learning),
)


def results(shown: Sequence[Shown], seed: int) -> dict[str, Any]:
    """All numbers."""
    sampling, learning = (section.view.facts for section in shown)
    return {
        "seed": seed,
        "samples_per_step": SAMPLES,
        "estimator": {"name": "imle", "lambda": LAMBDA, "alpha": 1.0},
        "optimizer": {"name": "adam", "learning_rate": LEARNING_RATE},
        "sampling": sampling,
        **learning,
    }


_HEADER, _LEARNING, _NOTES = source("demo.html").split("<!-- -->\n")
WORDS = Words("imle demo: learning a map from one path", _HEADER, _NOTES)
