"""A picture under construction: palette indices in an array, with text and lines drawn by Pillow."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from imle.drawing.colours import BACKGROUND, INK, PALETTE, SHADES

Indices = NDArray[np.uint8]
_SPELT = str.maketrans({"κ": "kappa", "τ": "tau"})  # Pillow's own font has no Greek letters
_FINER = 4  # lines are drawn this much larger and averaged
MILLISECONDS, REST = 100, 2500  # per frame of an animation, and on its last frame


class Sheet:
    """`[height, width]` indices of the shared palette."""

    def __init__(self, width: int, height: int) -> None:
        self.pixels: Indices = np.full((height, width), PALETTE.flat(BACKGROUND), np.uint8)

    def copy(self) -> Sheet:
        twin = Sheet(0, 0)
        twin.pixels = self.pixels.copy()
        return twin

    def paste(self, x: int, y: int, block: Indices) -> None:
        height, width = block.shape
        self.pixels[y : y + height, x : x + width] = block

    def fill(self, x: int, y: int, width: int, height: int, index: int) -> None:
        self.pixels[y : y + height, x : x + width] = index

    def text(
        self,
        x: int,
        y: int,
        words: str,
        *,
        size: int = 13,
        colour: str = INK,
        align: Literal["left", "middle", "right"] = "left",
    ) -> None:
        """Write one line, y being the baseline."""
        font, words = _font(size), words.translate(_SPELT)
        left, top, right, bottom = (round(edge) for edge in font.getbbox(words, anchor="ls"))
        mask = Image.new("L", (right - left + 2, bottom - top + 2), 0)
        ImageDraw.Draw(mask).text((1 - left, 1 - top), words, fill=255, font=font, anchor="ls")
        origin = x - {"left": 0, "middle": right // 2, "right": right}[align]
        self._blend(origin + left - 1, y + top - 1, np.asarray(mask), colour)

    def line(self, points: Sequence[tuple[float, float]], *, colour: str, width: float = 1.5) -> None:
        """Draw a smooth line through points (x, y)."""
        height, breadth = self.pixels.shape
        margin = math.ceil(width) + 1
        left, right = _within([x for x, _ in points], margin, breadth)
        top, bottom = _within([y for _, y in points], margin, height)
        if left >= right or top >= bottom:
            return
        mask = Image.new("L", ((right - left) * _FINER, (bottom - top) * _FINER), 0)
        scaled = [((x - left + 0.5) * _FINER, (y - top + 0.5) * _FINER) for x, y in points]
        ImageDraw.Draw(mask).line(scaled, fill=255, width=round(width * _FINER), joint="curve")
        self._blend(left, top, np.asarray(mask.reduce(_FINER)), colour)

    def _blend(self, x: int, y: int, mask: Indices, colour: str) -> None:
        """Put shades of a colour where the mask is not zero; what does not fit on the sheet is cut off."""
        mask, x, y = mask[max(0, -y) :, max(0, -x) :], max(0, x), max(0, y)
        shade = (mask.astype(np.uint16) * (SHADES - 1) + 127) // 255
        height, width = mask.shape
        area = self.pixels[y : y + height, x : x + width]
        shade = shade[: area.shape[0], : area.shape[1]]
        drawn = shade > 0
        area[drawn] = PALETTE.shades(colour) + shade[drawn]

    def png(self) -> bytes:
        out = io.BytesIO()
        _image(self).save(out, "PNG", optimize=True)
        return out.getvalue()


def text_width(words: str, size: int = 13) -> int:
    """Pixels that `Sheet.text` takes."""
    return round(_font(size).getbbox(words.translate(_SPELT), anchor="ls")[2])


def _within(places: Sequence[float], margin: int, size: int) -> tuple[int, int]:
    """The pixels that a line through these places can touch, first and one past the last."""
    return max(0, math.floor(min(places)) - margin), min(size, math.ceil(max(places)) + margin + 1)


def gif(frames: Sequence[Sheet]) -> bytes:
    """An endless animation that rests on its last frame."""
    first, *rest = [_image(frame) for frame in frames]
    out = io.BytesIO()
    durations = [MILLISECONDS] * len(rest) + [REST]
    first.save(out, "GIF", save_all=True, append_images=rest, duration=durations, loop=0)
    return out.getvalue()


def _image(sheet: Sheet) -> Image.Image:
    image = Image.fromarray(sheet.pixels)
    image.putpalette(PALETTE.colours.tobytes())
    return image


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
