"""Sampled paths, one by one, and marginals of many."""

from __future__ import annotations

from imle.demo.problem import SIDE
from imle.demo.sampling import Sampled
from imle.drawing import panels as blocks
from imle.drawing.sheet import Sheet
from imle.drawing.strip import Strip
from imle.drawing.web import bits, levels
from imle.gallery.experiments.paths import Drawn, Gathered
from imle.gallery.view import Canvas, Layer, Player, View, panels, rounded

_SHAPE = (SIDE, SIDE)


def sampled(gathered: Gathered) -> View:
    """One path after the other, above the mean of those so far, a column per temperature."""
    number = len(gathered.drawn[0].sampled.paths)
    paths = [
        Canvas(
            f"paths-{place}",
            f"τ = {drawn.temperature:g}",
            _SHAPE,
            [Layer("path", "map", bits(drawn.sampled.paths), mask="walls")],
            note=_different(drawn.sampled),
        )
        for place, drawn in enumerate(gathered.drawn)
    ]
    means = [
        Canvas(
            f"means-{place}",
            "",
            _SHAPE,
            [Layer("mean", "probability", levels(list(drawn.sampled.marginals)))],
        )
        for place, drawn in enumerate(gathered.drawn)
    ]
    canvases = [*paths, *means]
    return View(
        html="<p>Ground costs&nbsp;1 and walls cost&nbsp;100; costs with sum-of-gamma noise on them go into the "
        "solver, and out comes a path from corner to corner. "
        "τ is the temperature of the noise. Below each path is the mean of the paths so far.</p>"
        + panels([canvas.figure() for canvas in canvases], len(paths), "wide"),
        finding="; ".join(f"{_different(drawn.sampled)} at {drawn.temperature:g}" for drawn in gathered.drawn),
        facts={"samples": number, "temperatures": [_facts(drawn) for drawn in gathered.drawn]},
        canvases=canvases,
        masks={"walls": bits([gathered.walls])},
        player=Player(number, "sample", 1, 1, number),
        drawings={"paths": _frames(gathered, number)},
        stills=["paths"],
    )


def marginals(gathered: Gathered) -> View:
    """The mean of many paths, a picture per temperature."""
    canvases = [
        Canvas(
            f"marginals-{place}",
            f"τ = {drawn.temperature:g}",
            _SHAPE,
            [Layer("mean", "probability", levels([drawn.mean]))],
            note=_different(drawn.sampled),
        )
        for place, drawn in enumerate(gathered.drawn)
    ]
    number = len(gathered.drawn[0].sampled.paths)
    captions = [f"temperature {drawn.temperature:g}" for drawn in gathered.drawn]
    strip = Strip(f"Mean of {number:,} sampled paths", captions, cell=12, shape=_SHAPE)
    shown = [blocks.probabilities(drawn.mean, strip.cell) for drawn in gathered.drawn]
    last = gathered.drawn[-1]
    clipped = f"{100 * last.sampled.clipped:.0f}&nbsp;% at temperature {last.temperature:g}"
    return View(
        html=f"<p>How often each of {number:,} sampled paths enters each cell, and how many of them differ. The louder "
        "the noise, the longer the detours; costs that the noise pushes below zero are solved as zero "
        f"({clipped}).</p>" + panels([canvas.figure() for canvas in canvases], len(canvases)),
        finding=f"{number:,} paths at each of {len(canvases)} temperatures, up to {last.sampled.distinct:,} different",
        facts={"samples": number, "temperatures": [_facts(drawn) for drawn in gathered.drawn]},
        canvases=canvases,
        drawings={"marginals": [strip.frame(shown, "dark 0, bright 1", None)]},
        stills=["marginals"],
    )


def _frames(gathered: Gathered, number: int) -> list[Sheet]:
    captions = [f"noise temperature {drawn.temperature:g}" for drawn in gathered.drawn]
    title = "Sampled paths, and their mean so far"
    strip = Strip(title, captions, cell=12, shape=_SHAPE, rows=["path", "mean so far"])
    running = [drawn.sampled.marginals for drawn in gathered.drawn]
    frames = []
    for index in range(number):
        top = [blocks.terrain(gathered.walls, strip.cell, drawn.sampled.paths[index]) for drawn in gathered.drawn]
        bottom = [blocks.probabilities(mean[index], strip.cell) for mean in running]
        frames.append(strip.frame([*top, *bottom], f"sample {index + 1} of {number}", (index + 1) / number))
    return frames


def _different(sampled: Sampled) -> str:
    return "1 path" if sampled.distinct == 1 else f"{sampled.distinct:,} different"


def _facts(drawn: Drawn) -> dict[str, float]:
    return {
        "temperature": drawn.temperature,
        "distinct_paths": drawn.sampled.distinct,
        "mean_cells": rounded(drawn.sampled.paths.sum(axis=(1, 2)).mean()),
        "clipped_costs": rounded(drawn.sampled.clipped),
    }
