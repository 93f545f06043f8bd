"""What a section looks like, on its page and as files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
"""`[rows, columns]`, or `[frames, rows, columns]`."""


@dataclass(frozen=True)
class Layer:
    """Cells that change from frame to frame.

    Attributes:
        kind: what their values mean, see `colours.KINDS`.
        cells: `[frames, rows, columns]` values; one frame if nothing moves.
        name: what the reader chooses by, where there is a choice.
    """

    kind: Literal["probability", "cost", "tiles"]
    cells: NDArray[np.uint8]
    name: str = ""


def shades(kind: Literal["probability", "cost"], values: Any, highest: float = 1.0, name: str = "") -> Layer:
    """Values in [0, highest] as shades. `[rows, columns]` or `[frames, rows, columns]`."""
    scaled = np.clip(_frames(values) / highest, 0, 1) * 255
    return Layer(kind, scaled.round().astype(np.uint8), name)


def terrain(walls: Mask, paths: Mask | None = None) -> Layer:
    """The map: ground, walls, and paths on it."""
    return _tiles((walls, 1), *([] if paths is None else [(paths, 2)]))


def comparison(paths: Mask | Sequence[Mask], gold: Mask, name: str = "") -> Layer:
    """Paths in two colours, on the gold path and off it, above what they miss of the gold path."""
    found = _frames(paths)
    return _tiles((gold, 4), (found & gold, 2), (found & ~gold, 3), name=name)


def _tiles(*coats: tuple[Mask, int], name: str = "") -> Layer:
    """Places in `colours.TILES`; later coats cover earlier ones."""
    cells = np.zeros(np.broadcast_shapes(*(_frames(mask).shape for mask, _ in coats)), np.uint8)
    for mask, tile in coats:
        cells[np.broadcast_to(mask, cells.shape)] = tile
    return Layer("tiles", cells, name)


def _frames(values: Any) -> NDArray[Any]:
    array = np.asarray(values)
    return array if array.ndim == 3 else array[None]


@dataclass(frozen=True)
class Player:
    """The frames of a section: frame f is what happened at `first + f * every`.

    Attributes:
        frames: how many.
        noun: "step" or "sample".
        total: the last of them.
        every: of them between two frames.
        first: of them.
    """

    frames: int
    noun: str
    total: int
    every: int = 1
    first: int = 0

    def words(self, frame: int) -> str:
        return f"{self.noun} {self.first + frame * self.every} of {self.total}"

    def share(self, frame: int) -> float:
        """How far a frame is, in [0, 1]."""
        return (self.first + frame * self.every) / self.total


@dataclass(frozen=True)
class Canvas:
    """A picture of cells on the page.

    Attributes:
        id: unique on the page.
        caption: above it.
        layers: the first one is shown at first.
        note: on the right of the caption.
        below: HTML below the picture.
    """

    id: str
    caption: str
    layers: Sequence[Layer]
    note: str = ""
    below: str = ""

    def figure(self) -> str:
        """The HTML of it."""
        return figure(
            f'<canvas data-canvas="{self.id}" role="img" aria-label="{escape(self.caption or self.id)}"></canvas>'
            + self.below,
            self.caption,
            f"<span>{escape(self.note)}</span>" if self.note else "",
        )

    def data(self) -> dict[str, Any]:
        """What the script needs: a letter per cell, row by row and frame by frame."""
        layers = [{"name": x.name, "kind": x.kind, "cells": x.cells.tobytes().decode("latin-1")} for x in self.layers]
        _, rows, columns = self.layers[0].cells.shape
        return {"rows": rows, "columns": columns, "layers": layers}


class Drawing(Protocol):
    """A picture or an animation that can be written to a file."""

    def file(self, kind: str) -> bytes:
        """Its content: "png", "gif" or "webp"."""


@dataclass(frozen=True)
class View:
    """A section.

    Attributes:
        intro: HTML below the heading; the player comes below it, above all pictures.
        html: the rest, with the pictures.
        finding: the outcome in a few words, for the console.
        facts: the outcome as numbers, for results.json: no timings.
        canvases: all that `html` has.
        player: steps through the canvases' frames; None if nothing moves.
        drawings: by the name of the file.
        stills: files that stand in for the canvases where there is no JavaScript.
        opening: a canvas that is shown above all sections, too: its id, and a caption.
    """

    intro: str
    html: str
    finding: str
    facts: Mapping[str, Any]
    canvases: Sequence[Canvas] = ()
    player: Player | None = None
    drawings: Mapping[str, Drawing] = field(default_factory=dict)
    stills: Sequence[str] = ()
    opening: tuple[str, str] | None = None


def moving(name: str, drawing: Drawing) -> dict[str, Drawing]:
    """All files of an animation."""
    return {f"{name}.{kind}": drawing for kind in ("png", "gif", "webp")}


def figure(inside: str, caption: str = "", aside: str = "") -> str:
    """HTML below a caption."""
    title = f"<figcaption><b>{escape(caption)}</b>{aside}</figcaption>" if caption or aside else ""
    return f"<figure>{title}{inside}</figure>"


def panels(figures: Sequence[Canvas | str], columns: int, kind: str = "") -> str:
    """Canvases and other figures side by side."""
    inside = "\n".join(one.figure() if isinstance(one, Canvas) else one for one in figures)
    return f'<div class="panels {kind}" style="--columns: {columns}">\n{inside}\n</div>\n'


def card(id_: str, heading: str, words: str, body: str) -> str:
    """A part of a section with a heading of its own; all HTML."""
    return f'<article id="{id_}"><header><h3>{heading}</h3><p>{words}</p></header>\n{body}</article>\n'


def legend(*items: tuple[str, str, str]) -> str:
    """What is drawn how: (class, style, name) each."""
    listed = "".join(f'<li><i class="{kind}" style="{style}"></i>{escape(name)}</li>' for kind, style, name in items)
    return f'<ul class="legend">{listed}</ul>\n'


TILES_LEGEND = (
    ("swatch", "background: var(--on-gold)", "on the gold path"),
    ("swatch", "background: var(--off-gold)", "off it"),
    ("swatch", "background: var(--missed)", "not reached yet"),
    ("bar", "background: var(--probability)", "probability 0 to 1"),
    ("bar", "background: var(--cost)", "cost, cheap to dear"),
)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """A table; the first cell of a row is its heading. Cells are HTML."""
    heads = "".join(f'<th scope="col">{cell}</th>' for cell in header)
    lines = "\n".join(
        f'<tr><th scope="row">{row[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in row[1:]) + "</tr>" for row in rows
    )
    title = f"<caption>{caption}</caption>" if caption else ""
    return (
        f'<div class="scroller"><table>{title}<thead><tr>{heads}</tr></thead>\n<tbody>\n{lines}\n</tbody></table></div>'
    )


def marked(text: str) -> str:
    """A text of a plugin as HTML: what it has between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def step(number: int | None) -> str:
    """A cell of a table: when something was reached."""
    return '<span class="no">not yet</span>' if number is None else f"step {number}"
