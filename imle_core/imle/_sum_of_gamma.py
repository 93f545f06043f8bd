"""Exact sampling of the sum-of-gamma noise of Niepert, Minervini and Franceschi (2021) by one table lookup per draw.

The noise is X = (1/kappa) [sum_{i=1..n} Gamma(shape 1/kappa, scale kappa/i) - log n]. With a = 1/kappa it is
X = T - a log n, where T is a sum of Gamma(shape a, rate i) whose Laplace transform is phi(s) = prod_i (1 + s/i)^-a.

The quantile function of X is tabulated once per (kappa, n) on a uniform grid of logit(u), without Monte Carlo:

1. The two tails are inverted separately, so that both keep their *relative* accuracy down to 1e-17:
   F(x) = 1/(2 pi i) int e^{sx} phi(s) / s ds to the right of the pole at 0, and the survival function
   -1/(2 pi i) int e^{sx} phi(s) / s ds between that pole and the first branch point, s = -1.
2. Each integral is a trapezoidal rule on a contour that bends around the negative axis, as in the fixed Talbot method
   (Abate and Valko 2004, "Multi-precision Laplace transform inversion"), but one that crosses the real axis at the
   saddle point of its own integrand. Talbot's contour scales with 1/x alone and loses all digits when the law is
   nearly Gaussian (kappa << 1); on this one nothing cancels for any kappa.
3. The saddle point is chosen and x follows from it in closed form, so there is no root to find.
4. The same nodes give the density, hence the slope of log x against logit(u): cubic Hermite interpolation
   fills the uniform grid.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]

KAPPAS = (1e-12, 1e12)
"""Smallest and largest kappa; beyond, the noise is a constant plus or minus rounding errors."""

_REACH = 37.5  # |logit(u)| that the table covers; float64 draws end at logit(1 - 2**-54) = 37.43
_TOLERANCE = 2.5e-5  # interpolation error of the table, in standard deviations of the noise
_MAX_CELLS = 1 << 16  # 0.5 MB; reached from kappa = 1e5 on, where it replaces the tolerance
_CHUNK = 1 << 15  # draws per pass on a CPU: temporaries stay in the cache, and out of mmap
_NODES, _WIDTH = 40, 10.0  # contour nodes, and half its length in standard deviations of the saddle
_STEP = 0.1  # of the tabulated points, before interpolation
_DIRECT = 32  # gamma terms that are taken one by one; the others go in blocks of a doubling length
_BLOCK_NODES = 8


class _Law(NamedTuple):
    """sum_j weights[j] log(1 + s / rates[j]) equals -log phi(s) to about ten digits or better."""

    rates: Array
    weights: Array

    def power_sum(self, order: int) -> float:
        """a sum_i i^-order: the mean of T (order 1), its variance (order 2), and a n (order 0)."""
        return float((self.weights / self.rates**order).sum())


def sample_sum_of_gamma(
    kappa: float,
    terms: int,
    shape: Sequence[int],
    *,
    dtype: torch.dtype,
    device: torch.device,
    generator: torch.Generator | None,
) -> Tensor:
    """Draw (1/kappa) [sum_{i=1..terms} Gamma(shape 1/kappa, scale kappa/i) - log terms] (Niepert et al. 2021).

    The cost does not depend on `terms`. The table is exact to 5e-5 standard deviations (kappa up to 1e6).
    The uniform behind a draw is a centre (k + 1/2) 2^-24 in float32 and (k + 1/2) 2^-53 in float64: both tails end at
    probability 3e-8 and 6e-17 respectively, and no draw is infinite. Half precisions are float32 draws, rounded.

    Args:
        kappa: expected number of ones in a solution; between 1e-12 and 1e12.
        terms: number of gamma variables in the sum; at least 1.
        shape: shape of the result.
        dtype: a floating-point dtype.
        device: where to draw; everything runs there once the table is built.
        generator: the only source of randomness; None for the global one of the device.

    Raises:
        ValueError: kappa is outside its range or not finite, terms is below 1 or dtype is not floating point.
    """
    kappa, terms = _validated(kappa, terms)
    if not dtype.is_floating_point:
        raise ValueError(f"expected a floating-point dtype for sum-of-gamma noise, found {dtype}")
    working = dtype if dtype in (torch.float32, torch.float64) else torch.float32
    draws = torch.empty(tuple(shape), dtype=working, device=device)
    flat = draws.view(-1).uniform_(-1.0, 1.0, generator=generator)
    # The device of the tensor, not of the argument: "cuda" means another device once the current one changes.
    intercepts, slopes = _tensors(kappa, terms, working, draws.device)
    size = _CHUNK if draws.device.type == "cpu" else max(1, flat.numel())
    for start in range(0, flat.numel(), size):
        _apply_quantile_(flat[start : start + size], intercepts, slopes)
    return draws.to(dtype)


def _validated(kappa: float, terms: int) -> tuple[float, int]:
    kappa, terms = float(kappa), operator.index(terms)
    smallest, largest = KAPPAS
    if not smallest <= kappa <= largest:  # catches NaN too
        raise ValueError(f"expected kappa in [{smallest:g}, {largest:g}] for sum-of-gamma noise, found {kappa}")
    if terms < 1:
        raise ValueError(f"expected at least 1 term in sum-of-gamma noise, found {terms}")
    return kappa, terms


def _apply_quantile_(uniform: Tensor, intercepts: Tensor, slopes: Tensor) -> None:
    """Turn draws of [-1, 1), as `uniform_` makes them, into noise, in place."""
    # uniform_ yields the left ends 2 k eps - 1. Half a step moves them to the centres, exactly and symmetrically about
    # 0, so that neither end is infinite; atanh(2u - 1) = logit(u) / 2.
    half_logit = uniform.add_(torch.finfo(uniform.dtype).eps / 2).atanh_()
    cells = slopes.numel()
    index = (half_logit * (cells / _REACH)).add_(cells / 2).to(torch.int32)
    # Slopes multiply the logit rather than the position in the cell: a float32 position has lost its last bits.
    half_logit.mul_(slopes.index_select(0, index)).add_(intercepts.index_select(0, index))


@lru_cache(maxsize=32)
def _tensors(kappa: float, terms: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Per cell, the noise as intercept + slope * logit(u) / 2."""
    values = _quantiles(kappa, terms)
    ends = np.linspace(-_REACH / 2, _REACH / 2, len(values))
    slopes = np.diff(values) / np.diff(ends)
    intercepts = values[:-1] - slopes * ends[:-1]
    with torch.inference_mode(False):  # the cache outlives the caller's mode
        return (
            torch.from_numpy(intercepts).to(device=device, dtype=dtype),
            torch.from_numpy(slopes).to(device=device, dtype=dtype),
        )


