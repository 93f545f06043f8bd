"""Charts as pictures."""

from __future__ import annotations

from collections.abc import Sequence

from imle.drawing.charts import REFERENCE, Chart, Curve
from imle.drawing.colours import INK, MUTED, PALETTE, SERIES, SHADES, WALL
from imle.drawing.sheet import Sheet

_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 34, 40
_LEGEND, _ROW = 30, 22
_DIM = SHADES // 2  # of a histogram: half way from the background to its colour


def charts_sheet(charts: Sequence[Chart], columns: int, *, width: int = 460, height: int = 280) -> Sheet:
    """Charts side by side and below each other, above them a legend of all their curves."""
    named = {curve.name: curve for chart in charts for curve in chart.curves if curve.name}
    rows = -(-len(charts) // columns)
    per_row = max(1, width * columns // 230)
    top = _LEGEND + _ROW * (-(-len(named) // per_row)) if named else 8
    sheet = Sheet(width * columns, top + height * rows)
    for place, (name, curve) in enumerate(named.items()):
        x, y = _LEFT + 230 * (place % per_row), _LEGEND + _ROW * (place // per_row)
        sheet.line([(x, y - 5), (x + 18, y - 5)], colour=_colour(curve), width=3)
        sheet.text(x + 26, y, name)
    for place, chart in enumerate(charts):
        draw_chart(sheet, chart, width * (place % columns), top + height * (place // columns), width, height)
    return sheet


def draw_chart(sheet: Sheet, chart: Chart, left: int, top: int, width: int, height: int) -> None:
    """One chart in its rectangle."""
    x0, y0 = left + _LEFT, top + _TOP
    across, up = width - _LEFT - _RIGHT, height - _TOP - _BOTTOM
    sheet.text(x0, top + 20, chart.title, size=14)
    if chart.note:
        sheet.text(x0 + across, top + 20, chart.note, colour=MUTED, size=12, align="right")
    for value, text in chart.y.ticks:
        y = y0 + up * (1 - chart.y.share(value))
        sheet.line([(x0, y), (x0 + across, y)], colour=WALL, width=1)
        sheet.text(x0 - 8, round(y) + 4, text, colour=MUTED, size=12, align="right")
    for value, text in chart.x.ticks:
        at = round(x0 + across * chart.x.share(value))
        sheet.text(at, y0 + up + 17, text, colour=MUTED, size=12, align="middle")
    sheet.text(x0 + across // 2, y0 + up + 34, chart.x.label, colour=MUTED, size=12, align="middle")
    if (bars := chart.bars) is not None:
        for low, high, value in zip(bars.edges[:-1], bars.edges[1:], bars.heights, strict=True):
            edges = [x0 + round(across * chart.x.share(edge)) for edge in (low, high)]
            tall = round(up * chart.y.share(value))
            index = PALETTE.shades(SERIES[bars.colour]) + _DIM
            sheet.fill(edges[0], y0 + up - tall, edges[1] - edges[0], tall, index)
    for curve in chart.curves:
        points = [
            (x0 + across * chart.x.share(x), y0 + up * (1 - chart.y.share(y)))
            for x, y in zip(curve.x, curve.y, strict=True)
        ]
        sheet.line(points, colour=_colour(curve), width=1.25 if curve.colour == REFERENCE else 1.75)
        for x, y in points if curve.dots else ():
            sheet.fill(round(x) - 1, round(y) - 1, 4, 4, PALETTE.shades(_colour(curve)) + SHADES - 1)


def _colour(curve: Curve) -> str:
    return INK if curve.colour == REFERENCE else SERIES[curve.colour]
