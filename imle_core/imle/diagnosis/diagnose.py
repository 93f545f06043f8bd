"""`imle.diagnose`: try a layer on a batch, under its own and other settings."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from imle._borrow import isolate
from imle.diagnosis.advice import advise
from imle.diagnosis.grid import INFINITE, cell_of, survey
from imle.diagnosis.knob import knob_of
from imle.diagnosis.probe import Loss, Probe, Setting, troubles
from imle.diagnosis.report import Diagnosis
from imle.errors import ObjectiveError, OptionError, SolverWarning
from imle.layers.module import SolverLayer

STEPS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Factors on the layer's step."""
TEMPERATURES = (0.3, 1.0, 3.0)
"""Factors on the layer's temperatures."""


def diagnose(
    layer: SolverLayer,
    objective: Tensor,
    loss: Loss,
    *,
    draws: int = 8,
    steps: Sequence[float] = STEPS,
    temperatures: Sequence[float] = TEMPERATURES,
    **rows: Sequence[Any],
) -> Diagnosis:
    """Report how informative a layer's gradients are on a batch, and what to change.

    It works on a copy in train mode that shares nothing with the layer: modes, statistics, adaptive state and
    random number generators stay as they are, and no `.grad` is filled. Noise is seeded, the same for all settings:
    two calls give the same report, times apart.

    Args:
        layer: a layer made by `imle.layer`.
        objective: `[*batch, *event]`, a typical batch, at least one row.
        loss: what the layer returns to a scalar, or to one value per row; called once per pass.
        draws: R >= 2, passes to compare; half as many for each other setting.
        steps: factors on the estimator's lambda or beta to try.
        temperatures: factors on the layer's temperatures to try.
        rows: instance parameters that differ per row, as the layer takes them.

    Returns:
        a `Diagnosis`: fields, a text (`print` it), a picture (`.plot(path)`). About
        ``R + len(steps) len(temperatures) R / 2`` passes.

    Raises:
        ObjectiveError: not a batch of objectives.
        OptionError: an option is not valid, or the loss does not depend on the layer's output.

    Example::

        >>> import imle, torch
        >>> layer = imle.layer("topk", k=1, temperature=0.0, estimator=imle.estimators.IMLE(beta=0.1))
        >>> report = imle.diagnose(layer, torch.tensor([[2.0, 0.0]]), lambda z: z[..., 0].sum())
        >>> print(report.advice[0])
        100 % of rows got a zero gradient: raise beta from 0.1 to about 1.1 (0 % there), or use aimle
    """
    _check(layer, objective, loss, draws, {"steps": steps, "temperatures": temperatures})
    alone = isolate(layer).train()
    knob = knob_of(alone.estimator)
    devices = [objective.device] if objective.device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=devices), warnings.catch_warnings():
            warnings.simplefilter("ignore", SolverWarning)  # what solvers have to say is counted, and reported
            probe = Probe(alone, objective, loss, rows, knob)
            now = Setting(probe.step)
            probe.read(now, 1)  # models are built, code is compiled: not to be timed
            reading = probe.read(now, draws)
            limit = None if probe.step is None else probe.read(Setting(probe.step * INFINITE), draws)
            current = cell_of(now, reading, limit, layer.temperature)
            grid = survey(probe, steps, temperatures, max(draws // 2, 2) if probe.noisy else 1)
            advice = advise(layer, probe, current, reading, grid)
    finally:
        alone.close()
    failed, events = troubles(reading.stats)
    parts = {name: reading.stats.seconds[name] / draws for name in ("noise", "solve", "transfer")}
    return Diagnosis(
        solver=layer.spec.id,
        estimator=layer.estimator.name,
        rows=reading.pulled.shape[1],
        entries=reading.gradients.shape[2],
        samples=layer.nb_samples,
        draws=draws,
        step_name=None if knob is None else knob.option,
        current=current,
        pulled=reading.pulled.double().mean().item(),
        nonzeros=reading.nonzeros,
        row_cosines=reading.row_cosines,
        grid=grid,
        failed=dict(failed),
        events=dict(events),
        seconds={**parts, "other": reading.seconds / draws - sum(parts.values())},
        advice=advice,
    )


def _check(layer: Any, objective: Any, loss: Any, draws: Any, factors: dict[str, Any]) -> None:
    if not isinstance(layer, SolverLayer):
        raise OptionError(f"diagnose: layer: expected a solver layer, found {type(layer).__name__}")
    if not isinstance(objective, Tensor) or objective.numel() == 0:
        found = list(objective.shape) if isinstance(objective, Tensor) else type(objective).__name__
        raise ObjectiveError(f"diagnose: objective: expected a tensor with at least one row, found {found}")
    if not callable(loss):
        raise OptionError(f"diagnose: loss: expected a function of the layer's output, found {type(loss).__name__}")
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 2:
        raise OptionError(f"diagnose: draws: expected an int >= 2, found {draws!r}")
    for name, values in factors.items():
        if not values or not all(isinstance(v, (int, float)) and math.isfinite(v) and v > 0 for v in values):
            raise OptionError(f"diagnose: {name}: expected positive factors, found {values!r}")
