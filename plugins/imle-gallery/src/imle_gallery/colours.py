"""The colours of pages and pictures: two perceptually uniform ramps, and a theme for dark and for light paper."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

Colours = NDArray[np.uint8]
"""`[..., 3]` red, green and blue."""

# Ten anchors each, evenly spaced in OKLab lightness and nearly so in OKLab distance.
PROBABILITY = ["#130922", "#380746", "#63015a", "#90065e", "#be1456"]
PROBABILITY += ["#df4247", "#f47140", "#fba059", "#fccc8d", "#fff1cc"]
"""0 dark, 1 bright."""
COST = ["#fee980", "#c5d97e", "#8fc683", "#5cb088", "#2d9789", "#0b7c84", "#066178", "#08466b", "#152b57", "#151240"]
"""Cheap bright, dear dark: a path that is learned lights up."""

THEME = {
    "series-0": ("#8f9bb0", "#6b7688"),
    "series-1": ("#f6b93b", "#c98606"),
    "series-2": ("#ff7a59", "#d94f2b"),
    "series-3": ("#58a6ff", "#2f76e0"),
    "series-4": ("#5fd0a5", "#14875b"),
    "series-5": ("#c792ea", "#8b4fc4"),
    "series-6": ("#f78fb3", "#c73a74"),
    "series-7": ("#b8d04c", "#6d8210"),
    "ink": ("#e9eef6", "#1b2130"),
    "muted": ("#9aa7bb", "#616b7d"),
    "hair": ("#2c3547", "#e4dfd5"),
    "card": ("#141924", "#ffffff"),
    "paper": ("#0d1017", "#faf8f4"),
    "code": ("#10141d", "#f2eee6"),
    "accent": ("#ffb454", "#b0461f"),
    "empty": ("#1e2532", "#ece8df"),
    "wall": ("#465069", "#b9b2a4"),
    "on-gold": ("#f6b93b", "#e09a12"),
    "off-gold": ("#58a6ff", "#2f76e0"),
    "missed": ("#5b4d32", "#f2ddb0"),
}
"""On dark paper, which pictures are drawn on, and on light paper. Pages have both: `var(--ink)`, and so on."""

DARK = {name: dark for name, (dark, _) in THEME.items()}
SERIES = tuple(DARK[f"series-{place}"] for place in range(8))
"""One per curve."""
TILES = ("empty", "wall", "on-gold", "off-gold", "missed")


def ramp(anchors: Sequence[str], size: int = 256) -> Colours:
    """Colours in `size` even steps from the first to the last anchor. `[size, 3]`."""
    points = np.array([ImageColor.getrgb(code) for code in anchors], float)
    at = np.linspace(0, len(points) - 1, size)
    channels = [np.interp(at, np.arange(len(points)), channel) for channel in points.T]
    return np.stack(channels, axis=1).round().astype(np.uint8)


KINDS = {
    "probability": ramp(PROBABILITY),
    "cost": ramp(COST),
    "tiles": np.concatenate([ramp([DARK[name]], 1) for name in TILES]),
}
"""What the values of a layer look like, by its kind."""


def _palette() -> Image.Image:
    """At most 256 colours that all frames of an animation share: those of cells, and shades of letters."""
    letters = [ramp([DARK["card"], DARK[name]], 12) for name in ("ink", "muted")]
    image = Image.new("P", (1, 1))
    image.putpalette(np.concatenate([*letters, KINDS["tiles"], ramp(PROBABILITY, 64), ramp(COST, 64)]).tobytes())
    return image


PALETTE = _palette()


def themed(text: str) -> str:
    """Colours of dark paper as those of whatever paper a page has."""
    for name, dark in DARK.items():
        text = text.replace(dark, f"var(--{name})")
    return text
