"""Steps and temperatures around a layer's own."""

from __future__ import annotations

from collections.abc import Iterable

from imle.diagnosis.probe import Probe, Reading, Setting, share, troubles
from imle.diagnosis.report import Cell

INFINITE = 1e4
"""A factor on the step at which dy outweighs theta and noise."""


def survey(probe: Probe, steps: Iterable[float], temperatures: Iterable[float], draws: int) -> tuple[Cell, ...]:
    """Probe every pair of factors, 1 always among them. Temperatures of 0 have nothing to vary, nor have rules
    without a step."""
    own_tau = max(probe.temperatures)
    scales = sorted({1.0, *temperatures}) if own_tau > 0 else [1.0]
    base = probe.step
    factors = sorted({1.0, *steps}) if base else [1.0]
    cells = []
    for scale in scales:
        limit = probe.read(Setting(base * INFINITE, scale), draws) if base else None
        for factor in factors:
            setting = Setting(base * factor if base else base, scale)
            cells.append(cell_of(setting, probe.read(setting, draws), limit, probe.temperatures[0]))
    return tuple(cells)


def cell_of(setting: Setting, reading: Reading, limit: Reading | None, temperature: float) -> Cell:
    """What a report keeps of a reading.

    Args:
        setting: what was tried.
        reading: what it gave.
        limit: the same draws at an infinite step.
        temperature: the layer's own.
    """
    failed, events = troubles(reading.stats)
    solves = max(reading.stats.solves, 1)
    # some solvers count entries besides rows
    clipped = events["clipped_rows"] or sum(count for name, count in events.items() if "clip" in name)
    saturated = None
    if limit is not None and limit.targets is not None and reading.targets is not None:
        saturated = share((reading.targets == limit.targets).all(dim=2), reading.pulled)
    return Cell(
        step=setting.step,
        temperature=temperature * setting.scale,
        zero=reading.zero,
        unchanged=reading.unchanged,
        saturated=saturated,
        cosine=reading.cosine,
        nonzeros=reading.nonzeros.mean().item(),
        failed=failed.total() / solves,
        clipped=min(clipped / solves, 1.0),
    )
