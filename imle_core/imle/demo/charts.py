"""Curves of all settings in one picture: the loss, and how many gradient entries are zero."""

from __future__ import annotations

from collections.abc import Sequence

from imle.demo.learning import Recording
from imle.drawing.colours import INK, MUTED, SERIES, WALL
from imle.drawing.sheet import Sheet

_WIDTH, _HEIGHT = 880, 300
_LEFTS, _BREADTH = (56, 504), 350
_TOP, _BOTTOM = 74, 258
_WIDTHS = (1.25, 1.25, 1.25, 4.0, 1.25)  # one per setting: 5 / 5 is wide, for 5 / 0 runs right over it


def loss_limit(recordings: Sequence[Recording]) -> float:
    """The end of the loss axis: the next ten above all losses."""
    return (max(max(recording.loss) for recording in recordings) // 10 + 1) * 10.0


def curves_png(recordings: Sequence[Recording]) -> bytes:
    """Loss on the left, sparsity on the right."""
    sheet = Sheet(_WIDTH, _HEIGHT)
    sheet.text(_LEFTS[0], 29, "input / target noise", colour=MUTED)
    for place, (recording, colour) in enumerate(zip(recordings, SERIES, strict=False)):
        left = _LEFTS[0] + 160 + 90 * place
        sheet.line([(left, 24), (left + 18, 24)], colour=colour, width=3)
        sheet.text(left + 26, 29, recording.setting.name.replace("-", " / "), colour=INK)
    limit = loss_limit(recordings)
    _chart(sheet, _LEFTS[0], "Hamming loss: wrong cells per path", [r.loss for r in recordings], limit, "{:.0f}")
    _chart(sheet, _LEFTS[1], "Share of zero gradient entries", [r.sparsity for r in recordings], 1.0, "{:.1f}")
    return sheet.png()


def _chart(sheet: Sheet, left: int, title: str, curves: Sequence[Sequence[float]], limit: float, form: str) -> None:
    """One chart, its y axis from 0 to the limit and its x axis over all steps."""
    sheet.text(left, _TOP - 12, title, colour=INK, size=14)
    for share in (0.0, 0.5, 1.0):
        y = _BOTTOM - share * (_BOTTOM - _TOP)
        sheet.line([(left, y), (left + _BREADTH, y)], colour=WALL, width=1)
        sheet.text(left - 10, round(y) + 4, form.format(limit * share), colour=MUTED, size=12, align="right")
    steps = max(len(curve) for curve in curves) - 1
    for share in (0.0, 0.5, 1.0):
        x = round(left + share * _BREADTH)
        sheet.text(x, _BOTTOM + 20, f"{steps * share:.0f}", colour=MUTED, size=12, align="middle")
    sheet.text(left + _BREADTH // 4, _BOTTOM + 20, "step", colour=MUTED, size=12, align="middle")
    for curve, colour, width in zip(curves, SERIES, _WIDTHS, strict=False):
        points = [
            (left + _BREADTH * step / steps, _BOTTOM - (_BOTTOM - _TOP) * value / limit)
            for step, value in enumerate(curve)
        ]
        sheet.line(points, colour=colour, width=width)
