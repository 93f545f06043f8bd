"""Bars, grids and assignment matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.errors import OptionError

Floats = NDArray[np.float64]

COLOURS = "magma"
"""Perceptually uniform: dark is 0, bright is 1; the other way round on graphs, whose paper is white."""
BAR = "#4c78a8"
_MOST_NUMBERS = 12  # rows and columns of a matrix in which numbers can still be read


def bars(axes: Any, values: Floats, names: Sequence[str] | None, limit: float) -> None:
    """One bar per entry of `[n]` values."""
    places = range(len(values))
    axes.bar(places, values, color=BAR)
    axes.set_ylim(min(0.0, float(values.min())), limit * 1.02)
    axes.spines[["top", "right"]].set_visible(False)
    if names is not None:
        axes.set_xticks(places, _counted(names, len(values), "names"))


def grid(axes: Any, values: Floats, limit: float) -> Any:
    """`[rows, columns]` cells as colours, the first row above; returns the colour scale."""
    axes.set_xticks([])
    axes.set_yticks([])
    return axes.imshow(values, cmap=COLOURS, vmin=0.0, vmax=limit, interpolation="nearest")


def assignment(
    axes: Any, values: Floats, rows: Sequence[str] | None, columns: Sequence[str] | None, limit: float
) -> Any:
    """A matrix with its numbers, if they are not too many, and names; returns the colour scale."""
    image = grid(axes, values, limit)
    height, width = values.shape
    axes.set_yticks(range(height), _counted(rows or range(height), height, "row names"))
    axes.set_xticks(range(width), _counted(columns or range(width), width, "column names"))
    axes.set_xticks(np.arange(width - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(height - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1)
    axes.tick_params(which="both", length=0)
    if max(height, width) <= _MOST_NUMBERS:
        numbers(axes, values, lambda v: f"{v:.2f}".removesuffix(".00"), ("white", "black"), 0.6 * limit, 8)
    return image


def numbers(
    axes: Any, values: Floats, write: Callable[[float], str], inks: tuple[str, str], change: float, size: int
) -> None:
    """Write the values of a matrix into its cells, in the second ink above `change`."""
    for (row, column), value in np.ndenumerate(values):
        ink = inks[bool(value > change)]
        axes.text(column, row, write(value), ha="center", va="center", color=ink, fontsize=size)


def _counted(names: Sequence[Any], number: int, what: str) -> list[str]:
    if len(names) != number:
        raise OptionError(f"{what}: expected {number} names, found {len(names)}")
    return [str(name) for name in names]
