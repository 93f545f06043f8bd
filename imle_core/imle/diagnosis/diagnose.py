"""`imle.diagnose`: try a layer on a batch, under its own and other settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from imle._checks import is_number, is_positive_int
from imle._copies import trial
from imle.diagnosis.advice import Adviser
from imle.diagnosis.measure import Loss, Probe
from imle.diagnosis.report import Diagnosis
from imle.errors import OptionError
from imle.layers.module import SolverLayer
from imle.progress import bar

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
    progress: bool = False,
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
        progress: whether a bar shows how far it is, on terminals and in notebooks.
        rows: instance parameters that differ per row, as the layer takes them.

    Returns:
        a `Diagnosis`: fields, a text (`print` it), a picture (`.plot(path)`). Its first `Advice` is the one to follow
        first: what else there is looks different then. About ``R + len(steps) len(temperatures) R / 2`` passes.

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
    if not callable(loss):
        raise OptionError(f"diagnose: loss: expected a function of the layer's output, found {type(loss).__name__}")
    if not is_positive_int(draws) or draws < 2:
        raise OptionError(f"diagnose: draws: expected an int >= 2, found {draws!r}")
    for name, factors in (("steps", steps), ("temperatures", temperatures)):
        if not factors or not all(is_number(f) and f > 0 for f in factors):
            raise OptionError(f"diagnose: {name}: expected positive factors, found {factors!r}")
    with trial("diagnose", layer, objective) as copy:  # what solvers warn of is counted, and reported
        probe = Probe(copy, objective, loss, rows)
        probe.read(probe.step, 1)  # models are built, code is compiled: not to be timed
        measured = probe.read(probe.step, draws)
        with bar(f"diagnose {layer.spec.id}", shown=progress) as shown:
            grid = probe.survey(steps, temperatures, max(draws // 2, 2) if probe.noisy else 1, shown)
        advice = tuple(Adviser(layer, probe, measured, grid).advice())
        row_cosines = probe.agreement(measured.gradients)
    parts = {name: measured.stats.seconds[name] / draws for name in ("noise", "solve", "transfer")}
    return Diagnosis(
        solver=layer.spec.id,
        estimator=layer.estimator.name,
        rows=measured.gradients.shape[1],
        entries=measured.gradients.shape[2],
        samples=layer.nb_samples,
        draws=draws,
        step_name=probe.option,
        current=measured.cell,
        pulled=measured.pulled.double().mean().item(),
        nonzeros=measured.gradients.ne(0).sum(dim=2).double().mean(dim=0),
        row_cosines=row_cosines,
        grid=grid,
        failed=dict(measured.failed),
        events=dict(measured.stats.events),
        seconds={**parts, "other": measured.seconds / draws - sum(parts.values())},
        advice=advice,
    )
