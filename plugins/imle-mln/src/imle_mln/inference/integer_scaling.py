"""Coefficients as whole numbers, for engines that count in them.

All are multiplied by one power of two and rounded, so each is off by half a unit at most. A state that is best for the
whole numbers is then best for the coefficients up to half a unit for each of them: of the two states compared, one
counts a coefficient and the other does not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imle.errors import SolveError
from imle_mln.network import Floats

_MOST = 53
"""Sums below two to this are exact in float64."""


def shift_to(size: int, values: Floats) -> int:
    """The shift with which the sizes of values add up to less than two to `size`."""
    return size - int(np.frexp(np.abs(values).sum())[1])


def fixed_point(values: Floats, shift: int) -> NDArray[np.int64]:
    """Values times `2^shift` as whole numbers.

    Raises:
        SolveError: they are too large for that.
    """
    scaled = np.rint(np.ldexp(values, shift))
    if not np.abs(scaled).sum() < 2.0**_MOST:
        raise SolveError(
            f"mln: fixed point: expected coefficients whose sizes add up to less than 2^{_MOST}, found "
            f"{np.abs(scaled).sum():.3g}"
        )
    return scaled.astype(np.int64)
