"""Constraint rows as whole numbers, where they can be written so without loss.

A row of 2/3, 0.1 or 8/9 is whole once multiplied by a small common denominator: the user meant these fractions, of
which float64 holds the nearest numbers. A row that is off by more than such round-off stays what it is: floats.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imle_linear.arrays import Columns, Floats

Ints = NDArray[np.int64]

_DIGITS = 6
DENOMINATOR = 10**_DIGITS
"""The largest common denominator of a row."""
_LARGEST = 2**31
"""Numerators stay below this: a float is then within round-off of one fraction of such a denominator at the most."""
_EXACT = 2**53
"""Whole numbers stay below this, up to which floats hold all of them."""
FAR = 2**62
"""Beyond any sum of a row: stands for no limit."""
_ULPS = 2
"""Round-off of a coefficient that took an operation or two: 0.1 * 3 is 3/10."""


class WholeRow(NamedTuple):
    """One row, multiplied by a factor.

    Attributes:
        variables: `[k]`, of which it has coefficients.
        coefficients: `[k]`, without a common divisor.
        factor: coefficients are this times those of the row as given.
        exact: that holds exactly, as it does for whole numbers and small binary fractions, and not up to round-off.
    """

    variables: Ints
    coefficients: Ints
    factor: Fraction
    exact: bool

    def ends(self, lower: float, upper: float) -> tuple[int, int]:
        """Least and greatest value of the whole row; far out where there is no limit, or none yet (nan).

        Right sides are rounded inwards. Those of rows that are not exact may first be off by the round-off of a sum:
        0.1 x <= 0.3 is x <= 3, though 0.3 is less than three times the float 0.1.
        """
        low = math.ceil(self._scaled(lower)) if lower > -math.inf else -FAR
        high = math.floor(self._scaled(upper)) if upper < math.inf else FAR
        return max(-FAR, min(low, FAR)), max(-FAR, min(high, FAR))

    def _scaled(self, side: float) -> Fraction:
        scaled = Fraction(side) * self.factor
        if self.exact:
            return scaled
        nearest = Fraction(round(scaled))
        size = max(abs(scaled), Fraction(int(np.abs(self.coefficients).max())))
        return nearest if abs(scaled - nearest) <= size * (len(self.coefficients) + 3) / 2**52 else scaled


def whole_rows(matrix: Columns) -> list[WholeRow | None]:
    """Each row in whole numbers, or None where it has no small common denominator."""
    order = np.argsort(matrix.index, kind="stable")
    index, columns, values = matrix.index[order], matrix.column[order].astype(np.int64), matrix.value[order]
    ends = np.searchsorted(index, np.arange(matrix.shape[0] + 1)).tolist()
    return [whole_row(columns[a:b], values[a:b]) for a, b in pairwise(ends)]


def whole_row(variables: Ints, values: Floats) -> WholeRow | None:
    """The row of these coefficients, or None if they have no small common denominator."""
    fractions = _decimals(values) or _fractions(values)
    if fractions is None:
        return None
    whole, denominator = fractions
    common = math.gcd(*whole) or 1
    if max(map(abs, whole), default=0) >= (_LARGEST if denominator > 1 else _EXACT * common):
        return None
    pairs = zip(values.tolist(), whole, strict=True)
    exact = denominator == 1 or all(Fraction(value) * denominator == number for value, number in pairs)
    coefficients = np.array([number // common for number in whole], np.int64)
    return WholeRow(variables, coefficients, Fraction(denominator, common), exact)


def _decimals(values: Floats) -> tuple[list[int], int] | None:
    """Numerators over a power of ten, if the values are the floats nearest to these: fast, and most rows are."""
    for power in range(_DIGITS + 1):
        numerators = np.rint(values * 10.0**power)
        if (numerators / 10.0**power == values).all():
            return [int(number) for number in numerators.tolist()], 10**power
    return None


def _fractions(values: Floats) -> tuple[list[int], int] | None:
    """Numerators over the common denominator of the fractions that the values stand for."""
    fractions, denominator = [], 1
    for value in values.tolist():
        fraction = _fraction(value)
        if fraction is None:
            return None
        fractions.append(fraction)
        denominator = math.lcm(denominator, fraction.denominator)
        if denominator > DENOMINATOR:
            return None
    return [int(fraction * denominator) for fraction in fractions], denominator


@lru_cache(maxsize=4096)
def _fraction(value: float) -> Fraction | None:
    """The fraction of small denominator that a float stands for, if there is one."""
    near = Fraction(value).limit_denominator(DENOMINATOR)
    return near if abs(Fraction(value) - near) <= _ULPS * Fraction(math.ulp(value)) else None
