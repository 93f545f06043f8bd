"""Marginals against the exact ones."""

from __future__ import annotations

from collections.abc import Sequence

from imle.drawing import panels as blocks
from imle.drawing.chart_sheet import charts_sheet
from imle.drawing.chart_svg import chart_svg, legend
from imle.drawing.charts import REFERENCE, Chart, decades, linear
from imle.drawing.charts import Curve as Line
from imle.drawing.sheet import Sheet
from imle.drawing.strip import Strip
from imle.drawing.web import levels
from imle.gallery.experiments.error import SHOWN, Errors
from imle.gallery.view import Canvas, Layer, View, panels, rounded

_FLOOR = "exact samples, as many"


def view(problems: Sequence[Errors]) -> View:
    """A chart per problem, and the marginals of one temperature."""
    limit = max(max(curve.errors) for errors in problems for curve in errors.curves)
    charts = [_chart(errors, limit) for errors in problems]
    canvases = [canvas for number, errors in enumerate(problems) for canvas in _canvases(number, errors)]
    columns = len(canvases) // len(problems)
    figures = [canvas.figure() for canvas in canvases]
    ones = ", ".join(f"{errors.ones} for {errors.title}" for errors in problems)
    lists = "".join(
        f'<h3 class="above">{errors.title}, marginals at τ = {SHOWN:g}</h3>'
        + panels(figures[number * columns : (number + 1) * columns], columns)
        for number, errors in enumerate(problems)
    )
    return View(
        html="<p>Perturb-and-MAP stands in for the exponential family p(z)&nbsp;∝&nbsp;exp(⟨θ,&nbsp;z⟩/τ). On two "
        "problems the family's marginals can be summed exactly; the charts show how far the estimate from "
        f"{problems[0].draws:,} samples is from them, on average over entries, and what as many exact samples would "
        "leave. Noise on entries is not noise on solutions: those that share entries share their noise. So κ draws of "
        "sum-of-gamma noise add up to Gumbel noise, and yet the samples are too cold wherever solutions overlap. "
        f"|z| is the number of ones of a solution: {ones}.</p>"
        + legend([curve for chart in charts for curve in chart.curves])
        + panels([f"<figure>{chart_svg(chart, 520, 300)}</figure>" for chart in charts], len(charts), "charted")
        + lists,
        finding="; ".join(_best(errors) for errors in problems),
        facts={"problems": [_facts(errors) for errors in problems]},
        canvases=canvases,
        drawings={
            "marginal-error": [charts_sheet(charts, len(charts), width=560, height=320)],
            **{f"exact-marginals-{number + 1}": [_strip(errors)] for number, errors in enumerate(problems)},
        },
        stills=[f"exact-marginals-{number + 1}" for number in range(len(problems))],
    )


def _chart(errors: Errors, limit: float) -> Chart:
    x = decades(errors.temperatures[0], errors.temperatures[-1], "temperature τ")
    step = 0.1 if limit > 0.15 else 0.05
    steps = int(limit // step) + 1
    y = linear(0.0, step * steps, "mean absolute error of the marginals", steps=steps, form="{:.2f}")
    curves = [
        Line(curve.name, errors.temperatures, curve.errors, place, dots=True)
        for place, curve in enumerate(errors.curves)
    ]
    return Chart(
        errors.title,
        x,
        y,
        [*curves, Line(_FLOOR, errors.temperatures, errors.floor, REFERENCE)],
        note="mean absolute error",
    )


def _canvases(number: int, errors: Errors) -> list[Canvas]:
    shown = {"exact": errors.exact, **{curve.name: curve.shown for curve in errors.curves}}
    return [
        Canvas(
            f"error-{number}-{place}",
            name.removeprefix("sum-of-gamma, "),
            _grid(values.shape),
            [Layer("marginals", "probability", levels([values.reshape(_grid(values.shape))]))],
        )
        for place, (name, values) in enumerate(shown.items())
    ]


def _grid(shape: tuple[int, ...]) -> tuple[int, int]:
    return (shape[0], shape[1]) if len(shape) == 2 else (1, shape[0])


def _strip(errors: Errors) -> Sheet:
    shape = _grid(errors.exact.shape)
    names = ["exact", *(curve.name for curve in errors.curves)]
    cell = 176 // shape[1]
    strip = Strip(f"{errors.title}: marginals at temperature {SHOWN:g}", names, cell=cell, shape=shape)
    values = [errors.exact, *(curve.shown for curve in errors.curves)]
    return strip.frame([blocks.probabilities(v.reshape(shape), cell) for v in values], "dark 0, bright 1", None)


def _best(errors: Errors) -> str:
    at = errors.temperatures.index(min(errors.temperatures, key=lambda tau: abs(tau - 1.0)))
    best = min(errors.curves, key=lambda curve: curve.errors[at])
    return f"{errors.title}: {best.name} is closest at τ = {errors.temperatures[at]:g}, {best.errors[at]:.3f}"


def _facts(errors: Errors) -> dict[str, object]:
    return {
        "problem": errors.title,
        "samples": errors.draws,
        "temperatures": list(errors.temperatures),
        "exact_samples": [rounded(value) for value in errors.floor],
        "errors": {curve.name: [rounded(value) for value in curve.errors] for curve in errors.curves},
    }
