"""From float coefficients to the integers that OR-Tools works with, and what the rounding can cost.

With scale s, a coefficient c becomes the integer a = round(s * c). If z is optimal for a / s and z* for c, then

    <c, z> - <c, z*>  <=  sum_i |c_i - a_i / s| * (ub_i - lb_i)  <=  sum_i 0.5 / s * (ub_i - lb_i)

in size, for any sense: the middle term is the *gap* computed here. A power of two as scale loses nothing by itself, so
coefficients that are small multiples of a power of two, integers among them, have gap zero.

Once z is known, less can be said to be lost: no z' costs less than <a / s, z> + min <c - a / s, z'>, where z' is within
the bounds and <a, z'> is at most <a, z> and the gap. A row is only called optimal if that is as good as its value.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_POWERS = (-1074, 1000)
"""Scales stay between these powers of two, which float64 represents exactly."""
_TIGHTENINGS, _ROUND_OFF = 4, 1e-9
_NOTHING = 2.0**-900
"""Differences below this are below what such scales can tell."""


class Limits(NamedTuple):
    """How large a row of integers may get, as powers of two.

    Attributes:
        fine: rows are scaled up to this size.
        most: rows that are larger already are left as they are up to this size, and only then scaled down.
    """

    fine: int
    most: int


class Scaled(NamedTuple):
    """Rows of integers.

    Attributes:
        integers: `[N, n]`; zeros in rows that do not fit.
        scales: `[N]`.
        rounding: `[N, n]` each coefficient minus integer / scale.
        fits: `[N]` whether the integers stay within the limits.
    """

    integers: Ints
    scales: Floats
    rounding: Floats
    fits: NDArray[np.bool_]

    def least(
        self, row: int, whole: float | None, lows: Floats, highs: Floats, solution: Floats | None = None
    ) -> float:
        """What no solution costs less than.

        Args:
            row: which of the rows is meant.
            whole: what no solution costs less than in integers; None for what bounds alone tell.
            lows, highs: `[n]` finite bounds of the variables.
            solution: `[n]` one that is known. Better ones are not far from where each variable is cheapest, and what
                rounding can hide there is far less than what it can hide within wide bounds.
        """
        integers, rounding = self.integers[row].astype(np.float64), self.rounding[row]
        scale = float(self.scales[row])
        upwards = integers >= 0
        cheapest, spans = np.where(upwards, lows, highs), highs - lows
        base = float(integers @ cheapest)
        whole = base if whole is None else whole
        value = np.inf
        if solution is not None:
            found = float(integers @ solution)
            value = found / scale + float(rounding @ solution)
            for _ in range(_TIGHTENINGS):
                over = found - base + scale * float(np.abs(rounding) @ spans)
                spans = np.minimum(spans, (over * (1.0 + _ROUND_OFF) + 1.0) / np.maximum(np.abs(integers), 1.0))
        hidden = float(rounding @ cheapest + np.minimum(0.0, np.where(upwards, rounding, -rounding) * spans).sum())
        return min(whole / scale + hidden, value)

    def resolves(self, row: int, solution: Floats, least: float) -> bool:
        """Whether a solution `[n]` is as good as optimal, given what none costs less than."""
        costs = self.integers[row] / self.scales[row] + self.rounding[row]
        value = float(costs @ solution)
        return value - least <= max(RESOLVED * max(abs(value), float(np.abs(costs).max(initial=0.0))), _NOTHING)


RESOLVED = 1e-9
"""A row is optimal if nothing can be better by more than this share of its value, or of its largest coefficient."""
UNRESOLVED = "coefficients differ by less than whole numbers resolve: bound says how much better a solution could be"


def to_integers(values: Floats, sizes: Floats | None, scale: float | str, limits: Limits) -> Scaled:
    """Scale and round rows of coefficients.

    Args:
        values: `[N, n]`, finite.
        sizes: `[n]`, at least 1 where values are not all zero; the size of a row is then
            `sum_i |value_i| * size_i`. None: it is that of its largest value.
        scale: "auto" or a number; "auto" takes the largest power of two within the limits, and then divides
            a row by the powers of two that all its integers have in common.
        limits: for the size of a row of integers.
    """
    exponents = _exponents(values, sizes)
    if isinstance(scale, str):
        powers = np.maximum(limits.fine - exponents, np.minimum(0, limits.most - exponents))
        scales = np.exp2(np.clip(powers, *_POWERS).astype(np.float64))
    else:
        scales = np.full(len(values), float(scale))
    # size < 2**exponent and scale < 2**frexp(scale)
    fits = exponents + np.frexp(scales)[1] <= limits.most + 1
    with np.errstate(over="ignore", under="ignore"):
        exact = values * np.where(fits, scales, 0.0)[:, None]
        rounded = np.rint(exact)
        rounding = (exact - rounded) / scales[:, None]
    integers = rounded.astype(np.int64)
    if isinstance(scale, str):
        # smaller integers that say the same: the solver then searches as if the user had written them
        common = np.bitwise_or.reduce(integers, axis=1)
        factors = np.where(common == 0, 1, common & -common)  # the lowest bit that is set
        integers //= factors[:, None]
        scales = scales / factors
    return Scaled(integers, scales, rounding, fits)


def _exponents(values: Floats, sizes: Floats | None) -> Ints:
    """Exponents e with size < 2**e, without overflow: `[N]`."""
    if not values.size:
        return np.zeros(len(values), np.int64)
    largest: Ints = np.frexp(np.abs(values).max(axis=1))[1].astype(np.int64)
    if sizes is None:
        return largest
    with np.errstate(under="ignore"):
        relative = np.ldexp(np.abs(values), -largest[:, None]) @ sizes
    exponents: Ints = largest + np.frexp(relative)[1]
    return exponents
