"""The demo's map learned for every pair of noise temperatures, with few and with many samples per step."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from functools import partial
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imle_gallery.charts import above, curves, plot
from imle_gallery.colours import SERIES
from imle_gallery.experiments.learning import Recording, Setting, learn
from imle_gallery.experiments.problem import shortest_path, true_weights
from imle_gallery.film import Film
from imle_gallery.plan import GalleryPlan
from imle_gallery.show import Section, Tick
from imle_gallery.view import TILES_LEGEND, Canvas, Player, View, card, comparison, legend, moving, panels, shades

_KINDS = {"marginals": (0, "mean of the samples"), "best": (2, "MAP paths"), "costs": (3, "learned costs")}
"""Films by name: the layer of the tiles that they show, and what it is."""
Tiles = Mapping[tuple[int, float, float], Canvas]
_POINTS = 100  # of a tile's curves
_NAMES = ("mean of samples", "one sample", "MAP path", "costs")


class Grid(NamedTuple):
    """The path to learn `[16, 16]`, and recordings by S, target temperature and input temperature."""

    gold: NDArray[np.bool_]
    cells: dict[tuple[int, float, float], Recording]

    @property
    def solves(self) -> int:
        """Of all recordings."""
        return sum(recording.solves for recording in self.cells.values())


def run(plan: GalleryPlan, *, seed: int, tick: Tick) -> Grid:
    """Every cell starts from the same weights; all cells of one S see the same noise."""
    gold = shortest_path(true_weights())
    cells = {}
    for samples, target, tau in product(plan.samples, plan.temperatures, plan.temperatures):
        note = partial(tick, f"{samples} samples, noise {tau:g} / {target:g}")
        options = {"seed": seed, "steps": plan.steps, "every": plan.every, "samples": samples}
        cells[samples, target, tau] = learn(Setting(tau, target), gold, on_step=note, **options)
    return Grid(gold[0].numpy().astype(bool), cells)


def view(grid: Grid) -> View:
    """Tiles with their curves, and animations of all of them together."""
    cells = grid.cells
    limit = above([max(recording.loss) for recording in cells.values()])
    tiles = {key: _tile(key[0], recording, grid.gold, limit) for key, recording in cells.items()}
    first = next(iter(cells.values()))
    player = Player(len(first.best), "step", first.steps, first.every)
    reached = sum(recording.reached is not None for recording in cells.values())
    films = [moving(f"learning-{kind}", _film(tiles, kind, player)) for kind in _KINDS]
    return View(
        intro=_text(grid, limit),
        html=_choice() + _blocks(tiles),
        finding=f"{len(tiles)} runs, {grid.solves:,} solves; MAP path became gold in {reached}",
        facts={
            "solves": grid.solves,
            "runs": [{"samples": samples, **recording.facts()} for (samples, _, _), recording in cells.items()],
        },
        canvases=list(tiles.values()),
        player=player,
        drawings=dict(ChainMap(*films)),
        stills=["learning-marginals.png"],
    )


def _tile(samples: int, recording: Recording, gold: NDArray[np.bool_], limit: float) -> Canvas:
    setting = recording.setting
    reached = "never" if recording.reached is None else str(recording.reached)
    layers = [
        shades("probability", recording.marginals, name=_NAMES[0]),
        comparison(recording.sample, gold, _NAMES[1]),
        comparison(recording.paths, gold, _NAMES[2]),
        shades("cost", recording.costs, recording.highest_cost, _NAMES[3]),
    ]
    said = (
        f'<p class="numbers" title="{samples} samples, input noise {setting.temperature:g}, target noise '
        f"{setting.target_temperature:g}: MAP path first gold at step {reached}, {recording.loss[-1]:.2f} wrong cells "
        f'per sample at the end"><b>{reached}</b>{recording.loss[-1]:.1f}</p>'
    )
    every = max(1, recording.steps // _POINTS)
    shown = {"zeros": recording.sparsity[::every], "loss": [loss / limit for loss in recording.loss[::every]]}
    spark = curves("", shown, 1, colours=(SERIES[4], SERIES[2]), widths=dict.fromkeys(shown, 1.2))
    return Canvas(
        f"tile-{samples}-{setting.name}", "", layers, below=plot(spark, 160, 44, bare=True, cursor=True) + said
    )


def _text(grid: Grid, limit: float) -> str:
    runs, steps = len(grid.cells), next(iter(grid.cells.values())).steps
    curves = [("stroke", "background: var(--series-2)", "loss")]
    curves += [("stroke", "background: var(--series-4)", "zero gradient entries")]
    return f"""<p>The learner sees nothing but the map's shortest path, the gold path, and learns costs that make it the
cheapest: I-MLE with λ&nbsp;=&nbsp;10, Adam, {steps} steps, {grid.solves:,} solves in all {runs} runs. The input noise
perturbs the forward solves, the target noise those of the backward pass. Costs start at about 0.7; the noise has a
standard deviation of 0.28 per unit of temperature.</p>
<p>Below each tile are its loss (0 to {limit:g} wrong cells per sample) and the share of gradient entries that are zero
(0 to 1); then the step at which the MAP path first was the gold path, and the wrong cells per sample at the end.</p>
{legend(*curves, *TILES_LEGEND)}"""


def _choice() -> str:
    buttons = "".join(
        f'<label><input type="radio" name="learning-layer" value="{name}"{" checked" if name == _NAMES[0] else ""}>'
        f"<span>{name}</span></label>"
        for name in _NAMES
    )
    return f'<div class="choice" role="radiogroup" aria-label="What the tiles show">{buttons}</div>\n'


def _axes(tiles: Tiles) -> tuple[list[int], list[float]]:
    """All S, and the temperatures of both noises."""
    return list(dict.fromkeys(key[0] for key in tiles)), list(dict.fromkeys(key[1] for key in tiles))


def _blocks(tiles: Tiles) -> str:
    many, temperatures = _axes(tiles)
    heads = "".join(f"<i>{tau:g}</i>" for tau in temperatures)
    parts = []
    for samples in many:
        rows = "".join(
            f"<i>{target:g}</i>" + "".join(tiles[samples, target, tau].figure() for tau in temperatures)
            for target in temperatures
        )
        sheet = f'<div class="sheet" style="--columns: {len(temperatures)}"><i>target</i>{heads}{rows}</div>'
        heading = "1 sample per step" if samples == 1 else f"{samples} samples per step"
        parts.append(card(f"samples-{samples}", heading, "input noise →", sheet))
    return panels(parts, len(parts), "blocks")


def _film(tiles: Tiles, kind: str, player: Player) -> Film:
    """Rows are target temperatures; columns are input temperatures, S by S."""
    place, title = _KINDS[kind]
    many, temperatures = _axes(tiles)
    rows = [
        [
            Canvas("", f"S {samples}, {tau:g}", [tiles[samples, target, tau].layers[place]])
            for samples, tau in product(many, temperatures)
        ]
        for target in temperatures
    ]
    words = f"Learning with S samples, input noise (columns) and target noise (rows): {title}"
    names = [f"target {target:g}" for target in temperatures]
    return Film(words, rows, 5, player, names=names, gap=8, group=len(temperatures))


LEARNING = Section(
    "learning", "Learning", lambda plan: len(plan.samples) * len(plan.temperatures) ** 2 * (plan.steps + 1), run, view
)
