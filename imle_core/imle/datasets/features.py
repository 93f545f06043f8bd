"""What the three predict-then-optimise generators share: a polynomial of features, and multiplicative noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def polynomial(x: Floats, weights: Floats, degree: int) -> Floats:
    """(B x / sqrt(p) + 3)^degree for every row of x. `[n, p]` and `[d, p]` to `[n, d]`."""
    return np.asarray((x @ weights.T / np.sqrt(x.shape[1]) + 3.0) ** degree)


def widths(random: np.random.RandomState, shape: tuple[int, int], noise_width: float) -> Floats:
    """Factors uniform on [1 - w, 1 + w]."""
    return random.uniform(1 - noise_width, 1 + noise_width, shape)
