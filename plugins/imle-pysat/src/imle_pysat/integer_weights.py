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
import sys
from collections.abc import Sequence
from fractions import Fraction


def integer_weights(weights: Sequence[Fraction], scale: float | str) -> tuple[list[int], Fraction]:
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
