"""Cells as files: PNG pictures, and animations as GIF or WebP, through Pillow."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib as mpl
from PIL import Image, ImageDraw, ImageFont

from imle_gallery.colours import DARK, KINDS, PALETTE, ramp
from imle_gallery.view import Canvas, Layer, Player

MILLISECONDS, REST = 100, 2500  # per frame of an animation, and on its last frame
_MARGIN, _TOP, _FOOT = 26, 36, 32
_NAMES = 96  # width of the names of rows, if there are any
_GAP = ramp([DARK["card"]], 1)[0]
_BAR, _COUNTER = 160, 130  # widths in the foot


def panel(layer: Layer, frame: int, cell: int) -> Image.Image:
    """One frame of a layer, each cell a square; a layer that does not move has one frame."""
    colours = KINDS[layer.kind][layer.cells[min(frame, len(layer.cells) - 1)]]
    pixels = colours.repeat(cell, axis=0).repeat(cell, axis=1)
    if layer.kind == "tiles":
        pixels[::cell] = pixels[:, ::cell] = _GAP
    return Image.fromarray(pixels)


def encoded(frames: Sequence[Image.Image], kind: str) -> bytes:
    """A file: "png" is the last frame, "gif" and "webp" are endless and rest on it."""
    first, *rest = (frame.quantize(palette=PALETTE, dither=Image.Dither.NONE) for frame in frames)
    out = io.BytesIO()
    if kind == "png":
        (rest or [first])[-1].save(out, "PNG", optimize=True)
    else:
        durations = [MILLISECONDS] * len(rest) + [REST]
        first.save(out, kind, save_all=True, append_images=rest, duration=durations, loop=0, lossless=True)
    return out.getvalue()


@dataclass(frozen=True)
class Still:
    """The first frame of a layer and nothing else."""

    layer: Layer
    cell: int

    def file(self, kind: str) -> bytes:
        return encoded([panel(self.layer, 0, self.cell)], kind)


@dataclass(frozen=True)
class Film:
    """Canvases in rows, their captions above each column; below them a title, and a progress bar with a counter.

    Attributes:
        title: below the panels, on the left.
        rows: of canvases, which show their first layers.
        cell: pixels per cell.
        player: how the frames are counted; None if nothing moves.
        note: in place of the counter if nothing moves.
        names: of the rows, on their left.
        gap: pixels between panels.
        group: columns that belong together; the gap between groups is twice as wide.
        stride: frames of the layers per frame of the film.
    """

    title: str
    rows: Sequence[Sequence[Canvas]]
    cell: int
    player: Player | None = None
    note: str = ""
    names: Sequence[str] = ()
    gap: int = 20
    group: int = 1_000_000
    stride: int = 1

    def file(self, kind: str) -> bytes:
        last = self.player.frames - 1 if self.player else 0
        return encoded(self._frames([last] if kind == "png" else sorted({*range(0, last, self.stride), last})), kind)

    def _frames(self, shown: Sequence[int]) -> list[Image.Image]:
        """Pictures of some frames of the layers."""
        _, rows, columns = self.rows[0][0].layers[0].cells.shape
        height, width = rows * self.cell, columns * self.cell
        start = _MARGIN + (_NAMES if self.names else 0)
        lefts = [start + i * (width + self.gap) + i // self.group * self.gap for i in range(len(self.rows[0]))]
        tops = [_TOP + i * (height + self.gap) for i in range(len(self.rows))]
        foot = tops[-1] + height + 22
        words = _MARGIN + _font(13).getlength(self.title) + 20
        right = max(lefts[-1] + width, round(words) + _BAR + _COUNTER)
        still = Image.new("RGB", (right + _MARGIN, foot + _FOOT - 22), DARK["card"])
        draw = ImageDraw.Draw(still)
        room = width + self.gap - 6
        longest = max(_font(100).getlength(canvas.caption) for canvas in self.rows[0]) / 100
        font = _font(max(9, min(14, int(room / (longest or 1)))))
        for left, canvas in zip(lefts, self.rows[0], strict=True):
            draw.text((left, _TOP - 11), canvas.caption, DARK["ink"], font, anchor="ls")
        for top, name in zip(tops, self.names, strict=False):
            draw.text((_MARGIN, top + height // 2), name, DARK["muted"], _font(12), anchor="lm")
        draw.text((_MARGIN, foot), self.title, DARK["muted"], _font(13), anchor="ls")
        found = []
        for frame in shown:
            found.append(picture := still.copy())
            for top, canvases in zip(tops, self.rows, strict=True):
                for left, canvas in zip(lefts, canvases, strict=True):
                    picture.paste(panel(canvas.layers[0], frame, self.cell), (left, top))
            self._count(ImageDraw.Draw(picture), frame, right, foot)
        return found

    def _count(self, draw: ImageDraw.ImageDraw, frame: int, right: int, foot: int) -> None:
        """Write what is counted, and how far it has come."""
        words = self.player.words(frame) if self.player else self.note
        draw.text((right, foot), words, DARK["ink"], _font(13), anchor="rs")
        if self.player:
            left, top = right - _COUNTER - _BAR, foot - 6
            draw.rectangle((left, top, left + _BAR - 1, top + 3), DARK["empty"])
            draw.rectangle((left, top, left + _BAR * self.player.share(frame), top + 3), DARK["on-gold"])


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """matplotlib's own: Pillow's has no Greek letters."""
    return ImageFont.truetype(Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)
