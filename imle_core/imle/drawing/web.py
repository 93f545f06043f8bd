"""Pages that stand alone: pictures and recorded frames as text inside them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.drawing.colours import COST, PROBABILITY

RAMPS = {"probability": PROBABILITY, "cost": COST}


def source(package: str, name: str) -> str:
    """A text file of a package."""
    return files(package).joinpath(name).read_text("utf-8")


def document(title: str, body: str, data: Mapping[str, Any], *, css: str = "", script: str = "") -> bytes:
    """A whole page.

    Args:
        title: of its window.
        body: HTML.
        data: what the script reads; the colour ramps are added.
        css: what the page adds to `page.css`.
        script: what the page does with `player.js`.
    """
    text = json.dumps({"ramps": RAMPS, **data}, separators=(",", ":"), allow_nan=False)
    html = Template(source("imle.drawing", "page.html")).substitute(
        title=title,
        css=_style() + css,
        body=body,
        data=text.replace("<", "\\u003c"),  # nothing in the data may end the script element
        script=source("imle.drawing", "player.js") + script,
    )
    return html.encode()


def _style() -> str:
    gradients = {name: ", ".join(f"#{code}" for code in ramp) for name, ramp in RAMPS.items()}
    return Template(source("imle.drawing", "page.css")).substitute(gradients)


def inline(picture: bytes, kind: str) -> str:
    """A picture as an address."""
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def bits(masks: Sequence[NDArray[np.bool_]] | NDArray[np.bool_]) -> str:
    """One bit per cell, row by row, the first one highest; base64."""
    return base64.b64encode(np.packbits(np.stack(list(masks))).tobytes()).decode()


def levels(values: Sequence[NDArray[np.floating[Any]]], highest: float = 1.0) -> str:
    """One byte per cell, row by row: [0, highest] as 0 .. 255; base64."""
    scaled = np.clip(np.stack(list(values)) / highest, 0, 1) * 255
    return base64.b64encode(scaled.round().astype(np.uint8).tobytes()).decode()
