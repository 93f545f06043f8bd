"""The race of the estimators."""

from __future__ import annotations

from collections.abc import Sequence

from imle.demo.problem import SAMPLES, SIDE
from imle.drawing import panels as blocks
from imle.drawing.chart_sheet import charts_sheet
from imle.drawing.chart_svg import chart_svg, legend
from imle.drawing.charts import Chart, Curve, above, linear
from imle.drawing.sheet import Sheet
from imle.drawing.strip import Strip
from imle.drawing.web import bits
from imle.gallery.experiments.race import Race, Runner
from imle.gallery.view import Canvas, Layer, Player, View, panels, rounded, table

_SHAPE = (SIDE, SIDE)
_POINTS = 200  # of a curve


def view(race: Race) -> View:
    """Curves over steps and over time, the MAP paths while they are learned, and a table."""
    canvases = [
        Canvas(
            f"race-{runner.name}",
            runner.name,
            _SHAPE,
            [Layer("MAP path", "compare", bits(runner.best), mask="gold")],
            note="" if runner.reached is None else f"step {runner.reached}",
        )
        for runner in race.runners
    ]
    runners, steps = race.runners, len(race.runners[0].loss) - 1
    by_step = [_loss(runners), _sparsity(runners)]
    charts = [*by_step, _over_time(runners)]
    winners = [runner for runner in runners if runner.reached is not None]
    first = min(winners, key=lambda runner: runner.reached or 0, default=None)
    return View(
        html="<p>Every gradient rule learns the map from its gold path: the same first weights, Adam with the same "
        f"learning rate, {SAMPLES} samples per step for the rules that draw noise; timed on one "
        "thread. Rules from samples of the density "
        "alone (perturbed, score function) have a dense and noisy gradient, for 256 costs at once. <em>simple</em> is "
        "for k-subsets only.</p>"
        + legend(charts[0].curves)
        + panels([f"<figure>{chart_svg(chart, 360, 270)}</figure>" for chart in charts], len(charts), "charted")
        + panels([canvas.figure() for canvas in canvases], 4, "wide")
        + _table(runners),
        finding="nobody reached the gold path"
        if first is None
        else f"{len(winners)} of {len(runners)} reached the gold path, {first.name} first (step {first.reached})",
        facts={"samples": SAMPLES, "estimators": [_facts(runner) for runner in runners]},
        canvases=canvases,
        masks={"gold": bits([race.gold])},
        player=Player(len(runners[0].best), "step", 0, race.every, steps),
        drawings={"race": _frames(race), "race-curves": [charts_sheet(by_step, 2, width=520, height=320)]},
        stills=["race"],
    )


def _thinned(values: Sequence[float]) -> tuple[list[int], list[float]]:
    """At most `_POINTS` + 2 of them, the first and the last among them, and where they were."""
    stride = max(1, len(values) // _POINTS)
    at = sorted({*range(0, len(values), stride), len(values) - 1})
    return at, [values[index] for index in at]


def _loss(runners: Sequence[Runner]) -> Chart:
    limit = above([max(runner.loss) for runner in runners])
    return Chart(
        "Wrong cells of the MAP path",
        linear(0, len(runners[0].loss) - 1, "step", form="{:.0f}"),
        linear(0, limit, "wrong cells", form="{:.0f}"),
        [Curve(runner.name, *_thinned(runner.loss), place) for place, runner in enumerate(runners)],
    )


def _sparsity(runners: Sequence[Runner]) -> Chart:
    return Chart(
        "Share of zero gradient entries",
        linear(0, len(runners[0].loss) - 1, "step", form="{:.0f}"),
        linear(0, 1, "share", form="{:.1f}"),
        [Curve(runner.name, *_thinned(runner.sparsity), place) for place, runner in enumerate(runners)],
    )


def _over_time(runners: Sequence[Runner]) -> Chart:
    """Wrong cells over the time that the steps took."""
    seconds = above([runner.seconds * (len(runner.loss) - 1) for runner in runners])
    curves = []
    for place, runner in enumerate(runners):
        at, loss = _thinned(runner.loss)
        curves.append(Curve(runner.name, [runner.seconds * step for step in at], loss, place))
    limit = above([max(runner.loss) for runner in runners])
    return Chart(
        "The same over time",
        linear(0, seconds, "seconds", form="{:.2g}"),
        linear(0, limit, "wrong cells", form="{:.0f}"),
        curves,
    )


def _table(runners: Sequence[Runner]) -> str:
    rows = [
        [
            runner.name,
            '<span class="no">not yet</span>' if runner.reached is None else f"step {runner.reached}",
            f"{runner.loss[-1]:.0f}",
            f"{100 * sum(runner.sparsity) / len(runner.sparsity):.0f} %",
            f"{runner.solves:,}",
            f"{1e3 * runner.seconds:.2f} ms",
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


def _frames(race: Race) -> list[Sheet]:
    names = [runner.name for runner in race.runners]
    strip = Strip("MAP paths while they are learned", names, cell=8, shape=_SHAPE, gap=28)
    steps = len(race.runners[0].loss) - 1
    sheets = []
    for frame in range(len(race.runners[0].best)):
        step = frame * race.every
        shown = [blocks.comparison(runner.best[frame], race.gold, strip.cell) for runner in race.runners]
        sheets.append(strip.frame(shown, f"step {step} of {steps}", step / steps))
    return sheets


def _facts(runner: Runner) -> dict[str, object]:
    return {
        "name": runner.name,
        "map_first_gold_at_step": runner.reached,
        "final_wrong_cells": runner.loss[-1],
        "mean_gradient_sparsity": rounded(sum(runner.sparsity) / len(runner.sparsity)),
        "solves": runner.solves,
    }
