"""The notebooks' look: legible on light and on dark pages."""

from __future__ import annotations

import pytest

matplotlib = pytest.importorskip("matplotlib")
pytest.importorskip("matplotlib.style")

PAGES = {"light": "#ffffff", "dark": "#131416"}  # the theme's


def contrast(one, other):
    """Of two colours, from 1 to 21; WCAG 2.2."""

    def luminance(colour):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in matplotlib.colors.to_rgb(colour)]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    dark, light = sorted(luminance(colour) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_pictures_can_be_read_on_any_page(page):
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    with matplotlib.style.context("imle.plot.notebook"):
        look = dict(matplotlib.rcParams)
    for paper in ("figure.facecolor", "axes.facecolor", "savefig.facecolor"):
        assert matplotlib.colors.to_rgba(look[paper])[3] == 0
    for ink in ("text.color", "axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color"):
        assert contrast(look[ink], page) > 4, ink
    for line in look["axes.prop_cycle"].by_key()["color"]:
        assert contrast(line, page) > 2, line
