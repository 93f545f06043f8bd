"""Where a monotone condition turns, by bisection on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Callable


def crossing(low: float, high: float, above: Callable[[float], bool], *, tolerance: float) -> float:
    """Where `above` turns from False to True.

    Args:
        low: positive; `above(low)` is False.
        high: `above(high)` is True.
        above: whether a value is too high.
        tolerance: relative width of the last bracket.

    Returns:
        the upper end of the last bracket.
    """
    while high / low > 1 + tolerance:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if above(middle) else (middle, high)
    return high
