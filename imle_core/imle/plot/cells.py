"""Bars, grids and assignment matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from imle.errors import OptionError
from imle.plot.values import Floats

COLOURS = "magma"
"""Perceptually uniform: dark is 0, bright is 1; the other way round on graphs, whose paper is white."""
BAR = "#4c78a8"
_MOST_NUMBERS = 12  # rows and columns of a matrix in which numbers can still be read


def highest(array: Floats) -> float:
    """The end of the colour scale: 1, or more if solutions have larger entries."""
    return max(1.0, float(array.max()))


def bars(axes: Any, values: Floats, names: Sequence[str] | None, limit: float) -> None:
    """One bar per entry."""
    places = range(len(values))
    axes.bar(places, values, color=BAR)
    axes.set_ylim(min(0.0, float(values.min())), limit * 1.02)
    axes.spines[["top", "right"]].set_visible(False)
    if names is not None:
        axes.set_xticks(places, _counted(names, len(values), "names"))


def grid(axes: Any, values: Floats, limit: float) -> Any:
    """Cells as colours, the first row above."""
    axes.set_xticks([])
    axes.set_yticks([])
    return axes.imshow(values, cmap=COLOURS, vmin=0.0, vmax=limit, interpolation="nearest")


def assignment(
    axes: Any, values: Floats, rows: Sequence[str] | None, columns: Sequence[str] | None, limit: float
) -> Any:
    """A matrix with its numbers, if they are not too many, and names."""
    image = axes.imshow(values, cmap=COLOURS, vmin=0.0, vmax=limit, interpolation="nearest")
    height, width = values.shape
    axes.set_yticks(range(height), _counted(rows, height, "row names") if rows else [str(i) for i in range(height)])
    axes.set_xticks(
        range(width), _counted(columns, width, "column names") if columns else [str(i) for i in range(width)]
    )
    axes.set_xticks(np.arange(width - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(height - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1)
    axes.tick_params(which="both", length=0)
    if max(height, width) <= _MOST_NUMBERS:
        for (row, column), value in np.ndenumerate(values):
            text = f"{value:.2f}".removesuffix(".00")
            ink = "black" if value > 0.6 * limit else "white"
            axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=8)
    return image


def _counted(names: Sequence[str], number: int, what: str) -> list[str]:
    if len(names) != number:
        raise OptionError(f"{what}: expected {number} names, found {len(names)}")
    return [str(name) for name in names]
