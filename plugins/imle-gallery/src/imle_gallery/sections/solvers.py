"""Any solver on a small instance of its own: marginals over the temperature, and objectives learned from solutions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from imle.errors import ImleError, OptionError
from imle.plugins import PluginState, find
from imle.plugins import solvers as installed
from imle.testing import Case, NotApplicable, subjects_of
from imle_gallery.charts import Charts, above, curves
from imle_gallery.colours import SERIES
from imle_gallery.experiments.problem import no_solver_warnings
from imle_gallery.experiments.training import Training
from imle_gallery.film import Film
from imle_gallery.plan import GalleryPlan
from imle_gallery.show import Section, Tick
from imle_gallery.view import Canvas, Drawing, Player, View, card, comparison, figure, marked, moving, panels, shades

Floats = NDArray[np.float64]

TEMPERATURES = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0)
_SPELT = ", ".join(f"{tau:g}" for tau in TEMPERATURES)
ROWS, SAMPLES = 16, 10
LEARNING_RATE = 0.1
FRAMES = 20
"""Frames of the learning animation, the first one left out."""

ALL = "all"
_WIDTH = 260  # of a picture, about


@dataclass(kw_only=True)
class Portrait(Training):
    """One solver. Its solutions are flattened to n entries in `gold` and `marginals`.

    Attributes:
        case: the solver and its instance.
        marginals: `[T, n]` mean solution for one objective at each of `TEMPERATURES`.
        gold: `[16, n]` the solutions to learn.
        failed: solves that failed.
    """

    case: Case
    marginals: Floats
    gold: Floats
    failed: int = 0

    @property
    def shown(self) -> NDArray[np.bool_]:
        """Per frame, where the MAP solutions are not zero. `[F, 16, n]`."""
        return np.stack(self.best).reshape(-1, *self.gold.shape).astype(bool)

    @property
    def is_grid(self) -> bool:
        """Whether a solution has rows and columns, with more than one of each."""
        return len(self.case.shape) == 2 and min(self.case.shape) > 1

    def grids(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """MAP solutions `[6, F, *shape]` of the first objectives, and those to learn."""
        shape, first = self.case.shape, slice(len(TEMPERATURES))
        frames = self.shown[:, first].swapaxes(0, 1)
        return frames.reshape(*frames.shape[:2], *shape), (self.gold[first] != 0).reshape(-1, *shape)

    @property
    def brightest(self) -> float:
        """The end of the marginals' colour scale."""
        return max(float(self.marginals.max()), 1e-9)


class Portraits(NamedTuple):
    """The solvers that were drawn; and of those that "all" means, the ones that cannot be shown, and why."""

    drawn: list[Portrait]
    left_out: dict[str, str]


def ids_of(asked: Sequence[str]) -> tuple[str, ...]:
    """The ids themselves; for "all", every solver that is installed and works.

    Raises:
        UnknownSolverError, SolverUnavailableError: an id that cannot be used.
    """
    if ALL in asked:
        return tuple(record.id for record in installed() if record.state is PluginState.OK)
    return tuple(dict.fromkeys(find(id_).id for id_ in asked))


def run(plan: GalleryPlan, ids: Sequence[str], *, seed: int, tick: Tick, strict: bool) -> Portraits:
    """Portray solvers.

    Args:
        plan: how much to do.
        ids: of the solvers.
        seed: of objectives and noise.
        tick: shows progress.
        strict: raise for a solver that cannot be shown, instead of leaving it out.

    Raises:
        OptionError: a solver has no instance that can be shown, or fails on it.
    """
    drawn, left_out = [], {}
    for id_ in ids:
        try:
            with no_solver_warnings():  # failures are counted and shown
                drawn.append(_portray(small_case(id_, seed), plan, seed, partial(tick, f"Solver {id_}")))
        except (ImleError, NotApplicable) as error:
            if strict:
                raise OptionError(f"{id_}: cannot be shown: {error}") from error
            left_out[id_] = str(error).splitlines()[0]
    return Portraits(drawn, left_out)


def small_case(solver_id: str, seed: int) -> Case:
    """The first instance where not all objectives have the same solution.

    Raises:
        OptionError: none is known.
    """
    (subject,) = subjects_of(solver_id)
    for case in subject.cases:
        if case.solutions is None or len(case.solutions) > 1:
            _, gold = _to_learn(case, seed)
            if len(np.unique(_flat(gold), axis=0)) > 1:
                return case
    raise OptionError(f"{solver_id}: expected an instance with more than one solution, found none")


def _to_learn(case: Case, seed: int) -> tuple[Tensor, Tensor]:
    """Objectives, and their solutions."""
    hidden = torch.from_numpy(case.objectives(ROWS, seed=seed))
    with torch.no_grad():
        gold: Tensor = case.layer(output="map")(hidden)
    return hidden, gold


