"""The packages and their imports as an SVG: every package on its floor, and arrows that only point downward.

An arrow that follows from others is left out: whoever imports the layers also stands on the solvers. What crosses a
floor does so between two boxes, through a gap that is laid out as a box is (Sugiyama, Tagawa & Toda 1981).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from pathlib import Path
from statistics import fmean

from tools.house.floors import floors
from tools.house.source import CORE, Checkout

FILE = Path("docs/packages.svg")
MARGIN, GAP, BOX, FLOOR = 24.0, 12.0, 26.0, 62.0
"""Pixels: around the picture, between boxes, height of a box, distance of floors."""
LETTER = 7.0
SWEEPS = 60
STYLE = """
  text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #1c2733; text-anchor: middle }
  rect { fill: #eef2f7; stroke: #93a4b8 } .plugin { fill: #fdf1dc; stroke: #cfa85b } .paper { fill: #fff; stroke: none }
  .spine { fill: #d9e8fb; stroke: #4c83c4 } path { fill: none; stroke: #7c8b9c; stroke-width: 1.1 }
"""
SPINE = {f"{CORE}.{name}" for name in ("layers", "estimators", "execution", "solvers", "plugins")}


@dataclass(eq=False)
class Place:
    """A box, or the gap that an arrow passes through."""

    name: str
    width: float
    floor: int
    x: float = 0.0
    above: list[Place] = field(default_factory=list)
    below: list[Place] = field(default_factory=list)


def arrows(checkout: Checkout) -> dict[str, set[str]]:
    """Imports that do not follow from other imports."""
    level = {package: number for number, floor in enumerate(floors(checkout)) for package in floor}
    down = {
        package: {other for other in checkout.package_imports.get(package, ()) if level[other] > level[package]}
        for package in level
    }
    reach: dict[str, set[str]] = {}
    for package in sorted(level, key=level.__getitem__, reverse=True):
        reach[package] = down[package].union(*(reach[other] for other in down[package]))
    return {
        package: {other for other in others if not any(other in reach[lower] for lower in others)}
        for package, others in down.items()
    }


def arrange(checkout: Checkout) -> tuple[list[list[Place]], list[list[Place]]]:
    """Floors of places from left to right, and arrows as places from top to bottom."""
    packages = floors(checkout)
    rows = [
        [Place(name, len(_label(name)) * LETTER + 18, number) for name in floor]
        for number, floor in enumerate(packages)
    ]
    boxes = {place.name: place for row in rows for place in row}
    lines = []
    for package, others in arrows(checkout).items():
        for other in sorted(others):
            start, end = boxes[package], boxes[other]
            gaps = [Place("", 4.0, number) for number in range(start.floor + 1, end.floor)]
            for gap in gaps:
                rows[gap.floor].append(gap)
            lines.append([start, *gaps, end])
            for upper, lower in pairwise(lines[-1]):
                upper.below.append(lower)
                lower.above.append(upper)
    for row in rows:
        _settle(row, {place: 100.0 * number for number, place in enumerate(row)})
    for sweep in range(SWEEPS):
        order = rows if sweep % 2 else rows[::-1]
        for row in order:
            nearest = [(place, (place.below if sweep % 2 == 0 else place.above) or [place]) for place in row]
            if sweep > SWEEPS // 2:
                nearest = [(place, place.below + place.above or [place]) for place in row]
            _settle(row, {place: fmean(other.x for other in others) for place, others in nearest})
    return rows, lines


def _settle(row: list[Place], wanted: dict[Place, float]) -> None:
    """Put the places of a floor in order, side by side, as near to where they want to be as the others let them.

    Neighbours that would overlap become one block, which stands at the mean of its members' wishes.
    """
    row.sort(key=wanted.__getitem__)
    blocks: list[list[Place]] = []

    def left(block: list[Place]) -> float:
        offset, starts = 0.0, []
        for place in block:
            starts.append(wanted[place] - place.width / 2 - offset)
            offset += place.width + GAP
        return fmean(starts)

    def width(block: list[Place]) -> float:
        return sum(place.width + GAP for place in block)

    for place in row:
        blocks.append([place])
        while len(blocks) > 1 and left(blocks[-2]) + width(blocks[-2]) > left(blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    for block in blocks:
        x = left(block)
        for place in block:
            place.x = x + place.width / 2
            x += place.width + GAP


def _label(package: str) -> str:
    return f"{CORE}.__init__" if package == CORE else package.removeprefix(f"{CORE}.")


def draw(checkout: Checkout) -> str:
    """The picture of a checkout, as SVG."""
    rows, lines = arrange(checkout)
    left = min(place.x - place.width / 2 for row in rows for place in row) - MARGIN
    right = max(place.x + place.width / 2 for row in rows for place in row) + MARGIN
    height = (len(rows) - 1) * FLOOR + BOX + 2 * MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:.0f} 0 {right - left:.0f} {height:.0f}"'
            f' width="{right - left:.0f}" role="img" aria-label="Packages and their imports">',
            f"<style>{STYLE}</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0,1 L7,4 L0,7" /></marker></defs>',
            f'<rect class="paper" x="{left:.0f}" width="100%" height="100%" />',
            *map(_arrow, lines),
            *(_box(place) for row in rows for place in row if place.name),
            "</svg>\n",
        ]
    )


def _arrow(line: list[Place]) -> str:
    """Straight down through gaps, in an S between floors."""
    start, end = line[0], line[-1]
    path = f"M{start.x:.0f},{_top(start) + BOX:.0f}"
    for upper, lower in pairwise(line):
        y, to = _top(upper) + BOX, _top(lower)
        middle = (y + to) / 2
        path += f" C{upper.x:.0f},{middle:.0f} {lower.x:.0f},{middle:.0f} {lower.x:.0f},{to:.0f}"
        if lower is not end:
            path += f" V{to + BOX:.0f}"
    return f'<path d="{path}" marker-end="url(#tip)" />'


def _box(place: Place) -> str:
    kind = "spine" if place.name in SPINE else "core" if place.name.split(".")[0] == CORE else "plugin"
    x, y, label = place.x - place.width / 2, _top(place), escape(_label(place.name))
    return (
        f'<rect class="{kind}" x="{x:.0f}" y="{y:.0f}" width="{place.width:.0f}" height="{BOX:.0f}" rx="4" />'
        f'<text x="{place.x:.0f}" y="{y + BOX / 2 + 4:.0f}">{label}</text>'
    )


def _top(place: Place) -> float:
    return MARGIN + place.floor * FLOOR


def write(root: Path) -> None:
    """Draw the picture into a checkout."""
    (root / FILE).write_text(draw(Checkout(root)), encoding="utf-8")
