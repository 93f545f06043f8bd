"""Tours whose distances are Euclidean plus a polynomial of features (Elmachtoub & Grigas 2022; Tang & Khalil 2022)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from imle.datasets.checks import MOST_EDGES, check_polynomial, check_sizes, check_total, single
from imle.datasets.features import polynomial, widths
from imle.errors import OptionError


class TourData(NamedTuple):
    """Predict the costs of the edges of a complete graph.

    Attributes:
        features: `[rows, features]`.
        costs: `[rows, edges]`, edges (0, 1), (0, 2), ... (1, 2), ... in this order.
        edges: pairs of node numbers.
    """

    features: Tensor
    costs: Tensor
    edges: tuple[tuple[int, int], ...]


def tsp(
    rows: int, *, features: int = 10, nodes: int = 20, degree: int = 4, noise_width: float = 0.5, seed: int = 135
) -> TourData:
    """Costs: distance plus (B x / sqrt(p) + 3)^degree / 3^(degree - 1) times noise, to four decimals.

    Half of the nodes lie uniformly in a square, the others are normal; B is a fair coin times a number in [-2, 2].
    With the same seed these are the numbers of the field's common benchmark.

    Args:
        rows: how many.
        features: p, per row.
        nodes: of the complete graph.
        degree: of the polynomial; the higher, the less linear.
        noise_width: factors of noise are uniform in [1 - width, 1 + width].
        seed: of all random numbers.

    Raises:
        OptionError: a size or a width that makes no data.
    """
    check_sizes(nodes=nodes)
    if nodes == 1:
        raise OptionError("datasets: nodes: expected at least 2, found 1")
    pairs = nodes * (nodes - 1) // 2
    check_total("edges between the nodes", pairs, MOST_EDGES)
    check_polynomial(rows=rows, features=features, outputs=pairs, degree=degree, noise_width=noise_width, seed=seed)
    random = np.random.RandomState(seed)
    first, second = np.triu_indices(nodes, k=1)
    places = np.concatenate([random.uniform(-2, 2, (nodes // 2, 2)), random.normal(0, 1, (nodes - nodes // 2, 2))])
    distances = np.linalg.norm(places[first] - places[second], axis=1)
    weights = random.binomial(1, 0.5, (len(first), features)) * random.uniform(-2, 2, (len(first), features))
    x = random.normal(0, 1, (rows, features))
    extra = polynomial(x, weights, degree) / 3.0 ** (degree - 1)
    costs = np.around(distances + extra * widths(random, extra.shape, noise_width), decimals=4)
    edges = tuple((int(i), int(j)) for i, j in zip(first, second, strict=True))
    return TourData(torch.from_numpy(x).float(), torch.from_numpy(single(costs, degree)), edges)
