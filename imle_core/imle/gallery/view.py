"""What a section of the gallery looks like, on its page and as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal

from imle.drawing.sheet import Sheet

Drawing = Sequence[Sheet]
"""One sheet is a picture; more are an animation."""

Kind = Literal["probability", "cost", "map", "compare"]
"""How a layer is painted: as shades of a ramp, as a path on the mask, or as a path compared with the mask."""


@dataclass(frozen=True)
class Layer:
    """Something a canvas can show.

    Attributes:
        name: what the reader chooses by.
        kind: how it is painted.
        values: all frames, by `web.levels` for shades and `web.bits` for paths.
        mask: name of the mask that paths are painted with.
    """

    name: str
    kind: Kind
    values: str
    mask: str = ""


@dataclass(frozen=True)
class Canvas:
    """A picture of cells on the page.

    Attributes:
        id: unique on the page.
        caption: above it.
        shape: rows and columns of cells.
        layers: the first one is shown at first.
        note: on the right of the caption.
        below: HTML below the picture.
    """

    id: str
    caption: str
    shape: tuple[int, int]
    layers: Sequence[Layer]
    note: str = ""
    below: str = ""

    def figure(self) -> str:
        """The HTML of it."""
        caption = escape(self.caption)
        note = f"<span>{escape(self.note)}</span>" if self.note else ""
        title = f"<figcaption><b>{caption}</b>{note}</figcaption>" if caption or note else ""
        return (
            f'<figure>{title}<canvas data-canvas="{self.id}" role="img" '
            f'aria-label="{caption or escape(self.id)}"></canvas>{self.below}</figure>'
        )

    def data(self) -> dict[str, Any]:
        """What the script needs."""
        layers = [{"name": x.name, "kind": x.kind, "values": x.values, "mask": x.mask} for x in self.layers]
        return {"rows": self.shape[0], "columns": self.shape[1], "layers": layers}


@dataclass(frozen=True)
class Player:
    """The frames of a section: frame f is what happened at `first + f * every`.

    Attributes:
        frames: how many.
        noun: "step" or "sample".
        first, every, total: for the counter.
    """

    frames: int
    noun: str
    first: int
    every: int
    total: int

    def data(self) -> dict[str, Any]:
        """What the script needs."""
        return dict(vars(self))


@dataclass(frozen=True)
class View:
    """A section.

    Attributes:
        html: below the heading.
        finding: the outcome in a few words, for the console.
        facts: the outcome as numbers, for results.json: no timings.
        canvases: all that `html` has.
        masks: bits by name, for the layers.
        player: steps through the canvases' frames; None if nothing moves.
        drawings: by name, without suffix.
        stills: names of the drawings whose last frame stands in for the canvases where there is no JavaScript.
    """

    html: str
    finding: str
    facts: Mapping[str, Any]
    canvases: Sequence[Canvas] = ()
    masks: Mapping[str, str] = field(default_factory=dict)
    player: Player | None = None
    drawings: Mapping[str, Drawing] = field(default_factory=dict)
    stills: Sequence[str] = ()


def panels(figures: Sequence[str], columns: int, kind: str = "") -> str:
    """Figures side by side."""
    inside = "\n".join(figures)
    return f'<div class="panels gallery {kind}" style="--columns: {columns}">\n{inside}\n</div>'


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


def rounded(value: float) -> float:
    """Six digits after the point."""
    return round(float(value), 6)
