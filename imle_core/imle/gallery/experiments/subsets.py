"""5 of 10 items: the exact law of k-subsets, and the solver that finds the dearest."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import imle
from imle.estimators.subset_distribution import marginals_along
from imle.layers import SolverLayer
from imle.solvers.subsets import select_k

Floats = NDArray[np.float64]

ITEMS, CHOSEN = 10, 5


def random_scores(seed: int) -> Floats:
    """Standard normal. `[10]`."""
    return np.random.default_rng(seed).normal(size=ITEMS)


def exact_marginals(scores: Floats, temperature: float) -> Floats:
    """How likely each item is to be chosen, under p(z) ~ exp(<scores, z> / tau). `[10]` to `[10]`."""
    theta = torch.from_numpy(scores[None] / temperature)
    marginals, _ = marginals_along(theta, torch.tensor([CHOSEN]), torch.zeros_like(theta))
    return np.asarray(marginals[0].numpy())


def subset_layer(**options: Any) -> SolverLayer:
    """The 5 largest of 10: `[B, 10]` scores to 0/1 masks. A plain function is a solver, too."""
    return imle.layer(partial(select_k, k=CHOSEN), **options)
