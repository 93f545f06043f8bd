"""From weights to the whole numbers a MaxSAT solver counts with.

Floats are fractions whose denominator is a power of two, so a row times a large enough power of two is whole: nothing
is rounded, and the optimum is that of the weights as given. Python's integers have no largest one, and RC2 computes
with them. A `scale` of the user's is for speed instead: fewer distinct weights mean fewer cores. With scale s a weight
w counts as round(s * w) / s, and

    <w, z*> - <w, z>  <=  sum_i |w_i - round(s * w_i) / s|  <=  sum_i 0.5 / s

where z is best for the rounded weights and z* for the true ones: an entry of z moves by 1 at most.
"""

from __future__ import annotations

import math
import numbers
import sys
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from imle.errors import OptionError


def check_scale(who: str, scale: float | str) -> None:
    """Refuse a scale that is neither "exact" nor a positive number.

    Raises:
        OptionError: it is not.
    """
    good = scale == "exact" if isinstance(scale, str) else is_number(scale) and math.isfinite(scale) and scale > 0
    if not good:
        raise OptionError(f'{who}: scale: expected "exact" or a number > 0, found {scale!r}')


def is_number(given: Any) -> bool:
    """Whether this is a real number; True and False are not."""
    return isinstance(given, numbers.Real) and not isinstance(given, bool)


def to_whole(weights: Sequence[Fraction], scale: float | str) -> tuple[list[int], Fraction]:
    """Weights as whole numbers of one unit, without a common divisor (or, with a scale, rounded); and the unit."""
    if not isinstance(scale, str):
        factor = Fraction(scale)
        return [round(weight * factor) for weight in weights], 1 / factor
    factor = Fraction(math.lcm(*(weight.denominator for weight in weights)))
    whole = [int(weight * factor) for weight in weights]
    common = max(1, math.gcd(*whole))
    return [weight // common for weight in whole], common / factor


def rounding(weights: Sequence[Fraction], scale: float | str) -> Fraction:
    """`sum_i |w_i - round(s * w_i) / s|`; zero without a scale."""
    if isinstance(scale, str):
        return Fraction(0)
    factor = Fraction(scale)
    return sum((abs(weight - round(weight * factor) / factor) for weight in weights), Fraction(0))


def float_above(value: Fraction) -> float:
    """The smallest float that is no less."""
    try:
        found = float(value)
    except OverflowError:
        return math.inf if value > 0 else -sys.float_info.max
    return found if Fraction(found) >= value else math.nextafter(found, math.inf)
