"""The picture of a report, and its panels: maps of two settings, histograms over rows, shares of a whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from imle.plot.backend import matplotlib
from imle.plot.cells import BAR, Floats, numbers


class Drawable(Protocol):
    """A report that can draw itself, as `imle.diagnosis.Diagnosis` can."""

    def figure(self) -> Any:
        """A matplotlib Figure."""


def diagnosis(report: Drawable) -> Any:
    """Draw a diagnosis: its grid of steps and temperatures, the rows' gradients, where the time goes, and its advice.

    Args:
        report: what `imle.diagnose` returned.

    Returns:
        the matplotlib Figure. `report.plot(path)` writes it.

    Raises:
        SolverUnavailableError: matplotlib is not installed.
    """
    return report.figure()


def heat(
    axes: Any,
    values: Floats,
    ticks: tuple[Sequence[str], Sequence[str]],
    labels: tuple[str, str],
    framed: tuple[int, int],
    colours: str,
    write: Callable[[float], str],
) -> None:
    """Numbers between 0 and 1 on their colours.

    Args:
        axes: where.
        values: `[rows, columns]`, the first row below; nan where there is no number.
        ticks, labels: of columns and of rows.
        framed: column and row of the cell that has a frame.
        colours: a colour map.
        write: the text of a number.
    """
    axes.imshow(values, cmap=colours, vmin=0.0, vmax=1.0, aspect="auto", origin="lower")
    axes.set_xticks(range(len(ticks[0])), ticks[0])
    axes.set_yticks(range(len(ticks[1])), ticks[1])
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    numbers(axes, values, lambda value: "" if math.isnan(value) else write(value), ("black", "white"), 0.6, 9)
    corner = framed[0] - 0.48, framed[1] - 0.46
    frame = matplotlib("patches").Rectangle(corner, 0.96, 0.92, fill=False, edgecolor="black", linewidth=2)
    axes.add_patch(frame)


def histogram(axes: Any, values: Floats) -> None:
    """Shares of `[B]` rows by value, at least from 0 to 1; a row whose value is nan counts in the whole alone."""
    known = values[np.isfinite(values)]
    if not len(known):
        nothing(axes, "not known")
        return
    span = min(0.0, known.min()), max(1.0, known.max())
    axes.hist(known, bins=20, range=span, weights=np.full(len(known), 1 / len(values)), color=BAR, edgecolor="white")
    axes.yaxis.set_major_formatter(matplotlib("ticker").PercentFormatter(1.0, decimals=0))
    axes.set_ylabel("rows")
    axes.spines[["top", "right"]].set_visible(False)


def shares(axes: Any, parts: Mapping[str, float], colours: Sequence[str], write: Callable[[float], str]) -> None:
    """Bars of a whole's parts, the first above."""
    bars = axes.barh(list(parts)[::-1], list(parts.values())[::-1], color=colours[::-1])
    axes.bar_label(bars, [write(share) for share in parts.values()][::-1], padding=3, fontsize=9)
    axes.set_xlim(0, 1.15)
    axes.set_xticks([])
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def nothing(axes: Any, why: str) -> None:
    """A panel with nothing to show."""
    axes.text(0.5, 0.5, why, ha="center", va="center", color="grey", transform=axes.transAxes)
    axes.set_axis_off()
