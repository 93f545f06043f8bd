"""From readings to what should be changed. Every number comes from a probe that was made."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from imle.diagnosis.probe import Probe, Reading, Setting, troubles
from imle.diagnosis.report import Advice, Cell
from imle.estimators.aimle import AIMLE
from imle.layers.module import SolverLayer
from imle.solvers.result import SolveStatus

SPARSE = 0.5
"""More rows than this with a zero gradient are too many."""
NOISY = 0.25
"""Two draws that agree less than this are too noisy: each agrees with the expected gradient by less than 0.5."""
GOAL = 0.9
"""The cosine to the expected gradient that more samples should reach. If two draws agree by c, the mean of m draws has
cosine sqrt(m c / (1 + (m - 1) c))."""
SATURATED = 0.9
"""More rows than this whose target ignores theta are too many."""
MOST_SAMPLES = 1000
SEARCH = 1e5
"""How far above the present step a better one is looked for."""
DRAWS = 4


def advise(
    layer: SolverLayer, probe: Probe, current: Cell, reading: Reading, grid: Sequence[Cell]
) -> tuple[Advice, ...]:
    """What to change, the most urgent first."""
    found = [*_failures(reading), *_clipping(current, reading, grid)]
    if not bool(reading.pulled.any()):
        text = "the loss has no gradient for any solution of this batch: it is at a minimum, or flat there"
        return (*found, Advice(text))
    sparse = list(_sparsity(layer, probe, current, grid))
    found += sparse
    if not sparse:
        found += [*_noise(layer, probe, current, grid), *_saturation(layer, probe, current, grid)]
    return tuple(found)


def _failures(reading: Reading) -> Iterator[Advice]:
    failed, _ = troubles(reading.stats)
    for name, count in failed.most_common():
        share = percent(count / max(reading.stats.solves, 1))
        yield Advice(f"{share} of solves ended as {name}: {SolveStatus[name.upper()].advice}")


def _clipping(current: Cell, reading: Reading, grid: Sequence[Cell]) -> Iterator[Advice]:
    if not current.clipped:
        return
    text = f"the solver clipped {percent(current.clipped)} of objectives"
    clean = [cell.temperature for cell in grid if cell.step == current.step and not cell.clipped]
    if clean and max(clean) < current.temperature:
        tau = max(clean)
        yield Advice(
            f"{text}: lower the temperature from {current.temperature:.3g} to {tau:.3g}, or use noise='multiplicative'",
            {"temperature": tau},
        )
    else:
        yield Advice(
            f"{text}, which makes their solutions wrong: use noise='multiplicative' and keep predictions positive",
            {"noise": "multiplicative"},
        )


def _sparsity(layer: SolverLayer, probe: Probe, current: Cell, grid: Sequence[Cell]) -> Iterator[Advice]:
    if not current.zero > SPARSE:
        return
    text = f"{percent(current.zero)} of rows got a zero gradient"
    option = None if probe.knob is None else probe.knob.option
    step = _smallest_step(probe, current, grid) if option else None
    if option and step is not None:
        assert current.step is not None
        change: dict[str, float | str] = {option: step}
        there = percent(probe.read(Setting(step), DRAWS).zero)
        if isinstance(layer.estimator, AIMLE):
            batches = math.ceil((step - current.step) / layer.estimator.step_size)
            text += (
                f": start aimle with beta={step:g} ({there} there); from {current.step:.3g} it takes {batches} batches"
            )
        else:
            text += f": raise {option} from {current.step:.3g} to about {step:g} ({there} there), or use aimle"
        yield Advice(text, change)
        return
    denser = [c for c in grid if c.step == current.step and c.zero <= SPARSE and c.temperature > current.temperature]
    if denser:
        tau = min(cell.temperature for cell in denser)
        yield Advice(f"{text}: raise the temperature from {current.temperature:.3g} to {tau:.3g}", {"temperature": tau})
    elif option:
        yield Advice(
            f"{text}, and would at any {option} up to {SEARCH * (current.step or 1.0):.0e}: most solutions are the "
            "best already as far as the loss's gradient tells; look for a loss that tells solutions apart"
        )
    else:
        yield Advice(f"{text}: draw more samples (nb_samples), or use imle or aimle", {"estimator": "aimle"})


def _smallest_step(probe: Probe, current: Cell, grid: Sequence[Cell]) -> float | None:
    """The least step, to 10 %, at which at most half of the rows get a zero gradient; None if there is none."""
    low = current.step
    if not low:
        low = 1e-3  # adaptive steps may have come down to 0

    def dense(step: float) -> bool:
        return probe.read(Setting(step), DRAWS).zero <= SPARSE

    known = sorted(
        (cell.step, cell.zero)
        for cell in grid
        if cell.step is not None and cell.step > low and cell.temperature == current.temperature
    )
    high = None
    for step, zero in known:
        if zero <= SPARSE and dense(step):
            high = step
            break
        low = step
    limit = (current.step or 1.0) * SEARCH
    while high is None and low < limit:
        if dense(3 * low):
            high = 3 * low
        else:
            low *= 3
    if high is None:
        return None
    while high / low > 1.05:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if dense(middle) else (middle, high)
    return _up(high)


def _noise(layer: SolverLayer, probe: Probe, current: Cell, grid: Sequence[Cell]) -> Iterator[Advice]:
    if not current.cosine < NOISY:  # nan included: nothing is drawn
        return
    text = f"two draws of the gradient agree by a cosine of {current.cosine:.2f} only"
    clear = [cell for cell in grid if cell.cosine >= NOISY and cell.zero <= SPARSE]
    parts: list[str] = []
    change: dict[str, float | str] = {}
    if current.cosine > 0:
        more = math.ceil(GOAL**2 * (1 - current.cosine) / (current.cosine * (1 - GOAL**2)))
        if more * layer.nb_samples <= MOST_SAMPLES:
            change["nb_samples"] = more * layer.nb_samples
            parts.append(
                f"nb_samples={more * layer.nb_samples} brings their mean to about {GOAL:g} of the expected one"
            )
    cooler = [cell for cell in clear if cell.step == current.step and cell.temperature < current.temperature]
    if cooler:
        cell = max(cooler, key=lambda cell: cell.temperature)
        parts.append(f"temperature={cell.temperature:.3g} makes two agree by {cell.cosine:.2f}")
        change.setdefault("temperature", cell.temperature)
    if probe.knob is not None:
        for cell in clear:
            if cell.temperature == current.temperature and (cell.saturated or 0.0) <= SATURATED:
                assert cell.step is not None
                parts.append(f"{probe.knob.option}={cell.step:.3g} makes two agree by {cell.cosine:.2f}")
                change.setdefault(probe.knob.option, cell.step)
                break
    ways = ", or ".join(parts) or "larger batches or a smaller learning rate have to average it out"
    yield Advice(f"{text}: {ways}", change)


def _saturation(layer: SolverLayer, probe: Probe, current: Cell, grid: Sequence[Cell]) -> Iterator[Advice]:
    if current.saturated is None or current.saturated <= SATURATED or getattr(layer.estimator, "alpha", 1.0) != 1.0:
        return
    assert probe.knob is not None
    gentler = [
        cell.step
        for cell in grid
        if cell.step is not None
        and current.step is not None
        and cell.step < current.step
        and cell.temperature == current.temperature
        and cell.zero <= SPARSE
        and (cell.saturated or 0.0) <= SATURATED
    ]
    if gentler:
        yield Advice(
            f"the target of {percent(current.saturated)} of rows ignores theta, as alpha=0 does: unless that is meant, "
            f"lower {probe.knob.option} from {current.step:.3g} to {max(gentler):.3g}",
            {probe.knob.option: max(gentler)},
        )


def percent(value: float) -> str:
    """0.98 as "98 %"; what is not all or nothing never looks like it."""
    if math.isnan(value):
        return "-"
    if 0 < value < 0.01:
        return "< 1 %"
    return "> 99 %" if 0.99 < value < 1 else f"{100 * value:.0f} %"


def _up(value: float) -> float:
    """Two significant digits, rounded up."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.ceil(value / unit - 1e-9) * unit:.2g}")
