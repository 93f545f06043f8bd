"""Charts as SVG and as pictures put points where their values are."""

from __future__ import annotations

import re

import numpy as np
import pytest

from imle.drawing.chart_sheet import charts_sheet
from imle.drawing.chart_svg import chart_svg, legend
from imle.drawing.charts import REFERENCE, Axis, Bars, Chart, Curve, above, decades, linear
from imle.drawing.colours import INK, PALETTE, SERIES, rgb
from imle.drawing.sheet import Sheet, text_width


def chart(curves, bars=None):
    return Chart("a < b", linear(0, 10, "x"), linear(0, 2, "y"), curves, bars, note="note")


def points(svg):
    return [
        [tuple(map(float, pair.split(","))) for pair in found.split()]
        for found in re.findall(r'<polyline[^>]* points="([^"]*)"', svg)
    ]


def test_axes():
    assert linear(0, 10, "x").ticks == [(0, "0"), (5, "5"), (10, "10")]
    axis = decades(0.05, 20, "t")
    assert [text for _, text in axis.ticks] == ["0.1", "1", "10"]
    assert axis.share(1.0) == pytest.approx(np.log(20) / np.log(400))
    assert (axis.share(0.01), axis.share(100.0)) == (0, 1)
    assert Axis(-1, 3, "", []).share(0) == 0.25


@pytest.mark.parametrize(("most", "limit"), [(0, 1), (1, 1), (57, 60), (0.031, 0.04), (9.5, 10), (1.2, 1.5)])
def test_above(most, limit):
    assert above([0, most]) == pytest.approx(limit)


def test_svg_has_its_points_in_proportion():
    svg = chart_svg(chart([Curve("c", [0, 5, 10], [0, 1, 2], 1, dots=True), Curve("", [0, 10], [2, 2], REFERENCE)]))
    (first, middle, last), reference = points(svg)
    assert middle == pytest.approx(((first[0] + last[0]) / 2, (first[1] + last[1]) / 2), abs=0.1)
    assert first[1] > last[1]  # up is less
    assert [y for _, y in reference] == [last[1]] * 2
    assert svg.count("<circle") == 3
    assert "a &lt; b" in svg
    assert "var(--series-1)" in svg
    assert "var(--ink)" in svg


def test_legend_names_each_curve_once():
    curves = [Curve("a&b", [], [], 0), Curve("a&b", [], [], 0), Curve("", [], [], 1), Curve("r", [], [], REFERENCE)]
    assert re.findall(r"</i>([^<]*)</li>", legend(curves)) == ["a&amp;b", "r"]


def test_a_sheet_draws_curves_and_bars_in_their_colours():
    bars = Bars([0, 5, 10], [2.0, 0.0], 3)
    sheet = charts_sheet([chart([Curve("c", [0, 10], [1, 1], 1)], bars)], 1)
    picture = PALETTE.colours[sheet.pixels]
    gold = (picture == rgb(SERIES[1])).all(axis=2)
    rows = np.flatnonzero(gold[60:].any(axis=1)) + 60  # below the legend
    blue = np.argwhere(sheet.pixels == PALETTE.shades(SERIES[3]) + 4)
    assert len(rows) in (1, 2)
    assert blue[:, 0].min() < rows[0] < blue[:, 0].max()
    assert abs((blue[:, 0].min() + blue[:, 0].max()) / 2 - rows.mean()) < 2  # 1 is half of 2
    left, right = np.flatnonzero(gold[rows[0]])[[0, -1]]
    assert blue[:, 1].max() < (left + right) / 2 + 2  # the second bar is empty


def test_charts_are_laid_out_in_columns():
    one = charts_sheet([chart([])], 2).pixels.shape
    four = charts_sheet([chart([])] * 4, 2).pixels.shape
    assert one[1] == four[1] == 2 * 460
    assert four[0] - one[0] == 280


def test_lines_and_texts_that_leave_the_sheet_are_cut_off():
    sheet = Sheet(20, 10)
    sheet.line([(-5, 5), (40, 5)], colour=INK, width=3)
    assert (sheet.pixels[5] == PALETTE.shades(INK) + 7).all()
    sheet.line([(50, 50), (60, 60)], colour=INK)
    sheet.text(-4, 5, "much too long for this sheet")
    sheet.text(2, -50, "above")


def test_letters_that_the_font_lacks_are_spelt():
    greek, spelt = Sheet(200, 30), Sheet(200, 30)
    greek.text(5, 20, "κ = 1, τ")
    spelt.text(5, 20, "kappa = 1, tau")
    assert (greek.pixels == spelt.pixels).all()
    assert text_width("κ") == text_width("kappa")