def _portray(case: Case, plan: GalleryPlan, seed: int, note: Callable[[], None]) -> Portrait:
    hidden, gold = _to_learn(case, seed)
    marginals = _marginals(case, hidden[:1], plan.solver_draws, seed, note)
    every = max(1, math.ceil(plan.solver_steps / FRAMES))
    portrait = Portrait(name=case.spec.id, case=case, marginals=marginals, gold=_flat(gold), every=every)
    _learn(portrait, gold, plan.solver_steps, seed, note)
    return portrait


def _noisy(case: Case, seed: int, **options: Any) -> Any:
    """A layer whose noise keeps the sign of objectives whose sign matters to the solver."""
    noise = "gumbel" if case.spec.capabilities.negative_objectives else "multiplicative"
    generator = torch.Generator().manual_seed(seed)
    return case.layer(noise=noise, on_failure="zero-grad", generator=generator, **options)


def _marginals(case: Case, objective: Tensor, draws: int, seed: int, note: Callable[[], None]) -> Floats:
    rows = []
    for temperature in TEMPERATURES:
        layer = _noisy(case, seed, temperature=temperature, nb_samples=draws)
        with torch.no_grad():
            rows.append(_flat(layer(objective))[0])
        layer.close()
        note()
    return np.stack(rows)


def _learn(portrait: Portrait, gold: Tensor, steps: int, seed: int, note: Callable[[], None]) -> None:
    """I-MLE from other objectives of the same kind; those that must be positive are the softplus of weights."""
    case = portrait.case
    positive = not case.spec.capabilities.negative_objectives
    start = torch.from_numpy(case.objectives(ROWS, seed=seed + 1))
    layer = _noisy(case, seed + 1, temperature=0.25, nb_samples=SAMPLES)
    noise_free = case.layer(output="map", on_failure="zero-grad")

    def loss(objective: Tensor) -> Tensor:
        """The mean distance |z - gold| of the samples, per row."""
        found: Tensor = layer.expected_loss(objective, lambda z: (z - gold[:, None]).abs().flatten(2).sum(dim=2))
        return found.mean()

    weights = start.expm1().log() if positive else start
    objective = F.softplus if positive else torch.clone
    portrait.run(weights, objective, noise_free, layer, loss, gold, steps=steps, rate=LEARNING_RATE, on_step=note)
    statuses = layer.stats.status + noise_free.stats.status
    portrait.failed = sum(count for name, count in statuses.items() if name not in ("optimal", "feasible"))
    layer.close()
    noise_free.close()


def _flat(solutions: Tensor) -> Floats:
    """`[B, n]` in double precision."""
    found: Floats = solutions.detach().double().flatten(1).numpy()
    return found


def view(portraits: Portraits) -> View:
    """A card per solver."""
    drawn, left_out = portraits.drawn, portraits.left_out
    steps = drawn[0].steps if drawn else 0
    player = Player(len(drawn[0].best), "step", steps, drawn[0].every) if drawn else None
    canvases: list[Canvas] = []
    drawings: dict[str, Drawing] = {}
    cards = ""
    for portrait in drawn:
        chart, case, highest = _chart(portrait), portrait.case, portrait.brightest
        marginals, solutions = _marginals_of(portrait), _solutions_of(portrait)
        canvases += [*marginals, *solutions]
        words = f"{marked(case.spec.summary)}. Instance: {marked(case.instance.name)}."
        words += f" {portrait.failed} solves failed." if portrait.failed else ""
        pictures = [
            _named(marginals, "Marginals", f"{highest:g} is bright" if highest > 1 else ""),
            _named(solutions, "MAP solutions", f"{portrait.right[-1]} of {ROWS} right"),
        ]
        body = panels([*pictures, *chart.figures()], 3, "portrait")
        cards += card(f"solver-{portrait.name}", f"<code>{escape(portrait.name)}</code>", words, body)
        drawings |= moving(f"solver-{portrait.name}", _film(portrait, player))
        drawings[f"solver-{portrait.name}-curves.png"] = chart
    listed = "".join(f"<li><code>{escape(id_)}</code>: {marked(why)}</li>" for id_, why in left_out.items())
    many = "1 solver" if len(drawn) == 1 else f"{len(drawn)} solvers"
    settled = sum(portrait.right[-1] for portrait in drawn)
    return View(
        intro="<p>Each solver on a small instance that its plugin offers to <code>imle check</code>. The marginals "
        f"are those of one objective at the temperatures {_SPELT}, a row each, an entry of the solution per column. "
        f"Then {ROWS} objectives are learned from their solutions, a column each, an entry per row: I-MLE with its "
        f"defaults, {SAMPLES} samples, Adam. Where a solution has rows and columns itself, it is drawn so, and of the "
        f"{ROWS} objectives the first {len(TEMPERATURES)} are shown.</p>"
        + (_chart(drawn[0]).legend() if drawn else ""),
        html=cards + (f"<p>Left out:</p><ul>{listed}</ul>" if listed else ""),
        finding=f"{many}, {settled} of {ROWS * len(drawn)} objectives learned in {steps} steps"
        + (f"; left out: {', '.join(left_out)}" if left_out else ""),
        facts={"solvers": [_facts(portrait) for portrait in drawn], "left_out": left_out},
        canvases=canvases,
        player=player,
        drawings=drawings,
        stills=[f"solver-{portrait.name}.png" for portrait in drawn],
    )


