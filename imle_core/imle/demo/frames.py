"""The recorded frames as the page's script reads them."""

from __future__ import annotations

from typing import Any

from imle.demo.learning import Recording
from imle.demo.problem import SIDE
from imle.demo.showcase import OPENING, Showcase
from imle.drawing.web import bits, levels


def page_data(showcase: Showcase) -> dict[str, Any]:
    """Everything that moves on the page."""
    sampled = showcase.sampled
    return {
        "side": SIDE,
        "gold": bits([showcase.gold]),
        "walls": bits([showcase.walls]),
        "sampling": {
            "frames": len(sampled.paths),
            "paths": bits(sampled.paths),
            "marginals": levels(list(sampled.marginals)),
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
        "sample": bits(recording.sample),
        "best": bits(recording.best),
        "marginals": levels(recording.marginals),
        "costs": levels(recording.costs, recording.highest_cost),
        "loss": [round(value, 3) for value in recording.loss[:: recording.every]],
        "sparsity": [round(value, 4) for value in recording.sparsity[:: recording.every]],
    }
