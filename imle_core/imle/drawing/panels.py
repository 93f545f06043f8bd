"""Panels of cells, as blocks of palette indices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.drawing.colours import BACKGROUND, EMPTY, LEVELS, MISSED, OFF_GOLD, ON_GOLD, PALETTE, WALL
from imle.drawing.sheet import Indices

Mask = NDArray[np.bool_]
Values = NDArray[np.floating[Any]]


def probabilities(values: Values, cell: int) -> Indices:
    """Values in [0, 1] as colours."""
    return _enlarge(PALETTE.probability + _levels(values), cell)


def costs(values: Values, highest: float, cell: int) -> Indices:
    """Values in [0, highest] as colours."""
    return _enlarge(PALETTE.cost + _levels(values / highest), cell)


def terrain(walls: Mask, cell: int, path: Mask | None = None) -> Indices:
    """The map: ground and walls, and a path on it."""
    return _tiles(cell, (walls, WALL), *([] if path is None else [(path, ON_GOLD)]))


def comparison(path: Mask, gold: Mask, cell: int) -> Indices:
    """A path in two colours, on the gold path and off it, above what it misses of the gold path."""
    return _tiles(cell, (gold, MISSED), (path & gold, ON_GOLD), (path & ~gold, OFF_GOLD))


def _tiles(cell: int, *layers: tuple[Mask, str]) -> Indices:
    """Cells in flat colours, one pixel apart; later layers cover earlier ones."""
    indices = np.full(layers[0][0].shape, PALETTE.flat(EMPTY), np.uint8)
    for mask, colour in layers:
        indices[mask] = PALETTE.flat(colour)
    tiles = _enlarge(indices, cell)
    tiles[::cell] = PALETTE.flat(BACKGROUND)
    tiles[:, ::cell] = PALETTE.flat(BACKGROUND)
    return tiles


def _levels(values: Values) -> Indices:
    """[0, 1] to the levels 0 .. LEVELS - 1."""
    return np.asarray((np.clip(values, 0, 1) * (LEVELS - 1)).round(), np.uint8)


def _enlarge(indices: Indices, cell: int) -> Indices:
    return indices.repeat(cell, axis=0).repeat(cell, axis=1)
