"""A diagnosis as a picture."""

from __future__ import annotations

import math
import textwrap
from os import PathLike
from typing import Any

from imle.diagnosis.advice import percent
from imle.diagnosis.report import Diagnosis
from imle.diagnosis.text import many
from imle.plot.backend import matplotlib, new_figure

PARTS = {"noise": "#4c78a8", "solve": "#f58518", "transfer": "#72b7b2", "other": "#bab0ac"}


def draw(report: Diagnosis, path: str | PathLike[str]) -> None:
    """Write the picture of a report.

    Raises:
        SolverUnavailableError: matplotlib is not installed.
    """
    figure(report).savefig(path, dpi=130)


def figure(report: Diagnosis) -> Any:
    """The picture of a report, a matplotlib Figure.

    Raises:
        SolverUnavailableError: matplotlib is not installed.
    """
    drawn = new_figure(12.5, 6.6)
    ticker = matplotlib("ticker")
    panels = [
        ("rows with a zero gradient", "zero", "Reds", 1.0),
        ("target ignores theta", "saturated", "Purples", 1.0),
        ("cosine between two draws", "cosine", "Greens", 1.0),
    ]
    top, bottom = drawn.subfigures(2, 1, height_ratios=[1.15, 1.0])
    for axes, (title, field, colours, most) in zip(top.subplots(1, 3), panels, strict=True):
        _heat(axes, report, title, field, colours, most)
    axes = bottom.subplots(1, 3)
    percents = ticker.PercentFormatter(1.0, decimals=0)
    _histogram(axes[0], report.nonzeros, "non-zero entries of a row's gradient", percents, whole=True)
    _histogram(axes[1], report.row_cosines, "cosine between two draws, per row", percents, whole=False)
    _time(axes[2], report)
    samples = f", {report.samples} samples" if report.samples > 1 else ""
    advice = "\n".join(f"→ {text}" for text in map(str, report.advice)) or "nothing stands out"
    drawn.suptitle(
        f"{report.solver} · {report.estimator}: {many(report.rows, 'row')} of {report.entries}{samples}\n"
        + _wrapped(advice),
        fontsize=11,
        x=0.01,
        ha="left",
    )
    return drawn


def _heat(axes: Any, report: Diagnosis, title: str, field: str, colours: str, most: float) -> None:
    """Steps up, temperatures to the right; the layer's own setting framed."""
    axes.set_title(title, fontsize=10)
    values = [[getattr(report.at(step, tau), field) for tau in report.temperatures] for step in report.steps]
    shown = [[math.nan if value is None else value for value in row] for row in values]
    if all(math.isnan(value) for row in shown for value in row):
        _nothing(axes, "no noise" if field == "cosine" else "no target solve")
        return
    axes.imshow(shown, cmap=colours, vmin=0.0, vmax=most, aspect="auto", origin="lower")
    axes.set_xticks(range(len(report.temperatures)), [f"{tau:.3g}" for tau in report.temperatures])
    axes.set_yticks(range(len(report.steps)), ["" if step is None else f"{step:.3g}" for step in report.steps])
    axes.set_xlabel("temperature")
    axes.set_ylabel(report.step_name or "")
    for y, row in enumerate(shown):
        for x, value in enumerate(row):
            text = "" if math.isnan(value) else f"{value:.2f}" if field == "cosine" else percent(value)
            axes.text(
                x, y, text, ha="center", va="center", fontsize=9, color="white" if value > 0.6 * most else "black"
            )
    here = report.temperatures.index(report.current.temperature), report.steps.index(report.current.step)
    axes.add_patch(_frame(here))


def _frame(here: tuple[int, int]) -> Any:
    rectangle = matplotlib("patches").Rectangle
    return rectangle((here[0] - 0.48, here[1] - 0.46), 0.96, 0.92, fill=False, edgecolor="black", linewidth=2)


def _histogram(axes: Any, values: Any, title: str, percents: Any, *, whole: bool) -> None:
    axes.set_title(title, fontsize=10)
    known = values[values.isfinite()]
    if not len(known):
        _nothing(axes, "not known")
        return
    limits = (0.0, max(float(known.max()), 1.0)) if whole else (min(float(known.min()), 0.0), 1.0)
    weights = [1 / len(values)] * len(known)
    axes.hist(known.tolist(), bins=20, range=limits, weights=weights, color="#4c78a8", edgecolor="white")
    axes.yaxis.set_major_formatter(percents)
    axes.set_ylabel("rows")
    axes.spines[["top", "right"]].set_visible(False)


def _time(axes: Any, report: Diagnosis) -> None:
    total = sum(report.seconds.values())
    axes.set_title(f"one pass, forward and backward: {1e3 * total:.3g} ms", fontsize=10)
    names = list(report.seconds)[::-1]
    shares = [max(report.seconds[name], 0.0) / total for name in names]
    bars = axes.barh(names, shares, color=[PARTS[name] for name in names])
    axes.bar_label(bars, [percent(share) for share in shares], padding=3, fontsize=9)
    axes.set_xlim(0, 1.15)
    axes.set_xticks([])
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def _nothing(axes: Any, why: str) -> None:
    axes.text(0.5, 0.5, why, ha="center", va="center", color="grey", transform=axes.transAxes)
    axes.set_axis_off()


def _wrapped(text: str, width: int = 150) -> str:
    return "\n".join(textwrap.fill(line, width, subsequent_indent="    ") for line in text.splitlines())
