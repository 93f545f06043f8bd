"""Curves and histograms, by matplotlib: as SVG in the colours of a page, and as a picture."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler

from imle_gallery.colours import DARK, SERIES, themed
from imle_gallery.view import figure, legend, panels

Draw = Callable[[Any], None]
"""Draws one chart on matplotlib's Axes."""

REFERENCE = {"color": DARK["ink"], "linestyle": (0, (4, 2)), "linewidth": 1.25}
"""How curves are drawn that others are compared with."""

_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))
_LEFT_OUT = r'<!--.*?-->\s*| id="\w+_\d+"| clip-path="[^"]*"|<defs>\s*<clipPath.*?</defs>'
"""Of matplotlib's SVG: remarks, names that other charts of a page have too, and clipping, for nothing sticks out."""
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "imle",
    "font.size": 11,
    "figure.facecolor": DARK["card"],
    "figure.constrained_layout.w_pad": 0.1,
    "axes.facecolor": "none",
    "axes.titlelocation": "left",
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.titlecolor": DARK["ink"],
    "axes.labelcolor": DARK["muted"],
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.xmargin": 0,
    "axes.prop_cycle": cycler(color=SERIES),
    "grid.color": DARK["hair"],
    "lines.linewidth": 1.4,
    "legend.frameon": False,
    "legend.labelcolor": DARK["ink"],
    **{f"axes.spines.{side}": False for side in ("left", "right", "top", "bottom")},
    **{f"{axis}tick.color": DARK["muted"] for axis in "xy"},
    **{f"{axis}tick.{side}": False for axis, side in (("x", "bottom"), ("y", "left"))},
}


def curves(
    title: str,
    named: Mapping[str, Sequence[float]],
    top: float,
    *,
    colours: Sequence[str] = SERIES,
    label: str = "step",
    pace: Mapping[str, float] | None = None,
    widths: Mapping[str, float] | None = None,
    note: str = "",
) -> Draw:
    """Curves over steps, by name.

    Args:
        title: above them, on the left.
        named: a value per step.
        top: where the upright axis ends; it begins at 0.
        colours: one per curve.
        label: of the other axis.
        pace: how long a step is there, by name; 1 for all by default.
        widths: of lines, by name, where they are not as usual.
        note: above them, on the right.
    """

    def draw(axes: Any) -> None:
        for (name, values), colour in zip(named.items(), colours, strict=False):
            places = [step * (pace[name] if pace else 1) for step in range(len(values))]
            width = (widths or {}).get(name)
            axes.plot(places, values, color=colour, label=name, linewidth=width, clip_on=False)
        titles(axes, title, note)
        axes.set(xlabel=label, xlim=(0, None), ylim=(0, top))

    return draw


def titles(axes: Any, title: str, note: str) -> None:
    """A title on the left and a note on the right, above a chart."""
    axes.set_title(title)
    axes.set_title(note, loc="right", fontsize=11, fontweight="normal", color=DARK["muted"])


@dataclass(frozen=True)
class Charts:
    """Charts side by side and below each other, above them a legend of all their curves.

    Attributes:
        draws: one per chart.
        columns: side by side.
        width, height: of a chart, in pixels.
        over_steps: how many, the first ones, are over the steps that their section plays; on a page, a line follows.
    """

    draws: Sequence[Draw]
    columns: int
    width: int = 460
    height: int = 280
    over_steps: int = 0

    def file(self, kind: str) -> bytes:
        rows, wide = -(-len(self.draws) // self.columns), self.width * self.columns
        with rc_context(_STYLE):
            drawn = Figure((wide / 72, (self.height * rows + 40) / 72), layout="constrained")
            for place, draw in enumerate(self.draws, 1):
                draw(drawn.add_subplot(rows, self.columns, place))
            named = _named(drawn)
            if named:
                drawn.legend(named.values(), named, loc="outside upper left", ncols=max(1, wide // 230))
            out = io.BytesIO()
            drawn.savefig(out, format=kind, dpi=100)
        return out.getvalue()

    def html(self) -> str:
        """The legend and the charts, for a page."""
        return self.legend() + panels(self.figures(), self.columns, "charted")

    def figures(self) -> list[str]:
        """The charts alone."""
        return [
            figure(plot(draw, self.width, self.height, cursor=place < self.over_steps))
            for place, draw in enumerate(self.draws)
        ]

    def legend(self) -> str:
        """What the curves are called, if they have names."""
        with rc_context(_STYLE):
            scratch = Figure()
            for draw in self.draws:
                draw(scratch.add_subplot())
        items = [("stroke", themed(f"background: {line.get_color()}"), name) for name, line in _named(scratch).items()]
        return legend(*items) if items else ""


def _named(drawn: Figure) -> dict[str, Any]:
    """The curves that have a name, each name once."""
    return {name: line for axes in drawn.axes for line, name in zip(*axes.get_legend_handles_labels(), strict=True)}


def plot(draw: Draw, width: int, height: int, *, bare: bool = False, cursor: bool = False) -> str:
    """One chart as HTML; it grows and shrinks with its box.

    Args:
        draw: draws it.
        width, height: its shape, and what its letters are measured by.
        bare: without axes.
        cursor: a line moves over it when its section plays.
    """
    with rc_context(_STYLE):
        drawn = Figure((width / 72, height / 72), layout=None if bare else "constrained")
        axes = drawn.add_axes((0, 0, 1, 1)) if bare else drawn.subplots()
        draw(axes)
        axes.axison = not bare
        out = io.StringIO()
        drawn.savefig(
            out, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
        box = axes.get_position()
    inside = out.getvalue().partition('<g id="figure_1">')[2].rpartition("</svg>")[0]
    inside = re.sub(_LEFT_OUT, "", inside, flags=re.DOTALL).replace("xlink:href", "href")
    words = escape("; ".join(filter(None, (axes.get_title("left"), axes.get_ylabel(), axes.get_xlabel()))))
    said = f'role="img" aria-label="{words}"' if words else 'aria-hidden="true"'
    svg = f'<svg viewBox="0 0 {width} {height}" {said}><g>{themed(inside)}</svg>'
    moved = '<i class="cursor"></i>' if cursor else ""
    sides = f"--from: {box.x0:.4f}; --to: {box.x1:.4f}; --top: {1 - box.y1:.4f}; --foot: {box.y0:.4f}"
    return f'<div class="plot" style="{sides}">{svg}{moved}</div>'


def above(values: Sequence[float]) -> float:
    """A round number that is no less than any value: a digit or 1.5 times a power of ten; 1 if all are zero."""
    most = max(values)
    if most <= 0:
        return 1.0
    scale = 10.0 ** math.floor(math.log10(most))
    factors = (1.0, 1.5, *map(float, range(2, 11)))
    return next(factor * scale for factor in factors if most <= factor * scale * (1 + 1e-9))
