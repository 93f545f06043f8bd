"""Charts put points where their values are, in colours of their own."""

from __future__ import annotations

import io
import re
from functools import partial

import numpy as np
import pytest
from PIL import Image, ImageColor

from imle_gallery.charts import REFERENCE, Charts, above, curves, plot
from imle_gallery.colours import DARK, SERIES, THEME


def draw(axes, lines=(), bars=None):
    """Curves by name, on axes from 0 to 10 and from 0 to 2; bars by height."""
    for name, (x, y, options) in dict(lines).items():
        axes.plot(x, y, label=name, **options)
    if bars:
        axes.stairs(bars, np.linspace(0, 10, len(bars) + 1), fill=True, color=SERIES[3])
    axes.set(title="a < b", xlabel="x", xlim=(0, 10), ylim=(0, 2))


def points(svg, colour):
    """Of the line of a colour."""
    (path,) = [
        d for d, style in re.findall(r'<path d="([^"]*)"[^>]* style="([^"]*)"', svg) if f"stroke: {colour}" in style
    ]
    return [tuple(map(float, pair)) for pair in re.findall(r"[ML] ([\d.-]+) ([\d.-]+)", path)]


@pytest.mark.parametrize(("most", "limit"), [(0, 1), (1, 1), (57, 60), (0.031, 0.04), (9.5, 10), (1.2, 1.5)])
def test_above(most, limit):
    assert above([0, most]) == pytest.approx(limit)


def test_a_plot_has_its_points_in_proportion():
    lines = {"c": ([0, 5, 10], [0, 1, 1], {"color": SERIES[1]}), "r": ([0, 10], [2, 2], REFERENCE)}
    html = plot(partial(draw, lines=lines), 300, 200, cursor=True)
    first, middle, last = points(html, "var(--series-1)")
    left, right = points(html, "var(--ink)")
    assert middle[0] == pytest.approx((first[0] + last[0]) / 2, abs=0.1)
    assert middle[1] == pytest.approx((first[1] + left[1]) / 2, abs=0.1)  # 1 is half of 2, and up is less
    shares = [float(found) for found in re.findall(r"--(?:from|to): ([\d.]+)", html)]
    assert shares == pytest.approx([left[0] / 300, right[0] / 300], abs=1e-3)  # where the cursor begins and ends
    assert "a &lt; b; x" in html
    assert 'class="cursor"' in html


def test_a_plot_has_the_colours_of_its_page():
    lines = {str(place): ([0, 10], [0, 1], {"color": colour}) for place, colour in enumerate(SERIES)}
    html = plot(partial(draw, lines=lines, bars=[1, 2]), 300, 200)
    assert re.findall(r"#[0-9a-f]{6}", html) == []
    assert set(re.findall(r"var\(--([\w-]+)\)", html)) <= set(THEME)


def test_a_bare_plot_fills_its_box():
    html = plot(curves("", {"c": [0, 0.5, 1]}, 1, colours=[SERIES[1]]), 300, 200, bare=True)
    assert points(html, "var(--series-1)") == [(0, 200), (150, 100), (300, 0)]
    assert "<text" not in html


def test_the_legend_names_each_curve_once():
    lines = {"a&b": ([0], [0], {"color": SERIES[0]}), "r": ([0], [0], REFERENCE)}
    html = Charts([partial(draw, lines=lines)] * 2, 2).html()
    assert re.findall(r'style="background: (.*?)"></i>([^<]*)</li>', html) == [
        ("var(--series-0)", "a&amp;b"),
        ("var(--ink)", "r"),
    ]
    assert html.count("<svg") == 2


def test_curves_may_have_steps_of_their_own_length():
    draws = curves("t", {"a": [0, 2, 1], "b": [0, 2, 1]}, 2, pace={"a": 1.0, "b": 0.5}, note="n")
    html = plot(draws, 300, 200)
    slow, fast = (points(html, f"var(--series-{place})") for place in (0, 1))
    assert [y for _, y in slow] == [y for _, y in fast]
    assert fast[-1][0] - fast[0][0] == pytest.approx((slow[-1][0] - slow[0][0]) / 2, abs=0.1)


def pixels(charts):
    with Image.open(io.BytesIO(charts.file("png"))) as image:
        return np.asarray(image.convert("RGB"))


def test_a_picture_draws_curves_and_bars_in_their_colours():
    lines = {"": ([0, 10], [1, 1], {"color": SERIES[1], "linewidth": 3})}
    picture = pixels(Charts([partial(draw, lines=lines, bars=[2.0, 0.0])], 1))
    gold, blue = (np.argwhere((picture == ImageColor.getrgb(colour)).all(axis=2)) for colour in (SERIES[1], SERIES[3]))
    assert abs((blue[:, 0].min() + blue[:, 0].max()) / 2 - gold[:, 0].mean()) < 2  # 1 is half of 2
    assert blue[:, 1].max() < (gold[:, 1].min() + gold[:, 1].max()) / 2 + 2  # the second bar is empty
    assert (picture[0, 0] == ImageColor.getrgb(DARK["card"])).all()


def test_charts_are_laid_out_in_columns():
    one, four = (pixels(Charts([draw] * number, 2, 360, 216)).shape for number in (1, 4))
    assert one[1] == four[1] == 1000
    assert four[0] - one[0] == 300
