"""The contact sheet: a tile per pair of temperatures and number of samples."""

from __future__ import annotations

from imle.demo.learning import Recording
from imle.demo.problem import SIDE
from imle.demo.results import setting_facts
from imle.drawing import panels as blocks
from imle.drawing.charts import above
from imle.drawing.sheet import Indices, Sheet
from imle.drawing.strip import Strip
from imle.drawing.web import bits, levels
from imle.gallery.experiments.grid import Grid
from imle.gallery.view import Canvas, Layer, Player, View

_SHAPE = (SIDE, SIDE)
_POINTS = 100  # of a tile's curves
_KINDS = {"marginals": "mean of the samples", "best": "MAP paths", "costs": "learned costs"}


def view(grid: Grid) -> View:
    """Tiles with their curves, and animations of all of them together."""
    limit = above([max(recording.loss) for _, recording in grid.recordings])
    tiles = [_tile(samples, recording, limit) for samples, recording in grid.recordings]
    first = grid.recordings[0][1]
    frames = len(first.costs)
    reached = sum(recording.reached is not None for _, recording in grid.recordings)
    return View(
        html=_text(grid, limit) + _choice(tiles[0]) + _blocks(grid, [tile.figure() for tile in tiles]),
        finding=f"{len(tiles)} runs, {grid.solves:,} solves; MAP path became gold in {reached}",
        facts={
            "solves": grid.solves,
            "runs": [{"samples": samples, **setting_facts(cell)} for samples, cell in grid.recordings],
        },
        canvases=tiles,
        masks={"gold": bits([grid.gold])},
        player=Player(frames, "step", 0, first.every, first.steps),
        drawings={f"learning-{kind}": _frames(grid, kind, title) for kind, title in _KINDS.items()},
        stills=["learning-marginals"],
    )


def _tile(samples: int, recording: Recording, limit: float) -> Canvas:
    setting = recording.setting
    reached = "never" if recording.reached is None else str(recording.reached)
    return Canvas(
        f"tile-{samples}-{setting.name}",
        "",
        _SHAPE,
        [
            Layer("mean of samples", "probability", levels(recording.marginals)),
            Layer("one sample", "compare", bits(recording.sample), mask="gold"),
            Layer("MAP path", "compare", bits(recording.best), mask="gold"),
            Layer("costs", "cost", levels(recording.costs, recording.highest_cost)),
        ],
        below=_spark(recording, limit)
        + f'<p class="numbers" title="{samples} samples, input noise {setting.temperature:g}, target noise '
        f"{setting.target_temperature:g}: MAP path first gold at step {reached}, {recording.loss[-1]:.2f} wrong cells "
        f'per sample at the end"><b>{reached}</b>{recording.loss[-1]:.1f}</p>',
    )


def _spark(recording: Recording, limit: float) -> str:
    """Loss and sparsity, without axes; the script moves the cursor."""
    stride = max(1, recording.steps // _POINTS)
    lines = []
    for kind, curve, most in (("sparsity", recording.sparsity, 1.0), ("loss", recording.loss, limit)):
        points = " ".join(
            f"{1000 * step / recording.steps:.0f},{100 - 100 * curve[step] / most:.0f}"
            for step in range(0, recording.steps + 1, stride)
        )
        lines.append(f'<g class="{kind}"><polyline points="{points}"/></g>')
    drawn = "".join(lines)
    return (
        f'<div class="spark"><svg viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true">{drawn}</svg>'
        '<i class="cursor"></i></div>'
    )


def _text(grid: Grid, limit: float) -> str:
    steps, runs = grid.recordings[0][1].steps, len(grid.recordings)
    return f"""<p>The learner sees nothing but the map's shortest path, the gold path, and learns costs that make it the
cheapest: I-MLE with λ&nbsp;=&nbsp;10, Adam, {steps} steps, {grid.solves:,} solves in all {runs} runs. The input noise
perturbs the forward solves, the target noise those of the backward pass. Costs start at about 0.7; the noise has a
standard deviation of 0.28 per unit of temperature.</p>
<p>Below each tile are its loss (0 to {limit:g} wrong cells per sample) and the share of gradient entries that are zero
(0 to 1); then the step at which the MAP path first was the gold path, and the wrong cells per sample at the end.</p>
<ul class="legend">
<li><i class="stroke loss-line"></i>loss</li><li><i class="stroke sparsity-line"></i>zero gradient entries</li>
<li><i class="swatch on-gold"></i>on the gold path</li><li><i class="swatch off-gold"></i>off it</li>
<li><i class="swatch missed"></i>not reached yet</li><li><i class="bar probability"></i>probability 0 to 1</li>
<li><i class="bar cost"></i>cost, cheap to dear</li>
</ul>
"""


def _choice(tile: Canvas) -> str:
    names = [layer.name for layer in tile.layers]
    buttons = "".join(
        f'<label><input type="radio" name="learning-layer" value="{name}"{" checked" if name == names[0] else ""}>'
        f"<span>{name}</span></label>"
        for name in names
    )
    return f'<div class="choice" role="radiogroup" aria-label="What the tiles show">{buttons}</div>\n'


def _blocks(grid: Grid, figures: list[str]) -> str:
    side = len(grid.temperatures)
    heads = "".join(f"<i>{temperature:g}</i>" for temperature in grid.temperatures)
    parts = []
    for place, (samples, _) in enumerate(grid.blocks):
        tiles = figures[place * side**2 : (place + 1) * side**2]
        rows = "".join(
            f"<i>{target:g}</i>" + "".join(tiles[row * side : (row + 1) * side])
            for row, target in enumerate(grid.temperatures)
        )
        many = "1 sample" if samples == 1 else f"{samples} samples"
        parts.append(
            f'<div class="block" style="--columns: {side}"><h3>{many} per step</h3><p class="over">input noise →</p>'
            f'<div class="sheet"><i class="corner">target</i>{heads}{rows}</div></div>'
        )
    return f'<div class="blocks panels">{"".join(parts)}</div>\n'


def _frames(grid: Grid, kind: str, title: str) -> list[Sheet]:
    """Rows are target temperatures; columns are input temperatures, block by block."""
    names = [f"S {samples}, {tau:g}" for samples, _ in grid.blocks for tau in grid.temperatures]
    rows = [f"target {target:g}" for target in grid.temperatures]
    strip = Strip(
        f"Learning with S samples, input noise (columns) and target noise (rows): {title}",
        names,
        cell=5,
        shape=_SHAPE,
        rows=rows,
        gap=8,
        group=len(grid.temperatures),
    )
    first = grid.recordings[0][1]
    sheets = []
    for frame in range(len(first.costs)):
        tiles = [
            _block(cells[row][column], kind, frame, grid, strip.cell)
            for row in range(len(rows))
            for _, cells in grid.blocks
            for column in range(len(grid.temperatures))
        ]
        step = frame * first.every
        sheets.append(strip.frame(tiles, f"step {step} of {first.steps}", step / first.steps))
    return sheets


def _block(recording: Recording, kind: str, frame: int, grid: Grid, cell: int) -> Indices:
    if kind == "marginals":
        return blocks.probabilities(recording.marginals[frame], cell)
    if kind == "best":
        return blocks.comparison(recording.best[frame], grid.gold, cell)
    return blocks.costs(recording.costs[frame], recording.highest_cost, cell)
