"""A linear program whose numbers are exact."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Row:
    """`coefficients @ x <= right`, or `==` where `equal`."""

    coefficients: tuple[Fraction, ...]
    right: Fraction
    equal: bool = False

    def whole(self) -> tuple[list[int], int]:
        """Coefficients and right side times their least common denominator."""
        return _whole([*self.coefficients, self.right])


@dataclass(frozen=True)
class Program:
    """Rows, bounds (None is infinite) and integrality of n variables."""

    rows: tuple[Row, ...]
    lower: tuple[Fraction | None, ...]
    upper: tuple[Fraction | None, ...]
    integer: tuple[bool, ...]

    def inwards(self) -> Program:
        """The same points, with whole bounds for integer variables."""
        lower = [
            Fraction(math.ceil(v)) if v is not None and i else v for v, i in zip(self.lower, self.integer, strict=True)
        ]
        upper = [
            Fraction(math.floor(v)) if v is not None and i else v for v, i in zip(self.upper, self.integer, strict=True)
        ]
        return Program(self.rows, tuple(lower), tuple(upper), self.integer)


def _whole(numbers: Sequence[Fraction]) -> tuple[list[int], int]:
    factor = math.lcm(*(number.denominator for number in numbers))
    found = [int(number * factor) for number in numbers]
    return found[:-1], found[-1]


def scaled(numbers: Sequence[Fraction]) -> tuple[list[int], int]:
    """Whole numbers, and what they are to be divided by."""
    factor = math.lcm(*(number.denominator for number in numbers))
    return [int(number * factor) for number in numbers], factor