def _marginals_of(portrait: Portrait) -> list[Canvas]:
    """A row per temperature; or, of solutions that are grids, a grid per temperature."""
    name = f"marginals-of-{portrait.name}"
    if not portrait.is_grid:
        return [Canvas(name, "", [shades("probability", portrait.marginals, portrait.brightest)])]
    grids = portrait.marginals.reshape(-1, *portrait.case.shape)
    return [
        Canvas(f"{name}-{place}", f"τ = {tau:g}", [shades("probability", grid, portrait.brightest)])
        for place, (tau, grid) in enumerate(zip(TEMPERATURES, grids, strict=True))
    ]


def _solutions_of(portrait: Portrait) -> list[Canvas]:
    """A column per objective; or, of solutions that are grids, a grid for each of the first objectives."""
    name, gold = f"learned-by-{portrait.name}", portrait.gold != 0
    if not portrait.is_grid:
        return [Canvas(name, "", [comparison(portrait.shown.swapaxes(1, 2), gold.T)])]
    return [
        Canvas(f"{name}-{place}", "", [comparison(frames, wanted)])
        for place, (frames, wanted) in enumerate(zip(*portrait.grids(), strict=True))
    ]


def _named(canvases: Sequence[Canvas], caption: str, note: str) -> str:
    """Pictures below a caption that they share."""
    return figure(panels(canvases, min(3, len(canvases)), "wide"), caption, f"<span>{note}</span>")


def _chart(portrait: Portrait) -> Charts:
    limit = above(portrait.loss)
    shares = {
        "loss": [value / limit for value in portrait.loss],
        "zero gradient entries": portrait.sparsity,
        "right MAP solutions": [right / ROWS for right in portrait.right],
    }
    colours = [SERIES[place] for place in (2, 4, 1)]
    return Charts([curves("Learning", shares, 1, colours=colours, note=f"loss: 1 is {limit:g}")], 1, over_steps=1)


def _film(portrait: Portrait, player: Player | None) -> Film:
    title = f"{portrait.name}: {portrait.case.instance.name}"
    if portrait.is_grid:
        marginals = [replace(canvas, caption="") for canvas in _marginals_of(portrait)]
        wanted = [Canvas("", "", [comparison(grid, grid)]) for grid in portrait.grids()[1]]
        rows, names = [marginals, _solutions_of(portrait), wanted], ("marginals", "MAP", "to learn")
        return Film(f"{title}; τ = {_SPELT}", rows, _cell(portrait, 70), player, names=names, gap=18)
    # each temperature's row is drawn as tall as fits
    heights = [len(part) for part in np.array_split(np.arange(ROWS), len(TEMPERATURES))]
    tall = np.repeat(portrait.marginals, heights, axis=0)
    gold = portrait.gold != 0
    layers = {
        "marginals": shades("probability", tall, portrait.brightest),
        "MAP solutions": comparison(portrait.shown, gold),
        "to learn": comparison(gold, gold),
    }
    row = [Canvas(name, name, [layer]) for name, layer in layers.items()]
    return Film(title, [row], _cell(portrait, _WIDTH), player)


def _cell(portrait: Portrait, width: int) -> int:
    """Pixels of a cell, so that a picture is about so wide."""
    columns = portrait.case.shape[-1]
    return max(4, min(24, width // columns))


def _facts(portrait: Portrait) -> dict[str, object]:
    return {
        "id": portrait.name,
        "instance": portrait.case.instance.name,
        "marginals": portrait.marginals.tolist(),
        "first_loss": portrait.loss[0],
        "final_loss": portrait.loss[-1],
        "right_at_first": portrait.right[0],
        "right_at_the_end": portrait.right[-1],
        "objectives": ROWS,
        "failed_solves": portrait.failed,
    }


def section(asked: Sequence[str]) -> Section:
    """The section of the solvers that were asked for, by id; see `ids_of`."""
    ids = ids_of(asked)
    named = partial(run, ids=ids, strict=ALL not in asked)
    each = len(ids) * (len(TEMPERATURES) + 1)
    return Section("solvers", "Solvers", lambda plan: each + len(ids) * plan.solver_steps, named, view)
