"""The peers' pictures: where the time of a step goes, and how it grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from benchmarks.peers.contest import Outcome
from benchmarks.peers.scaling import Curve
from benchmarks.render import quantity
from benchmarks.results import Figure

LOOKS = {
    "imle": ("#0072b2", "o"),
    "PyEPO, OR-Tools": ("#d55e00", "s"),
    "PyEPO, HiGHS": ("#cc79a7", "D"),
    "NetworkX per row": ("#009e73", "^"),
    "PuLP with CBC per row": ("#e69f00", "v"),
    "original style": ("#56b4e9", "P"),
}
"""Colours that colour-blind people tell apart (Okabe & Ito), and markers."""

PARTS = {"noise": "#999999", "solve": "#0072b2", "overhead": "#e69f00"}


def draw(folder: Path, outcomes: Mapping[str, Mapping[str, Outcome]], curves: Sequence[Curve]) -> list[Figure]:
    """Write both pictures, as SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "imle", "svg.fonttype": "none", "font.size": 9}):
        return [
            save(split(outcomes), folder, "peers-split.svg", "Where the time of a training step goes"),
            save(scaling(curves), folder, "peers-scaling.svg", "Seconds per training step, log-log"),
        ]


def save(canvas: Canvas, folder: Path, file: str, caption: str) -> Figure:
    canvas.savefig(folder / file, metadata={"Date": None}, facecolor="white")
    return Figure(file, caption)


def split(outcomes: Mapping[str, Mapping[str, Outcome]]) -> Canvas:
    """A bar per contestant: the shares of noise, solver and the rest, and the whole in figures."""
    heights = [len(found) for found in outcomes.values()]
    canvas = Canvas(figsize=(8, 0.9 + 0.42 * sum(heights) + 0.4 * len(heights)), layout="constrained")
    panels = canvas.subplots(len(heights), 1, gridspec_kw={"height_ratios": heights}, squeeze=False)[:, 0]
    for axes, (name, found) in zip(panels, outcomes.items(), strict=True):
        bars(axes, found)
        axes.set_title(name, loc="left")
    panels[0].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False)
    panels[-1].set_xlabel("share of the step, %")
    return canvas


def bars(axes: Axes, found: Mapping[str, Outcome]) -> None:
    """Stacked shares."""
    labels = [f"{name}, {quantity(outcome.step.total, 's')}" for name, outcome in found.items()]
    left = [0.0] * len(found)
    for part, colour in PARTS.items():
        seconds = [_part(outcome, part) for outcome in found.values()]
        shares = [100 * s / outcome.step.total for s, outcome in zip(seconds, found.values(), strict=True)]
        axes.barh(labels, shares, left=left, color=colour, label=part, height=0.7)
        left = [a + b for a, b in zip(left, shares, strict=True)]
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _part(outcome: Outcome, part: str) -> float:
    step = outcome.step
    return {"noise": step.spent.noise, "solve": step.spent.solve, "overhead": step.overhead}[part]


def scaling(curves: Sequence[Curve]) -> Canvas:
    """A panel per curve, both axes logarithmic."""
    rows = (len(curves) + 1) // 2
    canvas = Canvas(figsize=(8, 3 * rows), layout="constrained")
    panels: list[Any] = list(canvas.subplots(rows, 2, squeeze=False).flat)
    for axes, curve in zip(panels, curves, strict=False):
        for name, points in curve.points.items():
            colour, marker = LOOKS[name]
            axes.loglog(*zip(*points, strict=True), color=colour, marker=marker, label=name)
        axes.xaxis.set_major_locator(FixedLocator([x for x, _ in next(iter(curve.points.values()))]))
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set(title=curve.title, xlabel=curve.quantity, ylabel="seconds per step")
        axes.grid(alpha=0.3)
    for axes in panels[len(curves) :]:
        axes.set_axis_off()
    shown = {label: line for axes in panels for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    canvas.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=4, frameon=False)
    return canvas
