"""Charts for pages. Their colours follow the page's, light or dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from imle.drawing.charts import REFERENCE, Bars, Chart, Curve

_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 30, 38


def chart_svg(chart: Chart, width: int = 460, height: int = 260) -> str:
    """The chart as an `<svg>` of this shape; it grows and shrinks with its box."""
    across, up = width - _LEFT - _RIGHT, height - _TOP - _BOTTOM
    parts = [f'<text class="name" x="{_LEFT}" y="16">{escape(chart.title)}</text>']
    if chart.note:
        parts.append(f'<text class="note" x="{width - _RIGHT}" y="16" text-anchor="end">{escape(chart.note)}</text>')
    for value, text in chart.y.ticks:
        y = _TOP + up * (1 - chart.y.share(value))
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{width - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{escape(text)}</text>')
    for value, text in chart.x.ticks:
        x = _LEFT + across * chart.x.share(value)
        parts.append(f'<text x="{x:.1f}" y="{height - _BOTTOM + 16}" text-anchor="middle">{escape(text)}</text>')
    parts.append(
        f'<text x="{_LEFT + across / 2:.1f}" y="{height - 5}" text-anchor="middle">{escape(chart.x.label)}</text>'
    )
    if chart.bars is not None:
        parts += _bars(chart, chart.bars, across, up)
    for curve in chart.curves:
        parts += _curve(chart, curve, across, up)
    words = escape(f"{chart.title}; {chart.y.label} by {chart.x.label}")
    return f'<svg class="drawn" viewBox="0 0 {width} {height}" role="img" aria-label="{words}">{"".join(parts)}</svg>'


def legend(curves: Sequence[Curve]) -> str:
    """Names and colours of curves, each name once."""
    named = {curve.name: curve.colour for curve in curves if curve.name}
    items = "".join(
        f'<li><i class="stroke" style="background: {_colour(colour)}"></i>{escape(name)}</li>'
        for name, colour in named.items()
    )
    return f'<ul class="legend">{items}</ul>'


def _colour(colour: int) -> str:
    return "var(--ink)" if colour == REFERENCE else f"var(--series-{colour})"


def _bars(chart: Chart, bars: Bars, across: int, up: int) -> list[str]:
    rectangles = []
    for low, high, value in zip(bars.edges[:-1], bars.edges[1:], bars.heights, strict=True):
        left, right = (_LEFT + across * chart.x.share(edge) for edge in (low, high))
        tall = up * chart.y.share(value)
        rectangles.append(f"M{left:.1f},{_TOP + up}v{-tall:.1f}H{right:.1f}v{tall:.1f}z")
    return [f'<path class="bars" style="fill: {_colour(bars.colour)}" d="{"".join(rectangles)}"/>']


def _curve(chart: Chart, curve: Curve, across: int, up: int) -> list[str]:
    points = [
        (_LEFT + across * chart.x.share(x), _TOP + up * (1 - chart.y.share(y)))
        for x, y in zip(curve.x, curve.y, strict=True)
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    kind = ' class="reference"' if curve.colour == REFERENCE else ""
    parts = [f'<polyline{kind} style="stroke: {_colour(curve.colour)}" points="{path}"/>']
    if curve.dots:
        dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>' for x, y in points)
        parts.append(f'<g style="fill: {_colour(curve.colour)}">{dots}</g>')
    return parts
