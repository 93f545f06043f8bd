"""What the three predict-then-optimise generators share: a polynomial of features, and multiplicative noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imle._checks import positive_int
from imle.errors import OptionError

Floats = NDArray[np.float64]


def check(*, rows: int, features: int, degree: int, noise_width: float) -> None:
    """Refuse sizes that make no data.

    Raises:
        OptionError: names the argument, what was expected and what was found.
    """
    for name, value in (("rows", rows), ("features", features), ("degree", degree)):
        positive_int(f"datasets: {name}", value)
    if not 0 <= noise_width < 1:
        raise OptionError(f"datasets: noise_width: expected a number in [0, 1), found {noise_width!r}")


def polynomial(x: Floats, weights: Floats, degree: int) -> Floats:
    """(B x / sqrt(p) + 3)^degree for every row of x. `[n, p]` and `[d, p]` to `[n, d]`."""
    return np.asarray((x @ weights.T / np.sqrt(x.shape[1]) + 3.0) ** degree)


def widths(random: np.random.RandomState, shape: tuple[int, int], noise_width: float) -> Floats:
    """Factors uniform on [1 - w, 1 + w]."""
    return random.uniform(1 - noise_width, 1 + noise_width, shape)
