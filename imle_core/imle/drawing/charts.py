"""Charts: curves and histograms on two axes. `chart_svg` and `chart_sheet` draw them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

REFERENCE = -1
"""The colour of what curves are compared with: that of the text."""


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        low, high: its ends.
        label: below it, or above it if it is the upright one.
        ticks: where to write numbers, and the numbers.
        log: positions are logarithms.
    """

    low: float
    high: float
    label: str
    ticks: Sequence[tuple[float, str]]
    log: bool = False

    def share(self, value: float) -> float:
        """Where a value lies between the ends, in [0, 1]; values outside are moved to the ends."""
        low, high = self.low, self.high
        if self.log:
            value, low, high = math.log(max(value, low)), math.log(low), math.log(high)
        return min(max((value - low) / (high - low), 0.0), 1.0)


@dataclass(frozen=True)
class Curve:
    """A line through points.

    Attributes:
        name: in the legend; "" is left out there.
        x, y: the points.
        colour: a place in `colours.SERIES`, or `REFERENCE`.
        dots: mark the points, too.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: int
    dots: bool = False


@dataclass(frozen=True)
class Bars:
    """A histogram.

    Attributes:
        edges: `n + 1` values, rising.
        heights: `n` values.
        colour: a place in `colours.SERIES`.
    """

    edges: Sequence[float]
    heights: Sequence[float]
    colour: int


@dataclass(frozen=True)
class Chart:
    """One chart."""

    title: str
    x: Axis
    y: Axis
    curves: Sequence[Curve]
    bars: Bars | None = None
    note: str = ""


def linear(low: float, high: float, label: str, *, steps: int = 2, form: str = "{:g}") -> Axis:
    """An axis with `steps + 1` evenly spaced numbers."""
    values = [low + (high - low) * step / steps for step in range(steps + 1)]
    return Axis(low, high, label, [(value, form.format(value)) for value in values])


def decades(low: float, high: float, label: str) -> Axis:
    """A logarithmic axis with its powers of ten."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    powers = [10.0**power for power in range(first, last + 1)]
    return Axis(low, high, label, [(power, f"{power:g}") for power in powers], log=True)


def above(values: Sequence[float]) -> float:
    """A round number that is no less than any value: a digit or 1.5 times a power of ten; 1 if all are zero."""
    most = max(values)
    if most <= 0:
        return 1.0
    scale = 10.0 ** math.floor(math.log10(most))
    factors = (1.0, 1.5, *map(float, range(2, 11)))
    return next(factor * scale for factor in factors if most <= factor * scale * (1 + 1e-9))
