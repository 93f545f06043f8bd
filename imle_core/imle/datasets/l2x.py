"""Which of ten features a label depends on: the synthetic sets of "Learning to Explain" (Chen et al., ICML 2018)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imle.datasets.checks import check_seed, check_sizes, check_total
from imle.errors import OptionError

Floats = NDArray[np.float64]

ExplainName = Literal["xor", "orange-skin", "nonlinear-additive", "switch"]

FEATURES, SHIFT = 10, 3.0


class ExplainData(NamedTuple):
    """Explain labels by few features.

    Attributes:
        features: `[rows, 10]`.
        probabilities: `[rows]`, P(Y = 1 | X).
        labels: `[rows]`, 0 or 1, drawn from them.
        relevant: `[rows, 10]`, 1 for the features that the probability of the row depends on; as many in each row.
    """

    features: Tensor
    probabilities: Tensor
    labels: Tensor
    relevant: Tensor


def learning_to_explain(rows: int, name: ExplainName, *, seed: int = 0) -> ExplainData:
    """Standard normal features, and labels with P(Y = 1 | X) = exp(g(X)) / (1 + exp(g(X))).

    - "xor": g = X1 X2.
    - "orange-skin": g = X1^2 + X2^2 + X3^2 + X4^2 - 4.
    - "nonlinear-additive": g = -100 sin(2 X1) + 2 abs(X2) + X3 + exp(-X4). The first term decides all but a few rows.
    - "switch": X1 has mean 3 or -3, a fair coin says which. If 3, g is that of orange-skin in X2 to X5; else that of
      nonlinear-additive in X6 to X9.

    These are the definitions as the paper prints them; its released code has other constants (in nonlinear-additive,
    -100 sin(0.2 X1) + abs(X2) + X3 + exp(-X4) - 2.4), and puts the switch last.

    Args:
        rows: how many.
        name: of the set.
        seed: the same seed gives the same rows.

    Raises:
        OptionError: no rows, or an unknown name.

    Source: section 4.1.
    """
    check_sizes(rows=rows)
    check_total("rows x features", rows * FEATURES)
    check_seed(seed)
    if not isinstance(name, str) or name not in _SETS:
        raise OptionError(f"datasets: name: expected one of {', '.join(get_args(ExplainName))}, found {name!r}")
    random = np.random.RandomState(seed)
    x = random.normal(0, 1, (rows, FEATURES))
    relevant = np.zeros((rows, FEATURES))
    g = _SETS[name](x, relevant, random)
    probabilities = 1 / (1 + np.exp(-np.clip(g, -500, 500)))  # beyond, exp overflows and the result is 0 or 1 anyway
    labels = random.uniform(size=rows) < probabilities
    return ExplainData(*(torch.from_numpy(np.asarray(v)).float() for v in (x, probabilities, labels, relevant)))


def _xor(x: Floats, relevant: Floats, random: np.random.RandomState) -> Floats:
    del random
    relevant[:, :2] = 1
    return x[:, 0] * x[:, 1]


def _orange_skin(x: Floats, relevant: Floats, random: np.random.RandomState) -> Floats:
    del random
    relevant[:, :4] = 1
    return _sphere(x[:, :4])


def _nonlinear_additive(x: Floats, relevant: Floats, random: np.random.RandomState) -> Floats:
    del random
    relevant[:, :4] = 1
    return _additive(x[:, :4])


def _switch(x: Floats, relevant: Floats, random: np.random.RandomState) -> Floats:
    orange = random.binomial(1, 0.5, len(x)).astype(bool)
    x[:, 0] += np.where(orange, SHIFT, -SHIFT)
    relevant[:, 0] = 1
    relevant[orange, 1:5] = 1
    relevant[~orange, 5:9] = 1
    return np.where(orange, _sphere(x[:, 1:5]), _additive(x[:, 5:9]))


_SETS: dict[str, Callable[[Floats, Floats, np.random.RandomState], Floats]] = {
    "xor": _xor,
    "orange-skin": _orange_skin,
    "nonlinear-additive": _nonlinear_additive,
    "switch": _switch,
}


def _sphere(x: Floats) -> Floats:
    """Of four features. `[rows, 4]` to `[rows]`."""
    return np.asarray((x**2).sum(axis=1) - 4)


def _additive(x: Floats) -> Floats:
    """Of four features. `[rows, 4]` to `[rows]`."""
    return np.asarray(-100 * np.sin(2 * x[:, 0]) + 2 * np.abs(x[:, 1]) + x[:, 2] + np.exp(-x[:, 3]))
