"""The moving pictures, and their last frames as still ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imle.demo.learning import Recording
from imle.demo.problem import SAMPLES, SIDE
from imle.demo.sampling import TEMPERATURE, Sampled
from imle.drawing import panels
from imle.drawing.panels import Mask
from imle.drawing.sheet import Indices, Sheet, gif
from imle.drawing.strip import Strip

_STRIDE = 2  # frames of a recording per frame of an animation: half the frames, half the bytes

_ALL = {
    "gold": "gold path",
    "sample": "one sampled path",
    "marginals": f"mean of {SAMPLES} samples",
    "best": "MAP path",
    "costs": "costs: bright is cheap",
}
_HERO = ("gold", "sample", "marginals", "costs")


def sampling_gif(sampled: Sampled, walls: Mask) -> bytes:
    """The map, each sampled path, and the marginals so far."""
    title = f"Sum-of-gamma noise, temperature {TEMPERATURE:g}"
    strip = Strip(title, ("the map", "sampled path", "mean of the samples so far"), cell=13, shape=(SIDE, SIDE))
    total = len(sampled.paths)
    frames = []
    for done, (path, marginals) in enumerate(zip(sampled.paths, sampled.marginals, strict=True), 1):
        blocks = (
            panels.terrain(walls, strip.cell),
            panels.terrain(walls, strip.cell, path),
            panels.probabilities(marginals, strip.cell),
        )
        frames.append(strip.frame(blocks, f"sample {done} of {total}", done / total))
    return gif(frames)


def learning_gif(recording: Recording, gold: Mask) -> bytes:
    """Gold path, one sample, marginals, MAP path and costs while they are learned."""
    return gif(_frames(_strip(recording.setting.title, tuple(_ALL), cell=10), tuple(_ALL), recording, gold))


def learning_png(recording: Recording, gold: Mask) -> bytes:
    """The last frame of `learning_gif`."""
    return _frames(_strip(recording.setting.title, tuple(_ALL), cell=10), tuple(_ALL), recording, gold)[-1].png()


def hero_gif(recording: Recording, gold: Mask) -> bytes:
    """Four of the panels, 880 x 260 pixels, for the README."""
    title = "imle: a map learned by gradient descent through a shortest-path solver"
    return gif(_frames(_strip(title, _HERO, cell=12), _HERO, recording, gold))


def _strip(title: str, names: Sequence[str], cell: int) -> Strip:
    return Strip(title, [_ALL[name] for name in names], cell, (SIDE, SIDE))


def _frames(strip: Strip, names: Sequence[str], recording: Recording, gold: Mask) -> list[Sheet]:
    last = len(recording.costs) - 1
    frames = []
    for index in sorted({*range(0, last, _STRIDE), last}):
        step = index * recording.every
        blocks = _blocks(recording, index, gold, strip.cell)
        counter = f"step {step} of {recording.steps}"
        frames.append(strip.frame([blocks[name] for name in names], counter, step / recording.steps))
    return frames


def _blocks(recording: Recording, index: int, gold: Mask, cell: int) -> Mapping[str, Indices]:
    return {
        "gold": panels.comparison(gold, gold, cell),
        "sample": panels.comparison(recording.sample[index], gold, cell),
        "marginals": panels.probabilities(recording.marginals[index], cell),
        "best": panels.comparison(recording.best[index], gold, cell),
        "costs": panels.costs(recording.costs[index], recording.highest_cost, cell),
    }
