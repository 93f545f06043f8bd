"""All points of a bounded integer program, by what its data mean.

A row is *whole* if a small common denominator makes it whole numbers, as 1/3 and 2/7 do: floats stand for those, and a
point satisfies the row or does not. Other rows are taken as the floats they are: a point that satisfies one up to the
rounding of its terms is feasible, one that is further off than `TOLERANCE` is not, and between them solvers may differ.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from fuzz.exact.model import Program, Row, scaled
from fuzz.listed import Listed

TOLERANCE = 1e-9
"""How far over a row that is not whole a point may be, relative to the row's largest term there."""
PRECISION = 1e-7
"""How far from the best value an optimum may be, relative to the largest term of the objective."""
_ROUNDING = 2.0**-53
_DENOMINATOR = 1000
_MOST = 2**62

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def box(program: Program) -> Ints:
    """`[M, n]` whole points within the bounds."""
    sides = [
        range(math.ceil(low), math.floor(high) + 1)  # type: ignore[arg-type]
        for low, high in zip(program.lower, program.upper, strict=True)
    ]
    return np.array(list(itertools.product(*sides)), np.int64).reshape(-1, len(sides))


def is_whole(row: Row, integer: tuple[bool, ...]) -> bool:
    """Whether a row has to be satisfied exactly."""
    coefficients, factor = scaled(row.coefficients)
    used = all(whole for c, whole in zip(coefficients, integer, strict=True) if c)
    return used and factor <= _DENOMINATOR and max(map(abs, coefficients)) < 2**31


def readings(row: Row, points: Ints, whole: bool) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """`[M]` which points satisfy the row for sure, and which do if tolerances are used up."""
    if whole:
        coefficients, factor = scaled(row.coefficients)
        right = row.right * factor
        sums = points @ np.array(coefficients, np.int64)
        if row.equal:
            kept = sums == (int(right) if right.denominator == 1 else _MOST)
        else:
            kept = sums <= max(-_MOST, min(_MOST, math.floor(right)))
        return kept, kept
    terms = points * np.array([float(c) for c in row.coefficients])
    right = float(row.right)
    over = terms.sum(axis=1) - right
    over = np.abs(over) if row.equal else over
    sizes = np.abs(terms)
    rounding = _ROUNDING * (sizes.sum(axis=1) + abs(right))
    return over <= rounding, over <= np.maximum(TOLERANCE * np.maximum(sizes.max(axis=1), abs(right)), rounding)


def listed(program: Program, learned: list[int], costs: list[float], sign: int) -> Listed:
    """What enumeration knows of a program.

    Args:
        program: all variables integer and bounded.
        learned: the variables whose coefficients an objective gives, in its order.
        costs: `[n]` the coefficients of the others, and 0.
        sign: 1 if they are costs, -1 if they are scores.
    """
    points = box(program)
    sure, possible = np.ones(len(points), bool), np.ones(len(points), bool)
    for row in program.rows:
        one, other = readings(row, points, is_whole(row, program.integer))
        sure &= one
        possible &= other
    points, sure = points[possible], sure[possible]
    fixed = points @ np.array(costs)
    order = np.lexsort((sign * fixed, ~sure))  # the best completions of a learned part come first
    shown, first = np.unique(points[order][:, learned], axis=0, return_index=True)
    chosen = order[first]
    return Listed(
        shown, fixed=fixed[chosen], sure=sure[chosen], precision=PRECISION, why=lambda x: _why(program, learned, x)
    )


def _why(program: Program, learned: list[int], solution: Floats) -> str:
    """What is wrong with a point that is not feasible."""
    if (solution != np.rint(solution)).any():
        return "not whole"
    for place, value in zip(learned, solution.tolist(), strict=True):
        low, high = program.lower[place], program.upper[place]
        if (low is not None and value < low) or (high is not None and value > high):
            return f"variable {place} is out of bounds"
    if len(learned) < len(program.lower):
        return "no values of the other variables fit"
    point = np.zeros((1, len(program.lower)), np.int64)
    point[0, learned] = solution
    for number, row in enumerate(program.rows):
        if not readings(row, point, is_whole(row, program.integer))[1][0]:
            total = sum(c * int(x) for c, x in zip(row.coefficients, point[0], strict=True))
            return f"row {number} adds up to {float(total)!r}, its right side is {float(row.right)!r}"
    return "unknown"
