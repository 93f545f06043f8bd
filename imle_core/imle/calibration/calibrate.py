"""`imle.calibrate`: which temperature gives the marginals one wants."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from imle._checks import positive_int
from imle._copies import trial
from imle._crossing import crossing
from imle.calibration.report import Calibration, Point
from imle.errors import ObjectiveError, OptionError, SolveError
from imle.estimators.samples import average
from imle.layers.module import Batch, SolverLayer
from imle.losses.base import check_shape, maximise, plain
from imle.noise import (
    BaseNoiseDistribution,
    MultiplicativeNoiseDistribution,
    SumOfGammaNoiseDistribution,
    check_noise,
    noise_by_name,
    perturb,
)
from imle.noise.units import LOUD, absolute, fitting_temperature
from imle.progress import Bar, bar

TOLERANCE = 0.005
"""Relative precision of the temperature."""
RANGE = 1e4
"""Temperatures are looked for from 1 / RANGE to RANGE times the spread of a row of theta."""


def calibrate(
    layer: SolverLayer,
    objective: Tensor,
    *,
    solutions: Tensor | None = None,
    marginals: Tensor | None = None,
    entropy: float | None = None,
    noise: str | BaseNoiseDistribution | None = None,
    nb_samples: int = 100,
    progress: bool = False,
    **rows: Sequence[Any],
) -> Calibration:
    """Find kappa, and the temperature whose sampled marginals match what is asked for.

    kappa is the mean number of ones of `solutions`, or of the noise-free solutions. The temperature matches one of

    - `entropy`: the mean binary entropy of the sampled marginals;
    - `marginals`, or else `solutions`: the mean score <theta, mu>, which is maximum likelihood for the temperature.

    The scores of an untrained network know next to nothing of the solutions: the likelihood then asks for noise that
    leaves nothing of them, from which nothing is learned. Where it would be more than ten times as large as the spread
    of the scores, the temperature is the one at which it is as large.

    Temperatures are absolute, as `temperature=` of `imle.layer` is; noise in units of theta is taken without them.

    Every temperature is tried with the same draws, so that the statistic moves one way; it is met to 0.5 % of the
    temperature, as far as the number of draws allows. The layer stays as it is until `calibration.apply(layer)`.

    Args:
        layer: a layer made by `imle.layer`.
        objective: `[*batch, *event]`, typical scores or costs.
        solutions: `[*batch, *event]` known solutions.
        marginals: `[*batch, *event]` reference marginals, with entries in [0, 1].
        entropy: bits per entry, more than 0 and less than 1.
        noise: "gumbel", "sum-of-gamma" (with the kappa that is found), ... or an object of `imle.noise`; by default the
            layer's, where sum-of-gamma noise gets the kappa that is found.
        nb_samples: draws per row.
        progress: whether a bar shows which temperatures are tried, on terminals and in notebooks.
        rows: instance parameters that differ per row, as the layer takes them.

    Returns:
        a `Calibration`: kappa, temperature, what was achieved, the curve; `print` it.

    Raises:
        ObjectiveError: a wrong shape, or marginals outside [0, 1].
        OptionError: an option is not valid, nothing is to be matched, or it is out of reach.
        SolveError: no row could be solved.

    Source: I-MLE, section 3.2 (kappa); the moment condition of an exponential family (temperature).

    Example::

        >>> import imle, torch
        >>> layer = imle.layer("topk", k=1)
        >>> theta = torch.tensor([[0.0, 1.0, 2.0]])
        >>> found = imle.calibrate(layer, theta, marginals=torch.softmax(theta / 0.5, -1), nb_samples=20000)
        >>> abs(found.temperature - 0.5) < 0.05
        True
    """
    if entropy is not None and not (isinstance(entropy, (int, float)) and 0 < entropy < 1):
        raise OptionError(f"calibrate: entropy: expected bits per entry between 0 and 1, found {entropy!r}")
    if entropy is not None and marginals is not None:
        raise OptionError("calibrate: expected entropy or marginals, found both")
    if entropy is None and marginals is None and solutions is None:
        raise OptionError(
            "calibrate: expected something to match: entropy, marginals or solutions",
            hint="calibrate(layer, objective, entropy=0.3) asks for marginals of 0.3 bits per entry",
        )
    nb_samples = positive_int("calibrate: nb_samples", nb_samples)
    with trial("calibrate", layer, objective) as copy, bar(f"calibrate {layer.spec.id}", shown=progress) as shown:
        batch = plain(copy, objective, rows)
        known = _like("solutions", solutions, objective, batch)
        known = None if known is None else copy.as_solved(known, batch.solve)
        reference = _like("marginals", marginals, objective, batch)
        if reference is not None and not bool(((reference >= 0) & (reference <= 1)).all()):
            raise ObjectiveError("marginals: expected entries in [0, 1]")
        best, solved, _ = maximise(batch, batch.theta)
        usable = torch.ones(len(best), dtype=torch.bool, device=best.device) if solved is None else solved
        if not bool(usable.any()):
            raise SolveError("calibrate: no row of the batch could be solved")
        kappa = float((best if known is None else known)[usable].double().flatten(1).sum(dim=1).mean())
        copy.noise, copy.nb_samples, copy.antithetic = _noise(noise, layer, kappa), nb_samples, False
        if entropy is not None:
            return _search(_Curve(copy, batch, usable, None, shown), kappa, entropy)
        reference = known if reference is None else reference
        assert reference is not None
        wanted = reference[usable]
        target = _score(batch.theta.detach()[usable], wanted)
        return _search(_Curve(copy, batch, usable, wanted, shown), kappa, target, may_know_nothing=marginals is None)


class _Curve:
    """What marginals of the usable rows are at any temperature, all with the same draws.

    Args:
        layer: with the noise that is calibrated.
        batch: rows to solve.
        usable: `[B]` those that can be solved.
        wanted: `[R, *event]` marginals of these whose mean score is matched; None where an entropy is.
        shown: counts the temperatures that are tried.
    """

    def __init__(self, layer: SolverLayer, batch: Batch, usable: Tensor, wanted: Tensor | None, shown: Bar) -> None:
        assert layer.noise is not None
        eps = layer._draw(batch.theta.detach(), batch.solve)
        assert eps is not None
        self.noise, self.theta, self.wanted = layer.noise, batch.theta.detach()[usable], wanted
        self._layer, self._batch, self._usable, self._eps = layer, batch, usable, eps
        self._points: dict[float, Point] = {}
        self._shown = shown

    def value_at(self, temperature: float) -> float:
        """The mean score, or the entropy."""
        if temperature not in self._points:
            with torch.no_grad():
                theta = self._batch.theta.detach().unsqueeze(1)
                perturbed = perturb(self.noise, theta, self._eps, temperature)
                mu = average(*self._batch.solve(perturbed))[self._usable]
            spread = _entropy(mu)
            if self.wanted is None:
                self._points[temperature] = Point(temperature, spread, spread, math.nan)
            else:
                error = float((mu - self.wanted).abs().mean())
                self._points[temperature] = Point(temperature, _score(self.theta, mu), spread, error)
            self._shown.advance(f"temperature {temperature:.3g}")
        return self._points[temperature].value

    def calibration(
        self, matched: Literal["entropy", "score", "spread"], temperature: float, target: float, kappa: float
    ) -> Calibration:
        """The result, at a temperature that has been tried."""
        return Calibration(
            kappa=kappa,
            temperature=temperature,
            noise=self.noise,
            matched=matched,
            target=target,
            achieved=self._points[temperature],
            curve=tuple(sorted(self._points.values())),
            rows=int(self._usable.sum()),
            nb_samples=self._layer.nb_samples,
        )


def _search(curve: _Curve, kappa: float, target: float, *, may_know_nothing: bool = False) -> Calibration:
    """The temperature at which the curve has the value `target`."""
    if may_know_nothing:
        fitting = fitting_temperature(curve.noise, curve.theta)
        if target <= curve.value_at(LOUD * fitting):
            curve.value_at(fitting)
            return curve.calibration("spread", fitting, target, kappa)
    low, high = _bracket(curve.theta, curve.noise)
    bottom, top = curve.value_at(low), curve.value_at(high)
    what = "entropy" if curve.wanted is None else "mean score of the reference"
    least, most = sorted((bottom, top))
    if not least <= target <= most:
        raise OptionError(
            f"calibrate: {what}: expected between {least:.4g} and {most:.4g}, which temperatures from {low:.3g} to "
            f"{high:.3g} give, found {target:.4g}",
            hint="marginals less certain than pure noise, or more certain than no noise, have no temperature",
        )
    if curve.wanted is not None and bottom <= target:
        raise OptionError(
            f"calibrate: {what}: expected less than that of the noise-free solutions, {bottom:.4g}, found "
            f"{target:.4g}: the smaller the temperature, the closer",
            hint="solutions of layer.eval() have no temperature: pass observed solutions, or marginals",
        )
    sign = 1 if curve.wanted is None else -1  # entropies rise with the temperature, scores fall
    found = crossing(low, high, lambda tau: sign * curve.value_at(tau) >= sign * target, tolerance=TOLERANCE)
    return curve.calibration("entropy" if curve.wanted is None else "score", found, target, kappa)


def _entropy(marginals: Tensor) -> float:
    """Mean binary entropy of all entries, in bits: 0 if all are 0 or 1, 1 if all are 1/2."""
    p = marginals.double().clamp(0.0, 1.0)
    terms: Tensor = torch.special.xlogy(p, p) + torch.special.xlogy(1 - p, 1 - p)
    return abs(float(terms.mean())) / math.log(2)


def _score(theta: Tensor, marginals: Tensor) -> float:
    """Mean over rows of <theta, mu>.

    With additive noise it never rises with the temperature, draw by draw: if z maximises <theta + s eps, .> and z'
    <theta + t eps, .> with s < t, both inequalities together give <theta, z> >= <theta, z'>. It is the sufficient
    statistic of the temperature: matching it is maximum likelihood in the exponential family of theta / tau.
    """
    return float((theta.double() * marginals.double()).sum() / max(len(theta), 1))


def _bracket(theta: Tensor, noise: BaseNoiseDistribution) -> tuple[float, float]:
    if isinstance(noise, MultiplicativeNoiseDistribution):
        return 1e-3, 5.0  # relative to theta by itself; factors overflow beyond
    spread = float(theta.double().flatten(1).std(dim=1, correction=0).median()) or 1.0
    return spread / RANGE, spread * RANGE


def _noise(noise: Any, layer: SolverLayer, kappa: float) -> BaseNoiseDistribution:
    if noise == "sum-of-gamma":
        return SumOfGammaNoiseDistribution(k=kappa)
    if noise is None and isinstance(layer.noise, SumOfGammaNoiseDistribution):
        return SumOfGammaNoiseDistribution(kappa, layer.noise.nb_iterations, layer.noise.device)
    given = layer.noise if noise is None else noise_by_name(noise) if isinstance(noise, str) else noise
    chosen = absolute(given)[0]
    if chosen is None:
        raise OptionError("calibrate: noise: the layer has none", hint="pass noise='gumbel' or another")
    check_noise("calibrate: noise", chosen)
    found: BaseNoiseDistribution = chosen
    return found


def _like(name: str, values: Any, objective: Tensor, batch: Batch) -> Tensor | None:
    if values is None:
        return None
    return check_shape(name, values, objective.shape).detach().to(batch.theta).reshape(batch.theta.shape)