@lru_cache(maxsize=32)
def _quantiles(kappa: float, terms: int) -> Array:
    """The noise at logit(u) = -_REACH .. _REACH in equal steps, as few as the tolerance allows."""
    law = _law(kappa, terms)
    knots, values, slopes = _knots(law)
    tolerance = _TOLERANCE * math.sqrt(law.power_sum(2))
    cells = 1024
    while True:
        fine = np.exp(_hermite(np.linspace(-_REACH, _REACH, 2 * cells + 1), knots, values, slopes))
        ends, middles = fine[::2], fine[1::2]
        if cells >= _MAX_CELLS or np.abs((ends[1:] + ends[:-1]) / 2 - middles).max() < tolerance:
            return np.asarray(ends - math.log(terms) / kappa)
        cells *= 2


def _law(kappa: float, terms: int) -> _Law:
    """Blocks of terms are replaced by the Gauss quadrature of their sum, whose nodes solve a small eigenproblem."""
    rates = [np.arange(1.0, min(terms, _DIRECT) + 1)]
    weights = [np.ones(len(rates[0]))]
    first = _DIRECT + 1
    while first <= terms:
        count = min(first - 1, terms - first + 1)
        order = np.arange(1, min(count, _BLOCK_NODES))
        # Recurrence of the Gram polynomials, orthogonal on `count` equally spaced points.
        beside = order / 2 * np.sqrt((count**2 - order**2) / (4 * order**2 - 1))
        offsets, vectors = np.linalg.eigh(np.diag(beside, 1) + np.diag(beside, -1))
        rates.append(first + (count - 1) / 2 + offsets)
        weights.append(count * vectors[0] ** 2)
        first += count
    return _Law(np.concatenate(rates), np.concatenate(weights) / kappa)


def _knots(law: _Law) -> tuple[Array, Array, Array]:
    """Increasing logit(u), log x and d log x / d logit(u) of T, about a thousand of each."""
    deviation = max(1.0, math.sqrt(law.power_sum(2)))
    # Where the tails meet: the survival contour wants x away from 0, and 1 - F is accurate until then.
    meeting = max(4.0, law.power_sum(1))
    right = np.linspace(math.log(0.2 / deviation), math.log(1e10), 1000)  # log s
    x, lower, density = _invert(law, _spread(law, np.exp(right), right, meeting, upper=False), upper=False)
    left = np.linspace(math.log(0.2 / deviation), 7.0, 1000)  # logit of -s
    saddles = _spread(law, -1 / (1 + np.exp(-left)), left, meeting, upper=True)
    y, upper, tail_density = _invert(law, saddles, upper=True)
    keep = y > x[-1]
    x, density = np.concatenate([x, y[keep]]), np.concatenate([density, tail_density[keep]])
    below, above = np.concatenate([lower, 1 - upper[keep]]), np.concatenate([1 - lower, upper[keep]])
    logits, values, slopes = np.log(below / above), np.log(x), below * above / (density * x)
    if logits[0] > -_REACH:  # x is so small that F is proportional to x^(a n)
        power = law.power_sum(0)
        added = np.linspace(-_REACH, logits[0], math.ceil((logits[0] + _REACH) / _STEP) + 1)[:-1]
        growth = np.logaddexp(0, -logits[0]) - np.logaddexp(0, -added)  # of log F
        logits = np.concatenate([added, logits])
        values = np.concatenate([values[0] + growth / power, values])
        slopes = np.concatenate([1 / (1 + np.exp(added)) / power, slopes])
    return logits, values, slopes


