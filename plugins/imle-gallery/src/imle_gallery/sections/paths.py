"""Paths sampled on the demo's map, one by one, and marginals of many, from no noise to loud noise."""

from __future__ import annotations

from collections.abc import Sequence

from imle_gallery.experiments.problem import Sampled, sample_paths, walls
from imle_gallery.film import Film
from imle_gallery.plan import GalleryPlan
from imle_gallery.show import Section, Tick
from imle_gallery.view import Canvas, Player, View, moving, panels, shades, terrain

MARGINAL_TEMPERATURES = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)


def one_by_one(plan: GalleryPlan, *, seed: int, tick: Tick) -> list[Sampled]:
    """A few paths per temperature, to be shown one by one."""
    return _gather(plan.temperatures, plan.paths, seed, tick)


def marginals(plan: GalleryPlan, *, seed: int, tick: Tick) -> list[Sampled]:
    """Many paths per temperature."""
    return _gather(MARGINAL_TEMPERATURES, plan.draws, seed, tick)


def _gather(temperatures: Sequence[float], samples: int, seed: int, tick: Tick) -> list[Sampled]:
    drawn = []
    for temperature in temperatures:
        drawn.append(sample_paths(seed, temperature, samples))
        tick(f"Paths at temperature {temperature:g}")
    return drawn


def view_one_by_one(drawn: Sequence[Sampled]) -> View:
    """One path after the other, above the mean of those so far, a column per temperature."""
    paths = [
        Canvas(f"paths-{place}", f"τ = {one.temperature:g}", [terrain(walls(), one.paths)], note=_different(one))
        for place, one in enumerate(drawn)
    ]
    means = [Canvas(f"means-{place}", "", [shades("probability", one.marginals)]) for place, one in enumerate(drawn)]
    number = len(drawn[0].paths)
    player = Player(number, "sample", number, first=1)
    film = Film("Sampled paths, and their mean so far", [paths, means], 12, player, names=["path", "mean so far"])
    return View(
        intro="<p>Ground costs&nbsp;1 and walls cost&nbsp;100; costs with sum-of-gamma noise on them go into the "
        "solver, and out comes a path from corner to corner. "
        "τ is the temperature of the noise. Below each path is the mean of the paths so far.</p>",
        html=panels([*paths, *means], len(drawn), "few wide"),
        finding="; ".join(f"{_different(one)} at {one.temperature:g}" for one in drawn),
        facts={"samples": number, "temperatures": [one.facts() for one in drawn]},
        canvases=[*paths, *means],
        player=player,
        drawings=moving("paths", film),
        stills=["paths.png"],
    )


def view_marginals(drawn: Sequence[Sampled]) -> View:
    """The mean of many paths, a picture per temperature."""
    canvases = [
        Canvas(f"marginals-{place}", f"τ = {one.temperature:g}", [shades("probability", one.mean)], _different(one))
        for place, one in enumerate(drawn)
    ]
    number, last = len(drawn[0].paths), drawn[-1]
    clipped = f"{100 * last.clipped:.0f}&nbsp;% at temperature {last.temperature:g}"
    return View(
        intro=f"<p>How often each of {number:,} sampled paths enters each cell, and how many of them differ. The "
        "louder the noise, the longer the detours; costs that the noise pushes below zero are solved as zero "
        f"({clipped}).</p>",
        html=panels(canvases, len(canvases), "few"),
        finding=f"{number:,} paths at each of {len(canvases)} temperatures, up to {last.distinct:,} different",
        facts={"samples": number, "temperatures": [one.facts() for one in drawn]},
        canvases=canvases,
        drawings={"marginals.png": Film(f"Mean of {number:,} sampled paths", [canvases], 12, note="dark 0, bright 1")},
        stills=["marginals.png"],
    )


def _different(sampled: Sampled) -> str:
    return "1 path" if sampled.distinct == 1 else f"{sampled.distinct:,} different"


PATHS = Section("paths", "Sampled paths", lambda plan: len(plan.temperatures), one_by_one, view_one_by_one)
MARGINALS = Section("marginals", "Marginals", lambda _: len(MARGINAL_TEMPERATURES), marginals, view_marginals)
