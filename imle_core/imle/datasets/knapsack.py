"""Knapsacks whose item values are a polynomial of features (Mandi et al. 2020; Tang & Khalil 2022)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from imle.datasets.checks import check_polynomial, check_sizes, check_total, single
from imle.datasets.features import polynomial, widths


class KnapsackData(NamedTuple):
    """Predict the values of items.

    Attributes:
        features: `[rows, features]`.
        values: `[rows, items]`, whole numbers.
        weights: `[dimensions, items]`, the same for every row.
    """

    features: Tensor
    values: Tensor
    weights: Tensor


def knapsack(
    rows: int,
    *,
    features: int = 5,
    items: int = 32,
    dimensions: int = 2,
    degree: int = 4,
    noise_width: float = 0.5,
    seed: int = 135,
) -> KnapsackData:
    """Values ceil(5 ((B x / sqrt(p) + 3)^degree + 1) / 3.5^degree times noise), weights between 3 and 8.

    With the same seed these are the numbers of the field's common benchmark.

    Args:
        rows: how many.
        features: p, per row.
        items: to choose from.
        dimensions: weights of each item; a knapsack has a capacity for each.
        degree: of the polynomial; the higher, the less linear.
        noise_width: factors of noise are uniform in [1 - width, 1 + width].
        seed: of all random numbers.

    Raises:
        OptionError: a size or a width that makes no data.
    """
    check_sizes(items=items, dimensions=dimensions)
    check_polynomial(rows=rows, features=features, outputs=items, degree=degree, noise_width=noise_width, seed=seed)
    check_total("dimensions x items", dimensions * items)
    random = np.random.RandomState(seed)
    weights = random.choice(range(300, 800), size=(dimensions, items)) / 100
    coins = random.binomial(1, 0.5, (items, features)).astype(float)
    x = random.normal(0, 1, (rows, features))
    values = (polynomial(x, coins, degree) + 1) * 5 / 3.5**degree
    values = np.ceil(values * widths(random, values.shape, noise_width))
    return KnapsackData(
        torch.from_numpy(x).float(), torch.from_numpy(single(values, degree)), torch.from_numpy(weights)
    )
