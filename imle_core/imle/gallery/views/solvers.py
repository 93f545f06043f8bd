"""Portraits of solvers."""

from __future__ import annotations

from html import escape

import numpy as np

from imle.drawing import panels as blocks
from imle.drawing.chart_sheet import charts_sheet
from imle.drawing.chart_svg import chart_svg, legend
from imle.drawing.charts import Chart, Curve, above, linear
from imle.drawing.sheet import Sheet
from imle.drawing.strip import Strip
from imle.drawing.web import bits, levels
from imle.gallery.experiments.solvers import ROWS, SAMPLES, TEMPERATURES, Portrait, Portraits
from imle.gallery.view import Canvas, Drawing, Layer, Player, View, panels, rounded

_WIDTH = 260  # of a picture, about


def view(portraits: Portraits) -> View:
    """A card per solver."""
    drawn = portraits.drawn
    canvases: list[Canvas] = []
    cards: list[str] = []
    masks: dict[str, str] = {}
    drawings: dict[str, Drawing] = {}
    for portrait in drawn:
        own = _canvases(portrait)
        canvases += own
        masks[portrait.id] = bits([portrait.gold.T != 0])
        chart = _chart(portrait)
        cards.append(_card(portrait, own, chart))
        drawings[f"solver-{portrait.id}"] = _frames(portrait)
        drawings[f"solver-{portrait.id}-curves"] = [charts_sheet([chart], 1)]
    left = "".join(f"<li><code>{escape(id_)}</code>: {escape(why)}</li>" for id_, why in portraits.left_out.items())
    many = "1 solver" if len(drawn) == 1 else f"{len(drawn)} solvers"
    settled = sum(portrait.right[-1] for portrait in drawn)
    steps = len(drawn[0].loss) - 1 if drawn else 0
    return View(
        html=f"<p>Each solver on a small instance that its plugin offers to <code>imle check</code>. The marginals are "
        f"those of one objective at the temperatures {', '.join(f'{tau:g}' for tau in TEMPERATURES)}, a row each, an "
        f"entry of the solution per column. Then {ROWS} objectives are learned from their solutions, a column each, an "
        f"entry per row: I-MLE with its defaults, {SAMPLES} samples, Adam.</p>"
        + (legend(_chart(drawn[0]).curves) if drawn else "")
        + "\n".join(cards)
        + (f"<p>Left out:</p><ul>{left}</ul>" if left else ""),
        finding=f"{many}, {settled} of {ROWS * len(drawn)} objectives learned in {steps} steps"
        + (f"; left out: {', '.join(portraits.left_out)}" if left else ""),
        facts={"solvers": [_facts(portrait) for portrait in drawn], "left_out": dict(portraits.left_out)},
        canvases=canvases,
        masks=masks,
        player=Player(len(drawn[0].best), "step", 0, drawn[0].every, steps) if drawn else None,
        drawings=drawings,
        stills=[f"solver-{portrait.id}" for portrait in drawn],
    )


def _canvases(portrait: Portrait) -> tuple[Canvas, Canvas]:
    shape = portrait.marginals.shape
    highest = portrait.brightest
    marginals = Canvas(
        f"marginals-of-{portrait.id}",
        "Marginals",
        (shape[0], shape[1]),
        [Layer("marginals", "probability", levels(list(portrait.marginals[:, None]), highest))],
        note=f"{highest:g} is bright" if highest > 1 else "",
    )
    learned = Canvas(
        f"learned-by-{portrait.id}",
        "MAP solutions",
        (shape[1], ROWS),
        [Layer("MAP", "compare", bits([best.T != 0 for best in portrait.best]), mask=portrait.id)],
        note=f"{portrait.right[-1]} of {ROWS} right",
    )
    return marginals, learned


def _card(portrait: Portrait, canvases: tuple[Canvas, Canvas], chart: Chart) -> str:
    failed = f" {portrait.failed} solves failed." if portrait.failed else ""
    figures = [*(canvas.figure() for canvas in canvases), f"<figure>{chart_svg(chart)}</figure>"]
    return (
        f'<article id="solver-{portrait.id}"><header><h3><code>{escape(portrait.id)}</code></h3>'
        f"<p>{escape(portrait.summary)}. Instance: {escape(portrait.instance)}.{failed}</p></header>"
        + panels(figures, 3, "portrait")
        + "</article>"
    )


def _chart(portrait: Portrait) -> Chart:
    steps = list(range(len(portrait.loss)))
    limit = above(portrait.loss)
    shares = {
        "loss": [value / limit for value in portrait.loss],
        "zero gradient entries": portrait.sparsity,
        "objectives with the right MAP solution": [right / ROWS for right in portrait.right],
    }
    curves = [
        Curve(name, steps, values, colour) for (name, values), colour in zip(shares.items(), (2, 4, 1), strict=True)
    ]
    return Chart(
        "Learning",
        linear(0, len(portrait.loss) - 1, "step", form="{:.0f}"),
        linear(0, 1, "share", form="{:.1f}"),
        curves,
        note=f"loss: 1 is {limit:g}",
    )


def _frames(portrait: Portrait) -> list[Sheet]:
    entries = portrait.gold.shape[1]
    cell = max(4, min(24, _WIDTH // entries))
    steps = len(portrait.loss) - 1
    strip = Strip(
        f"{portrait.id}: {portrait.instance}", ["marginals", "MAP solutions", "to learn"], cell, (ROWS, entries)
    )
    # each temperature's row is drawn as tall as fits
    least, more = divmod(ROWS, len(TEMPERATURES))
    heights = [least + (place < more) for place in range(len(TEMPERATURES))]
    tall = np.repeat(portrait.marginals / portrait.brightest, heights, axis=0)
    gold = portrait.gold != 0
    sheets = []
    for frame, best in enumerate(portrait.best):
        step = frame * portrait.every
        shown = [
            blocks.probabilities(tall, cell),
            blocks.comparison(best != 0, gold, cell),
            blocks.comparison(gold, gold, cell),
        ]
        sheets.append(strip.frame(shown, f"step {step} of {steps}", None))
    return sheets


def _facts(portrait: Portrait) -> dict[str, object]:
    return {
        "id": portrait.id,
        "instance": portrait.instance,
        "marginals": [[rounded(value) for value in row] for row in portrait.marginals],
        "first_loss": rounded(portrait.loss[0]),
        "final_loss": rounded(portrait.loss[-1]),
        "right_at_first": portrait.right[0],
        "right_at_the_end": portrait.right[-1],
        "objectives": ROWS,
        "failed_solves": portrait.failed,
    }
