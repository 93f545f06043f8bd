"""Loads and times in whole numbers, which is what routes are counted in, so that sums are exact.

Whole numbers and fractions of small denominators are taken as they are meant. Others are rounded to 50 bits of their
sum, and a limit may be exceeded by the round-off of a sum.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from imle.solvers.compiled import Floats, Longs
from imle_linear.whole import whole_row

_BITS = 50
"""Sums stay below 2**50."""
NEVER = 2**56
"""Later than anything that happens."""


class Times(NamedTuple):
    """When clients can be served.

    Attributes:
        durations: `[n, n]` from node to node.
        early, late: `[n]` service begins no earlier, and no later.
        service: `[n]` how long it takes.
    """

    durations: Longs
    early: Longs
    late: Longs
    service: Longs


def loads_in_units(demands: Floats, capacity: float) -> tuple[Longs, int]:
    """Demands and capacity as whole numbers.

    Args:
        demands: `[c]` not negative.
        capacity: not negative.
    """
    loads = np.zeros(len(demands), np.int64)
    some = np.flatnonzero(demands)
    if not len(some):
        return loads, 0
    row = whole_row(some, demands[some])
    if row is not None and row.coefficients.sum() < 2**_BITS:
        loads[some] = row.coefficients
        return loads, min(row.ends(-math.inf, capacity)[1], int(loads.sum()))
    power = _BITS - int(np.frexp(demands.sum())[1])
    loads = np.rint(np.ldexp(demands, power)).astype(np.int64)
    room = round(math.ldexp(min(capacity, float(demands.sum())), power)) + len(demands)
    return loads, min(room, int(loads.sum()))


def times_in_units(windows: Floats, durations: Floats, service: Floats) -> Times:
    """Times as whole numbers.

    Args:
        windows: `[n, 2]` not negative; a window that does not close ends at infinity.
        durations: `[n, n]` not negative.
        service: `[n]` not negative.
    """
    early, late = windows.T
    closing = np.where(np.isfinite(late), late, 0.0)
    every = np.concatenate([early, closing, durations.ravel(), service])
    some = np.flatnonzero(every)
    row = whole_row(some, every[some]) if len(some) else None
    most = float(every.max(initial=0.0)) * (len(early) + 1)  # of a route that visits all nodes
    if row is not None and most * row.factor < 2**_BITS:
        whole = np.zeros(len(every), np.int64)
        whole[some] = row.coefficients
        n = len(early)
        starts, ends, ways, stays = np.split(whole, [n, 2 * n, 2 * n + n * n])
        return Times(ways.reshape(n, n), starts, np.where(np.isfinite(late), ends, NEVER), stays)
    power = _BITS - int(np.frexp(most)[1])
    ways, starts, ends, stays = (
        np.rint(np.ldexp(x, power)).astype(np.int64) for x in (durations, early, closing, service)
    )
    return Times(ways, starts, np.where(np.isfinite(late), ends + 2 * len(early), NEVER), stays)
