"""From measurements to what should be changed. Every number comes from a probe that was made."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from imle._crossing import crossing
from imle._text import percent
from imle.diagnosis.measure import Measurement, Probe
from imle.diagnosis.report import NOISY, SATURATED, SPARSE, Advice, Cell
from imle.estimators.aimle import AIMLE
from imle.solvers.result import SolveStatus

GOAL = 0.9
"""The cosine to the expected gradient that more samples should reach. If two draws agree by c, the mean of m draws has
cosine sqrt(m c / (1 + (m - 1) c))."""
MOST_SAMPLES = 1000
SEARCH = 1e5
"""How far above the present step a better one is looked for."""
DRAWS = 4


class Adviser:
    """What to change of a layer.

    Args:
        probe: to try other steps.
        measured: at the layer's own setting.
        grid: at other steps and temperatures, both rising.
        nb_samples: S of the layer.
    """

    def __init__(self, probe: Probe, measured: Measurement, grid: Sequence[Cell], nb_samples: int) -> None:
        self._probe, self._measured, self._nb_samples = probe, measured, nb_samples
        self._now = now = measured.cell
        self._option = probe.option
        self._most = SEARCH * (probe.step or 1.0)
        self._same_step = [cell for cell in grid if cell.step == now.step]
        self._same_temperature = [cell for cell in grid if cell.temperature == now.temperature]

    def advice(self) -> Iterator[Advice]:
        """The most urgent first."""
        now = self._now
        yield from self._failures()
        if now.clipped:
            yield self._clipping()
        if not bool(self._measured.pulled.any()):
            yield Advice("the loss has no gradient for any solution of this batch: it is at a minimum, or flat there")
        elif now.zero > SPARSE:
            yield self._sparsity()
        else:
            if now.cosine < NOISY:  # false for nan, where nothing is drawn
                yield self._noise()
            yield from self._saturation()

    def _failures(self) -> Iterator[Advice]:
        for name, count in self._measured.failed.most_common():
            share = percent(count / max(self._measured.stats.solves, 1))
            yield Advice(f"{share} of solves ended as {name}: {SolveStatus[name.upper()].advice}")

    def _clipping(self) -> Advice:
        now = self._now
        text = f"the solver clipped {percent(now.clipped)} of objectives"
        clean = [cell.temperature for cell in self._same_step if not cell.clipped]
        if clean and max(clean) < now.temperature:
            lower = f"lower the temperature from {now.temperature:.3g} to {max(clean):.3g}"
            return Advice(f"{text}: {lower}, or use noise='multiplicative'", {"temperature": max(clean)})
        return Advice(
            f"{text}, which makes their solutions wrong: use noise='multiplicative' and keep predictions positive",
            {"noise": "multiplicative"},
        )

    def _sparsity(self) -> Advice:
        now, rule, option = self._now, self._probe.rule, self._option
        text = f"{percent(now.zero)} of rows got a zero gradient"
        if option and (step := self._smallest_step()) is not None:
            assert now.step is not None
            there = percent(self._probe.read(step, DRAWS).cell.zero)
            if isinstance(rule, AIMLE):
                batches = math.ceil((step - now.step) / rule.step_size)
                way = f"start aimle with beta={step:g} ({there} there); from {now.step:.3g} it takes {batches} batches"
            else:
                way = f"raise {option} from {now.step:.3g} to about {step:g} ({there} there), or use aimle"
            return Advice(f"{text}: {way}", {option: step})
        denser = [c.temperature for c in self._same_step if c.zero <= SPARSE and c.temperature > now.temperature]
        if denser:
            raised = f"raise the temperature from {now.temperature:.3g} to {min(denser):.3g}"
            return Advice(f"{text}: {raised}", {"temperature": min(denser)})
        if option:
            return Advice(
                f"{text}, and would at any {option} up to {self._most:.0e}: most solutions are the best already as "
                "far as the loss's gradient tells; look for a loss that tells solutions apart"
            )
        return Advice(f"{text}: draw more samples (nb_samples), or use imle or aimle", {"estimator": "aimle"})

    def _smallest_step(self) -> float | None:
        """The least step, to 5 % and two digits, at which at most half of the rows get a zero gradient, if any."""

        def dense(step: float) -> bool:
            return self._probe.read(step, DRAWS).cell.zero <= SPARSE

        low = self._probe.step or 1e-3  # adaptive steps may have come down to 0
        while not dense(3 * low):
            low *= 3
            if low > self._most:
                return None
        least = crossing(low, 3 * low, dense, tolerance=0.05)
        unit = 10.0 ** (math.floor(math.log10(least)) - 1)
        return float(f"{math.ceil(least / unit - 1e-9) * unit:.2g}")

    def _noise(self) -> Advice:
        now, option = self._now, self._option
        parts: list[str] = []
        change: dict[str, float | str] = {}
        if now.cosine > 0:
            samples = math.ceil(GOAL**2 * (1 - now.cosine) / (now.cosine * (1 - GOAL**2))) * self._nb_samples
            if samples <= MOST_SAMPLES:
                change["nb_samples"] = samples
                parts.append(f"nb_samples={samples} brings their mean to about {GOAL:g} of the expected one")
        cooler = [cell for cell in self._same_step if _clear(cell) and cell.temperature < now.temperature]
        found = [("temperature", cell.temperature, cell) for cell in cooler[-1:]]
        gentle = [cell for cell in self._same_temperature if _clear(cell) and (cell.saturated or 0.0) <= SATURATED]
        found += [(option, cell.step, cell) for cell in gentle[:1] if option and cell.step is not None]
        for name, value, cell in found:
            parts.append(f"{name}={value:.3g} makes two agree by {cell.cosine:.2f}")
            change[name] = value
        ways = ", or ".join(parts) or "larger batches or a smaller learning rate have to average it out"
        return Advice(f"two draws of the gradient agree by a cosine of {now.cosine:.2f} only: {ways}", change)

    def _saturation(self) -> Iterator[Advice]:
        now, option = self._now, self._option
        if not option or (now.saturated or 0.0) <= SATURATED or getattr(self._probe.rule, "alpha", 1.0) != 1.0:
            return
        gentler = [
            cell.step
            for cell in self._same_temperature
            if cell.step is not None and now.step is not None and cell.step < now.step
            if cell.zero <= SPARSE and (cell.saturated or 0.0) <= SATURATED
        ]
        if gentler:
            yield Advice(
                f"the target of {percent(now.saturated or 0.0)} of rows ignores theta, as alpha=0 does: unless that is "
                f"meant, lower {option} from {now.step:.3g} to {gentler[-1]:.3g}",
                {option: gentler[-1]},
            )


def _clear(cell: Cell) -> bool:
    """Whether gradients are neither noise nor zero for the most part."""
    return cell.cosine >= NOISY and cell.zero <= SPARSE
