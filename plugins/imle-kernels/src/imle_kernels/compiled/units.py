"""Weights in units in which they are whole numbers, where there are such units: sums are exact then.

Decided here for powers of two, of which floats are multiples, and for powers of ten, up to a million: most weights that
somebody wrote are decimals. What may be other fractions is left to Python's exact arithmetic; numbers with noise on
them are none, which a few steps of a continued fraction tell.
"""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Floats, Longs, Masks, compiled

REAL, EXACT, ROUNDED, OTHER = 0, 1, 2, 3
"""Kinds of weights: no whole numbers; multiples of a power of two; nearest to decimals; perhaps fractions, or large."""

BINARY = 2.0**19
DECIMAL = 6
"""The largest denominators: a million, about."""
SMALL = 2.0**31
"""Fractions have smaller numerators: a float is within round-off of one of such a denominator at most."""
LARGE, HUGE = 2.0**53, 2.0**62
"""Floats hold whole numbers up to the first; sums of whole numbers stay below the second."""
ULP = 2.0**-52


@compiled
def in_units(weights: Floats, units: Floats, denominators: Longs, divisors: Longs, kinds: Masks) -> None:
    """Find the units of each constraint.

    Args:
        weights: `[W, m, n]`, finite, not negative.
        units: `[W, n, m]` written: weights times denominator, through divisor, whole; the weights where they are REAL.
        denominators, divisors: `[W, m]` written.
        kinds: `[W, m]` written; what is written beside OTHER means nothing.
    """
    rows, m, n = weights.shape
    for row in range(rows):
        for i in range(m):
            own = weights[row, i]
            kind, denominator = common_denominator(own)
            divisor, total = 1, 0.0
            if kind in (EXACT, ROUNDED):
                divisor = 0
                for j in range(n):
                    whole = np.rint(own[j] * denominator)
                    total += whole
                    divisor = common_divisor(divisor, int(whole))
                divisor = max(divisor, 1)
                if total / divisor >= LARGE:
                    kind = REAL
            kinds[row, i], denominators[row, i], divisors[row, i] = kind, np.int64(denominator), divisor
            for j in range(n):
                units[row, j, i] = np.rint(own[j] * denominator) / divisor if kind != REAL else own[j]


@compiled
def common_denominator(weights: Floats) -> tuple[int, float]:
    """The kind of some weights, and what makes them whole where that is EXACT or ROUNDED."""
    largest = weights.max()
    if largest * len(weights) >= HUGE:
        return OTHER, 1.0
    binary = 1.0
    for weight in weights:
        while binary <= BINARY and np.floor(weight * binary) != weight * binary:
            binary *= 2.0
    if binary <= BINARY:
        fits = largest < LARGE if binary == 1.0 else largest * binary < SMALL
        return (EXACT, binary) if fits else (OTHER, 1.0)
    for digits in range(1, DECIMAL + 1):
        power = 10.0**digits
        if are_decimals(weights, power):
            return (ROUNDED, power) if np.rint(largest * power) < SMALL else (REAL, 1.0)
    for weight in weights:
        if not near_fraction(weight):
            return REAL, 1.0
    return OTHER, 1.0


@compiled
def are_decimals(weights: Floats, power: float) -> bool:
    """Whether weights are the floats nearest to multiples of 1 / power."""
    k = 0
    while k < len(weights) and np.rint(weights[k] * power) / power == weights[k]:
        k += 1
    return k == len(weights)


@compiled
def near_fraction(value: float) -> bool:
    """Whether a number >= 0 may be a fraction with a small denominator, and a few units of round-off."""
    before, numerator = 1.0, np.floor(value)
    earlier, denominator = 0.0, 1.0
    rest = value - numerator
    while denominator <= 2.0 * BINARY:
        if abs(value - numerator / denominator) <= 8.0 * ULP * value:
            return True
        if rest == 0.0:
            return False
        step = np.floor(1.0 / rest)
        rest = 1.0 / rest - step
        before, numerator = numerator, step * numerator + before
        earlier, denominator = denominator, step * denominator + earlier
    return False


@compiled
def common_divisor(one: int, other: int) -> int:
    """The greatest common divisor of two whole numbers >= 0; 0 of zeros."""
    while other:
        one, other = other, one % other
    return one


@compiled
def rooms(capacities: Floats, units: Floats, denominators: Longs, divisors: Longs, kinds: Masks, found: Floats) -> None:
    """Capacities in the units of the weights, rounded down; what nobody can fill is no limit.

    Those of ROUNDED weights may first be off by the round-off of a sum: 0.1 x <= 0.3 is x <= 3, though 0.3 is less than
    three times the float 0.1. Those of REAL weights may be exceeded by as much.

    Args:
        capacities: `[N, m]`, finite.
        units, denominators, divisors, kinds: what `in_units` has written, for one row or N.
        found: `[N, m]` written, but for OTHER weights.
    """
    rows, m = capacities.shape
    n = units.shape[1]
    for row in range(rows):
        own = row if len(units) > 1 else 0
        for i in range(m):
            kind = kinds[own, i]
            total, largest = 0.0, 0.0
            for j in range(n):
                total += units[own, j, i]
                largest = max(largest, units[own, j, i])
            limit, slack = capacities[row, i], 0.0
            if kind == REAL:
                slack = (n + 3) * ULP
            else:
                limit *= denominators[own, i]
                if abs(limit) >= HUGE:
                    limit = total if limit > 0.0 else -1.0
                elif kind == EXACT:
                    limit = float(np.int64(np.floor(limit)) // divisors[own, i])
                else:
                    limit /= divisors[own, i]
                    nearest = np.rint(limit)
                    near = abs(limit - nearest) <= max(abs(limit), largest) * (n + 3) * ULP
                    limit = nearest if near else np.floor(limit)
            if kind != OTHER:
                found[row, i] = min(limit, total) * (1.0 + slack)
