"""A picture under construction: palette indices in an array, with text and lines drawn by Pillow."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from imle.demo.colours import BACKGROUND, INK, PALETTE, SHADES

Indices = NDArray[np.uint8]
_FINER = 4  # lines are drawn this much larger and averaged
_MILLISECONDS, _REST = 100, 2500  # per frame of an animation, and on its last frame


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
        font = _font(size)
        left, top, right, bottom = (round(edge) for edge in font.getbbox(words, anchor="ls"))
        mask = Image.new("L", (right - left + 2, bottom - top + 2), 0)
        ImageDraw.Draw(mask).text((1 - left, 1 - top), words, fill=255, font=font, anchor="ls")
        origin = x - {"left": 0, "middle": right // 2, "right": right}[align]
        self._blend(origin + left - 1, y + top - 1, np.asarray(mask), colour)

    def line(self, points: Sequence[tuple[float, float]], *, colour: str, width: float = 1.5) -> None:
        """Draw a smooth line through points (x, y)."""
        height, breadth = self.pixels.shape
        mask = Image.new("L", (breadth * _FINER, height * _FINER), 0)
        scaled = [((x + 0.5) * _FINER, (y + 0.5) * _FINER) for x, y in points]
        ImageDraw.Draw(mask).line(scaled, fill=255, width=round(width * _FINER), joint="curve")
        self._blend(0, 0, np.asarray(mask.reduce(_FINER)), colour)

    def _blend(self, x: int, y: int, mask: Indices, colour: str) -> None:
        """Put shades of a colour where the mask is not zero."""
        shade = (mask.astype(np.uint16) * (SHADES - 1) + 127) // 255
        height, width = mask.shape
        area = self.pixels[y : y + height, x : x + width]
        drawn = shade > 0
        area[drawn] = PALETTE.shades(colour) + shade[drawn]

    def png(self) -> bytes:
        out = io.BytesIO()
        _image(self).save(out, "PNG", optimize=True)
        return out.getvalue()


def gif(frames: Sequence[Sheet]) -> bytes:
    """An endless animation that rests on its last frame."""
    first, *rest = [_image(frame) for frame in frames]
    out = io.BytesIO()
    durations = [_MILLISECONDS] * len(rest) + [_REST]
    first.save(out, "GIF", save_all=True, append_images=rest, duration=durations, loop=0)
    return out.getvalue()


def _image(sheet: Sheet) -> Image.Image:
    image = Image.fromarray(sheet.pixels)
    image.putpalette(PALETTE.colours.tobytes())
    return image


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
