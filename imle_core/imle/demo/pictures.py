"""All pictures of a showcase, by file name."""

from __future__ import annotations

from imle.demo.animations import hero_gif, learning_gif, learning_png, sampling_gif
from imle.demo.charts import curves_png
from imle.demo.showcase import OPENING, Showcase
from imle.drawing import panels
from imle.drawing.sheet import Indices, Sheet

_CELL = 22


def pictures(showcase: Showcase) -> dict[str, bytes]:
    """PNG and GIF files."""
    gold, walls = showcase.gold, showcase.walls
    drawn = {
        "map.png": _still(panels.terrain(walls, _CELL)),
        "gold.png": _still(panels.terrain(walls, _CELL, gold)),
        "sampling.gif": sampling_gif(showcase.sampled, walls),
        "hero.gif": hero_gif(showcase.recordings[OPENING], gold),
        "curves.png": curves_png(showcase.recordings),
    }
    for recording in showcase.recordings:
        name = f"learning-{recording.setting.name}"
        drawn[f"{name}.gif"] = learning_gif(recording, gold)
        drawn[f"{name}.png"] = learning_png(recording, gold)
    return drawn


def _still(block: Indices) -> bytes:
    """A single panel."""
    sheet = Sheet(block.shape[1], block.shape[0])
    sheet.paste(0, 0, block)
    return sheet.png()
