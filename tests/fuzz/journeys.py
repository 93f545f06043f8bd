"""Objectives in an order that upsets solvers which start from what they solved before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Best = Callable[[Floats], Floats]
"""A good solution `[n]` for an objective `[n]`."""


def journey(rng: np.random.Generator, size: int, rows: int, *, best: Best, attractive: Floats, sign: int) -> Floats:
    """`[rows, size]` objectives.

    Args:
        rng: of all choices.
        size: coefficients per objective.
        rows: how many objectives.
        best: a best solution, to be made a bad one next.
        attractive: `[size]` coefficients that make the constraints bite, as rows of them do.
        sign: 1 for costs, -1 for scores.
    """
    found: list[Floats] = []
    before = rng.normal(size=size)
    for _ in range(rows):
        before = _next(rng, before, best, attractive, sign)
        found.append(before)
    return np.array(found) + 0.0


def _next(rng: np.random.Generator, before: Floats, best: Best, attractive: Floats, sign: int) -> Floats:
    size = len(before)
    kind = rng.integers(10)
    if kind == 0:  # what was best becomes bad
        return before + sign * 2.0 * float(np.abs(before).max()) * np.sign(best(before))
    if kind == 1:  # a tie, or nearly one
        return before * (1 + 1e-7 * rng.normal(size=size))
    if kind == 2:
        return -before
    if kind == 3:  # ties
        return rng.integers(-3, 4, size).astype(float)
    if kind == 4:
        return np.where(rng.random(size) < 0.5, 0.0, rng.normal(size=size))
    if kind == 5:  # as large as items are heavy
        return -sign * np.abs(attractive) * rng.uniform(0.95, 1.05, size)
    if kind == 6:  # parallel to a row
        return -sign * attractive
    normal = np.round(rng.normal(size=size) * 10, int(rng.integers(0, 4)))
    if kind == 7:  # another scale
        return normal * 10.0 ** rng.integers(-9, 10)
    return normal
