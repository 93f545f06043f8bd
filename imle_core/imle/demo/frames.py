"""The recorded frames as the page's script reads them: base64 of bits or bytes, cells row by row."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.demo.learning import Recording
from imle.demo.panels import Mask, Values
from imle.demo.problem import SIDE
from imle.demo.showcase import OPENING, Showcase


def page_data(showcase: Showcase) -> dict[str, Any]:
    """Everything that moves on the page."""
    sampled = showcase.sampled
    return {
        "side": SIDE,
        "gold": _bits([showcase.gold]),
        "walls": _bits([showcase.walls]),
        "sampling": {
            "frames": len(sampled.paths),
            "paths": _bits(sampled.paths),
            "marginals": _bytes(list(sampled.marginals)),
        },
        "opening": OPENING,
        "settings": [_setting(recording) for recording in showcase.recordings],
    }


def _setting(recording: Recording) -> dict[str, Any]:
    return {
        "name": recording.setting.name,
        "steps": recording.steps,
        "every": recording.every,
        "frames": len(recording.costs),
        "sample": _bits(recording.sample),
        "best": _bits(recording.best),
        "marginals": _bytes(recording.marginals),
        "costs": _bytes(recording.costs, recording.highest_cost),
        "loss": [round(value, 3) for value in recording.loss[:: recording.every]],
        "sparsity": [round(value, 4) for value in recording.sparsity[:: recording.every]],
    }


def _bits(masks: Sequence[Mask] | NDArray[np.bool_]) -> str:
    """One bit per cell, the first one highest."""
    return base64.b64encode(np.packbits(np.stack(list(masks))).tobytes()).decode()


def _bytes(values: Sequence[Values], highest: float = 1.0) -> str:
    """One byte per cell: [0, highest] as 0 .. 255."""
    scaled = np.clip(np.stack(list(values)) / highest, 0, 1) * 255
    return base64.b64encode(scaled.round().astype(np.uint8).tobytes()).decode()