def _saddle(law: _Law, s: Array, upper: bool) -> tuple[Array, Array, Array, Array]:
    """For contours that cross the real axis at s: x, log |integrand|, its second derivative and the contour's bend."""
    weights = law.weights
    if upper:
        # Survival is about x^(a-1) e^-x: for a << 1 the saddle of the integrand itself would sit on the branch point.
        weights = weights + (np.arange(len(weights)) == 0)
    distances = s[:, None] + law.rates
    first, second = ((weights / distances**order).sum(1) for order in (1, 2))
    x = first + 1 / s
    level = s * x - (law.weights * np.log1p(s[:, None] / law.rates)).sum(1) - np.log(np.abs(s))
    curvature = second + 1 / s**2
    # Steepest descent of a power law. It also keeps |e^{sx}| falling like a Gaussian for every other law.
    return x, level, curvature, curvature / (3 * x)


def _spread(law: _Law, candidates: Array, coordinate: Array, meeting: float, *, upper: bool) -> Array:
    """Saddle points _STEP apart in log probability, x and `coordinate` together, out to the end of the table."""
    x, level, curvature, _ = _saddle(law, candidates, upper)
    log_tail = level - np.log(2 * np.pi * curvature) / 2  # the saddle point approximation
    wanted = (x >= meeting if upper else x <= meeting) & (log_tail > -_REACH - 1)
    wanted[1:] |= wanted[:-1]  # and one more, so that the end is inside
    scales = (log_tail, x / max(1.0, math.sqrt(law.power_sum(2))), coordinate)
    steps = sum(np.abs(np.diff(scale[wanted])) for scale in scales)
    distance = np.concatenate([[0.0], np.cumsum(steps)])
    evenly = np.linspace(0.0, distance[-1], max(2, math.ceil(distance[-1] / _STEP)))
    logs = np.interp(evenly, distance, coordinate[wanted])
    return np.asarray(-1 / (1 + np.exp(-logs)) if upper else np.exp(logs)[::-1])


def _invert(law: _Law, saddles: Array, *, upper: bool) -> tuple[Array, Array, Array]:
    """For the x of each saddle point: x, the probability of the tail beyond x and the density of T at x."""
    x, level, curvature, bend = _saddle(law, saddles, upper)
    width = (_WIDTH / _NODES / np.sqrt(curvature))[:, None]
    y = (np.arange(_NODES) + 0.5) * width
    real, bend = saddles[:, None] - bend[:, None] * y**2, bend[:, None]
    log_modulus, phase = np.zeros_like(y), np.zeros_like(y)
    for rate, weight in zip(law.rates, law.weights, strict=True):
        p, q = real / rate, y / rate
        log_modulus -= weight / 2 * np.log1p(p * (2 + p) + q * q)
        phase -= weight * np.arctan2(q, 1 + p)
    peak = level + np.log(np.abs(saddles))
    log_modulus += x[:, None] * real - peak[:, None]
    phase += x[:, None] * y
    # ds = (i - 2 bend y) dy, and the other half of the contour is the complex conjugate.
    integrand = np.exp(log_modulus + 1j * phase) * (1 + 2j * bend * y) * (width / np.pi)
    scale = np.exp(peak)
    tail = (integrand / (real + 1j * y)).sum(1).real * scale
    return x, -tail if upper else tail, integrand.sum(1).real * scale


def _hermite(at: Array, knots: Array, values: Array, slopes: Array) -> Array:
    """Cubic Hermite interpolation."""
    left = np.clip(np.searchsorted(knots, at) - 1, 0, len(knots) - 2)
    step = np.diff(knots)[left]
    t = (at - knots[left]) / step
    rise = np.diff(values)[left]
    return np.asarray(
        values[left]
        + t * rise
        + t * (1 - t) * ((1 - t) * (slopes[left] * step - rise) - t * (slopes[left + 1] * step - rise))
    )
