"""The gallery as files, by name."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Literal

from imle.drawing.sheet import gif
from imle.drawing.video import mp4
from imle.gallery.show import Shown

Format = Literal["html", "gif", "png", "mp4"]
FORMATS: tuple[Format, ...] = ("html", "gif", "png", "mp4")


def drawn(shown: Sequence[Shown], formats: Collection[str], encoder: str | None) -> dict[str, bytes]:
    """Pictures and animations.

    Args:
        shown: the sections.
        formats: "png" is every picture and the last frame of every animation, "gif" and "mp4" are the animations.
        encoder: for "mp4".
    """
    found: dict[str, bytes] = {}
    for section in shown:
        for name, sheets in section.view.drawings.items():
            if "png" in formats:
                found[f"{name}.png"] = sheets[-1].png()
            if len(sheets) > 1 and "gif" in formats:
                found[f"{name}.gif"] = gif(sheets)
            if len(sheets) > 1 and encoder is not None and "mp4" in formats:
                found[f"{name}.mp4"] = mp4(sheets, encoder)
    return found


def results_json(shown: Sequence[Shown], seed: int) -> bytes:
    """All numbers, as indented JSON: the same bytes for the same seed, so it holds no timings."""
    results = {"seed": seed, "sections": {section.name: section.view.facts for section in shown}}
    return (json.dumps(results, indent=2, allow_nan=False) + "\n").encode()
