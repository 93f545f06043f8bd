"""From measurements to what should be changed: one function for each thing that may be wrong, the most urgent first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice

from imle._crossing import crossing
from imle._sizes import row_spreads
from imle._text import percent
from imle.diagnosis.measure import Measurement, Negated, Probe
from imle.diagnosis.report import NOISY, SATURATED, SPARSE, Advice, Cell, Value
from imle.estimators.aimle import AIMLE
from imle.estimators.imle import IMLE
from imle.layers.module import SolverLayer
from imle.noise import noise_by_name
from imle.noise.units import LOUD, absolute, fitting_temperature, unit
from imle.solvers.result import SolveStatus

GOAL = 0.9
"""The cosine to the expected gradient that more samples should reach. If two draws agree by c, the mean of m draws has
cosine sqrt(m c / (1 + (m - 1) c))."""
MOST_SAMPLES = 1000
SEARCH = 1e5
"""How far above the present step a better one is looked for."""
DRAWS = 4
MUFFLED, QUIET, SILENT = 5.0, 0.2, 0.01
"""Noise so many times as large as the spread of the scores: too much where gradients are mostly noise or zero; too
little where the scores have yet to learn; too little for any."""
FITTING, LONG = 2.5, 3.0
"""Targets that are no farther away than so many times what is solved varies are near enough, whatever the loss asks
for; so far away they know little of the scores."""
SHORT = 0.3
"""A step so large beside the objective leaves most entries their sign."""
OFFSET = 3.0
"""Scores whose mean is so many times their spread have an offset: steps relative to their size overshoot."""
STARVED, FAINT, TINY = 0.1, 1e-3, 1e-7
"""Where fewer rows than this share have a gradient of the loss that is not `FAINT` beside the largest, the others learn
nothing; and where all of a batch is smaller than `TINY`, it is lost beside the 1e-8 that Adam adds."""
BACKWARD, ENOUGH = 0.5, 8
"""Objectives whose negative is better by so much of the range of the loss have the wrong sense; fewer rows may by
chance."""


class Adviser:
    """What to change of a layer.

    Args:
        layer: as its user made it.
        probe: to try other steps.
        measured: at the layer's own setting.
        grid: at other steps and temperatures, both rising.
    """

    def __init__(self, layer: SolverLayer, probe: Probe, measured: Measurement, grid: Sequence[Cell]) -> None:
        self._layer, self._probe, self._measured = layer, probe, measured
        self._now = now = measured.cell
        self._option = probe.option
        self._most = SEARCH * (probe.step or 1.0)
        self._same_step = [cell for cell in grid if cell.step == now.step]
        self._same_temperature = [cell for cell in grid if cell.temperature == now.temperature]
        self._theta = measured.last.theta.cpu().double()
        self._weights = measured.weights.mean(dim=0).cpu()
        self._spread = unit(self._theta)
        self._noise, self._unit = absolute(probe.noise)
        self._default = probe.rule.default_noise()
        self._fitting = self._loudness = math.nan
        if isinstance(self._default, str):  # other rules draw nothing, or something else than what is put on theta
            self._fitting = fitting_temperature(self._noise or noise_by_name(self._default), self._theta)
            self._loudness = 0.0 if self._noise is None else now.temperature * self._unit / self._fitting

    def advice(self) -> Iterator[Advice]:
        """What the solver complains of, then the first thing that keeps a model from learning: what else there is
        looks different once that is mended."""
        yield from self._failures()
        if self._now.clipped:
            yield self._clipping()
        findings = (
            self._blindness,
            self._starvation,
            self._loud_noise,
            self._offset,
            self._sparsity,
            self._saturation,
            self._wrong_sense,
            self._quiet_noise,
            self._variance,
        )
        found = (finding() for finding in findings)
        yield from islice((advice for advice in found if advice is not None), 1)

    def _failures(self) -> Iterator[Advice]:
        for status, count in self._measured.failed.most_common():
            share = percent(count / max(self._measured.stats.solves, 1))
            rows = self._measured.failures[status]
            text = f"{share} of solves, of {_listed(rows)}, ended as {status}: {SolveStatus[status.upper()].advice}"
            if self._layer.on_failure == "raise" and len(rows) < len(self._theta):
                text += "; on_failure='zero-grad' trains on the others"
                yield Advice("failed-rows", text, {"on_failure": "zero-grad"}, rows=rows)
            else:
                yield Advice("failed-rows", text, where="instance", rows=rows)

    def _clipping(self) -> Advice:
        now = self._now
        text = f"the solver clipped {percent(now.clipped)} of objectives"
        clean = [cell.temperature for cell in self._same_step if not cell.clipped]
        if clean and max(clean) < now.temperature:
            lower, cooler = self._temperature(max(clean) * self._unit)
            return Advice("clipped", f"{text}: lower the {lower}, or use noise='multiplicative'", cooler)
        change: dict[str, Value] = {"noise": "multiplicative"}
        text += ", which makes their solutions wrong: use noise='multiplicative' and keep predictions positive"
        if now.temperature * self._unit != 1.0:
            change["temperature"] = 1.0
        if self._option == "beta" and (now.step or 0.0) > SHORT:
            change["beta"] = SHORT
            text += f", with beta={SHORT:g}, so that targets are so, too"
        return Advice("clipped", text, change)

    def _blindness(self) -> Advice | None:
        if bool(self._measured.pulled.any()):
            return None
        text = "the loss has no gradient for any solution of this batch: it is at a minimum, or flat there"
        return Advice("blind-loss", f"{text}; take a loss that tells solutions apart", where="loss")

    def _starvation(self) -> Advice | None:
        rule = self._probe.rule
        if not getattr(rule, "scale", True):  # the size of the loss is not in its gradient
            return None
        heavy = self._weights >= FAINT * self._weights.max()
        pulled = int((self._weights > 0).sum())
        largest = float(self._measured.gradients.abs().max()) * len(self._theta) * max(self._spread, 1.0)
        rows: tuple[int, ...] = ()
        if pulled >= ENOUGH and int(heavy.sum()) < STARVED * pulled:
            rows = tuple(heavy.nonzero().flatten().tolist())
            text = f"{_listed(rows)} of {pulled} get nearly all of the loss's gradient: weigh rows alike"
        elif 0 < largest < TINY:
            text = "the gradient is so small that optimisers lose it beside their eps: multiply the loss"
        else:
            return None
        if type(rule) is not IMLE:
            return Advice("starved", text, where="loss", rows=rows)
        text += ", or use IMLE(scale=False), which takes the direction of the loss's gradient alone"
        return Advice("starved", text, {"scale": False}, rows=rows)

    def _loud_noise(self) -> Advice | None:
        hidden = self._now.zero > SPARSE or self._now.cosine < NOISY
        if not self._loudness > (MUFFLED if hidden else LOUD):
            return None
        lower, change = self._temperature(self._fitting)
        text = f"noise is {self._loudness:.3g} times as large as the spread of the scores, {self._spread:.3g}"
        return Advice("loud-noise", f"{text}, and leaves little of them: lower the {lower}", change)

    def _offset(self) -> Advice | None:
        theta, costs = self._theta.flatten(1), self._layer.solver.sense == "min"
        mean, equal = float(theta.mean()) * (-1 if costs else 1), not bool(row_spreads(theta).any())
        spread = 1.0 if equal else self._spread
        if theta.shape[1] == 1 or abs(mean) <= OFFSET * spread:
            return None
        what = "costs" if costs else "scores"
        if equal:
            name, text = "constant-objective", f"all {what} of a row are the same, {mean:.3g} in the mean"
        else:
            name, text = "offset", f"the mean of the {what}, {mean:.3g}, is large beside their spread, {spread:.3g}"
        if not equal and self._constants_do_nothing():
            return None
        text += ", and hides what a model learns of their differences"
        if not (costs and mean > 0):
            change: dict[str, Value] = {"shift": float(f"{-mean:.3g}")}
            text += f": take {mean:.3g} off the {what}"
            if not equal and not 1 / OFFSET <= self._loudness <= MUFFLED:  # what is relative to the spread shows now
                fitting, temperature = self._temperature(self._fitting)
                text, change = f"{text}, and change the {fitting}", change | temperature
            return Advice(name, text, change, where="objective")
        if equal:
            return Advice(name, f"{text}: divide them by it", {"factor": float(f"{1 / mean:.3g}")}, where="objective")
        return None  # costs may have to be positive

    def _constants_do_nothing(self) -> bool:
        """Whether steps are relative to what varies, and all solutions have the same size."""
        rule = self._probe.rule
        return isinstance(rule, IMLE) and not isinstance(rule, AIMLE) and self._negated.alike

    def _sparsity(self) -> Advice | None:
        now, rule, option = self._now, self._probe.rule, self._option
        if not now.zero > SPARSE:
            return None
        text = f"{percent(now.zero)} of rows got a zero gradient"
        if option and (step := self._denser_step()) is not None:
            assert now.step is not None
            there = percent(self._probe.read(step, DRAWS).cell.zero)
            if isinstance(rule, AIMLE):
                batches = math.ceil((step - now.step) / rule.step_size)
                way = f"start aimle with beta={step:g} ({there} there); from {now.step:.3g} it takes {batches} batches"
            else:
                way = f"raise {option} from {now.step:.3g} to about {step:g} ({there} there), or use aimle"
            return Advice("short-step", f"{text}: {way}", {option: step})
        denser = [c.temperature for c in self._same_step if c.zero <= SPARSE and c.temperature > now.temperature]
        if denser:
            raised, change = self._temperature(min(denser) * self._unit)
            return Advice("quiet-noise", f"{text}: raise the {raised}", change)
        if option:
            text = (
                f"{text}, and would at any {option} up to {self._most:.0e}: most solutions are the best already as "
                "far as the loss's gradient tells; look for a loss that tells solutions apart"
            )
            return Advice("blind-loss", text, where="loss")
        return Advice("sparse", f"{text}: draw more samples (nb_samples), or use imle or aimle", {"estimator": "aimle"})

    def _denser_step(self) -> float | None:
        """The least step, to 5 % and two digits, at which at most half of the rows get a zero gradient, if any; or the
        step whose targets are as far away as what is solved varies, if that is more."""

        def dense(step: float) -> bool:
            return self._probe.read(step, DRAWS).cell.zero <= SPARSE

        low = self._probe.step or 1e-3  # adaptive steps may have come down to 0
        while not dense(3 * low):
            low *= 3
            if low > self._most:
                return None
        least = max(crossing(low, 3 * low, dense, tolerance=0.05), self._probe.fitting_step(self._measured.last) or 0.0)
        digits = 10.0 ** (math.floor(math.log10(least)) - 1)
        return float(f"{math.ceil(least / digits - 1e-9) * digits:.2g}")

    def _saturation(self) -> Advice | None:
        now, option = self._now, self._option
        if not option or not now.step or getattr(self._probe.rule, "alpha", 1.0) != 1.0:
            return None
        fitting = self._probe.fitting_step(self._measured.last) or math.inf
        if (now.saturated or 0.0) > SATURATED and now.step > FITTING * fitting:
            text = f"the target of {percent(now.saturated or 0.0)} of rows ignores the objective, as alpha=0 does"
        elif now.step > LONG * fitting:
            text = f"targets are {now.step / fitting:.2g} times as far from the objective as what is solved varies"
        else:
            return None
        step = float(f"{fitting:.2g}")
        if self._probe.read(step, DRAWS).cell.zero > SPARSE:
            return None
        text += f": unless that is meant, lower {option} from {now.step:.3g} to {step:.3g}"
        return Advice("long-step", text, {option: step})

    @cached_property
    def _negated(self) -> Negated:
        return self._probe.negated()

    def _wrong_sense(self) -> Advice | None:
        gain, empty, _ = self._negated
        if len(self._theta) < ENOUGH or not gain > (0.0 if empty else BACKWARD):
            return None
        read, other = ("costs", "scores") if self._layer.solver.sense == "min" else ("scores", "costs")
        found = "all solutions are empty, and better" if empty else "solutions are far better"
        text = f"{found} where the solver, which reads {read}, is given the negative: if these are {other}, negate them"
        return Advice("wrong-sense", text, {"factor": -1.0}, where="objective")

    def _quiet_noise(self) -> Advice | None:
        if not self._loudness < QUIET or getattr(self._probe.rule, "alpha", 1.0) != 1.0:
            return None
        if self._loudness > SILENT and self._negated.gain < -BACKWARD:  # trained scores may be sure
            return None
        raised, change = self._temperature(self._fitting)
        if self._noise is None:
            take = f"take noise={self._default!r} with temperature={change['temperature']:g}"
            text = f"nothing is drawn, and a sample is all or nothing: unless that is meant, {take}"
            return Advice("no-noise", text, {"noise": str(self._default), **change})
        text = f"noise is {self._loudness:.1g} times as large as the spread of the scores, {self._spread:.3g}"
        return Advice("quiet-noise", f"{text}, and changes few solutions: raise the {raised}", change)

    def _variance(self) -> Advice | None:
        now, option = self._now, self._option
        if not now.cosine < NOISY:  # nan where nothing is drawn
            return None
        parts: list[tuple[str, dict[str, Value]]] = []
        if now.cosine > 0:
            samples = math.ceil(GOAL**2 * (1 - now.cosine) / (now.cosine * (1 - GOAL**2))) * self._layer.nb_samples
            if samples <= MOST_SAMPLES:
                change: dict[str, Value] = {"nb_samples": samples}
                parts.append((f"nb_samples={samples} brings their mean to about {GOAL:g} of the expected one", change))
        cooler = [cell for cell in self._same_step if _clear(cell) and cell.temperature < now.temperature]
        for cell in cooler[-1:]:
            lower, change = self._temperature(cell.temperature * self._unit)
            parts.append((f"the {lower} makes two agree by {cell.cosine:.2f}", change))
        gentle = [cell for cell in self._same_temperature if _clear(cell) and (cell.saturated or 0.0) <= SATURATED]
        if option and gentle and (step := gentle[0].step) is not None:
            parts.append((f"{option}={step:.3g} makes two agree by {gentle[0].cosine:.2f}", {option: step}))
        ways = ", or ".join(text for text, _ in parts) or "larger batches or a smaller learning rate average it out"
        text = f"two draws of the gradient agree by a cosine of {now.cosine:.2f} only: {ways}"
        return Advice("variance", text, parts[0][1] if parts else {})

    def _temperature(self, wanted: float) -> tuple[str, dict[str, Value]]:
        """A temperature in words, and as options of `imle.layer`: a number there is absolute."""
        wanted = float(f"{wanted:.2g}")
        change: dict[str, Value] = {"temperature": wanted}
        if self._layer.target_temperature != self._layer.temperature:
            change["target_temperature"] = wanted
        now = f"{self._now.temperature:.3g}"
        if self._unit != 1.0:
            return f"temperature from {now} units of {self._unit:.3g} to temperature={wanted:g}, absolute", change
        return f"temperature from {now} to {wanted:g}", change


def _clear(cell: Cell) -> bool:
    """Whether gradients are neither noise nor zero for the most part."""
    return cell.cosine >= NOISY and cell.zero <= SPARSE


def _listed(rows: Sequence[int]) -> str:
    """Rows in words: the first five, and how many more."""
    if len(rows) == 1:
        return f"row {rows[0]}"
    more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
    return f"rows {', '.join(map(str, rows[:5]))}{more}"
