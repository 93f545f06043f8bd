"""Colours of the pictures and of the page: two perceptually uniform maps, and a palette that all pictures share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RGB = tuple[int, int, int]

# Ten anchors each, evenly spaced in OKLab lightness and nearly so in OKLab distance.
PROBABILITY = ["130922", "380746", "63015a", "90065e", "be1456", "df4247", "f47140", "fba059", "fccc8d", "fff1cc"]
"""0 dark, 1 bright."""
COST = ["fee980", "c5d97e", "8fc683", "5cb088", "2d9789", "0b7c84", "066178", "08466b", "152b57", "151240"]
"""Cheap bright, dear dark: a path that is learned lights up."""

BACKGROUND, EMPTY, WALL = "12161f", "1e2532", "465069"
ON_GOLD, OFF_GOLD, MISSED = "f6b93b", "58a6ff", "5b4d32"
INK, MUTED = "e9eef6", "9aa7bb"
SERIES = ["8f9bb0", "f6b93b", "ff7a59", "58a6ff", "5fd0a5", "c792ea", "f78fb3", "b8d04c"]
"""One per curve; on pages `--series-0` and so on, with twins for light paper."""

LEVELS = 64
SHADES = 8


def rgb(code: str) -> RGB:
    """ "ff8000" to (255, 128, 0)."""
    red, green, blue = bytes.fromhex(code)
    return red, green, blue


def ramp(anchors: Sequence[str], size: int) -> NDArray[np.uint8]:
    """Colours in `size` even steps from the first to the last anchor. `[size, 3]`."""
    points = np.array([rgb(code) for code in anchors], float)
    at = np.linspace(0, len(points) - 1, size)
    channels = [np.interp(at, np.arange(len(points)), points[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=1).round().astype(np.uint8)


class Palette:
    """Indices of the colours that pictures use, and the colours themselves.

    Attributes:
        probability, cost: first of `LEVELS` indices.
        colours: `[256, 3]`, unused ones black.
    """

    def __init__(self) -> None:
        parts = [ramp(PROBABILITY, LEVELS), ramp(COST, LEVELS)]
        self.probability, self.cost = 0, LEVELS
        start = 2 * LEVELS
        self._flat: dict[str, int] = {}
        for code in (BACKGROUND, EMPTY, WALL, ON_GOLD, OFF_GOLD, MISSED):
            self._flat[code] = start
            parts.append(ramp([code], 1))
            start += 1
        self._shades: dict[str, int] = {}
        for code in dict.fromkeys((INK, MUTED, WALL, *SERIES)):
            self._shades[code] = start
            parts.append(ramp([BACKGROUND, code], SHADES))
            start += SHADES
        self.colours = np.zeros((256, 3), np.uint8)
        self.colours[:start] = np.concatenate(parts)

    def flat(self, code: str) -> int:
        """The index of a colour for areas."""
        return self._flat[code]

    def shades(self, code: str) -> int:
        """First of `SHADES` indices from the background to a colour: what smooth lines and letters need."""
        return self._shades[code]


PALETTE = Palette()
