"""What all generators refuse: sizes, seeds and numbers that make no data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle._checks import positive_int
from imle.errors import OptionError

MOST_NUMBERS = 2**31
"""The most numbers that one array may have: 17 GB in float64."""

MOST_EDGES = 10**7
"""The most edges of a graph, which are Python tuples: about 2 GB."""

MOST_DEGREE = 100
"""The highest degree of a polynomial whose values float64 holds."""


def check_sizes(**sizes: Any) -> None:
    """Refuse what is not an int of at least 1.

    Raises:
        OptionError: names the argument and what was found.
    """
    for name, value in sizes.items():
        positive_int(f"datasets: {name}", value)


def check_total(what: str, count: int, most: int = MOST_NUMBERS) -> None:
    """Refuse data that fit into no memory before anything begins to make them.

    Args:
        what: how the number comes about, such as "rows x items".
        count: the number, of sizes that are checked.
        most: the largest that is taken.

    Raises:
        OptionError: it is larger.
    """
    if count > most:
        raise OptionError(f"datasets: {what}: expected at most {most:,}, found {count:,}")


def check_seed(seed: Any, below: int = 2**32) -> None:
    """Refuse what is not an int that seeds; by default one for numpy's `RandomState`.

    Raises:
        OptionError: what was found.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < below:
        raise OptionError(f"datasets: seed: expected an int from 0 to {below - 1}, found {seed!r}")


def check_polynomial(*, rows: int, features: int, outputs: int, degree: int, noise_width: float, seed: int) -> None:
    """Refuse arguments that make no polynomial of features.

    Args:
        rows, features, degree, noise_width, seed: as the user gave them.
        outputs: values per row; at least 1.

    Raises:
        OptionError: names the argument, what was expected and what was found.
    """
    check_sizes(rows=rows, features=features, degree=degree)
    if degree > MOST_DEGREE:
        raise OptionError(f"datasets: degree: expected an int from 1 to {MOST_DEGREE}, found {degree}")
    if isinstance(noise_width, bool) or not isinstance(noise_width, (int, float)) or not 0 <= noise_width < 1:
        raise OptionError(f"datasets: noise_width: expected a number in [0, 1), found {noise_width!r}")
    check_seed(seed)
    check_total("values in all", rows * outputs)
    check_total("rows x features", rows * features)
    check_total("values x features", outputs * features)


def single(values: NDArray[np.float64], degree: int) -> NDArray[np.float32]:
    """Values in float32.

    Raises:
        OptionError: it does not hold them.
    """
    if not np.abs(values).max() <= np.finfo(np.float32).max:
        raise OptionError(f"datasets: degree: {degree} makes values that float32 does not hold", hint="lower it")
    return values.astype(np.float32)
