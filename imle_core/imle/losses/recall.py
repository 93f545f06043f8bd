"""Recall as a loss, Rolinek et al., CVPR 2020."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from imle.errors import OptionError
from imle.layers.module import SolverLayer
from imle.losses.base import Reduction
from imle.losses.of_ranks import RankLoss

Weight = Literal["log", "log-log"] | Callable[[Tensor], Tensor]


class RecallLoss(RankLoss):
    """mean_i weight(r_i) over relevant entries i, where r_i is how many irrelevant entries are ranked higher.

    An entry is missed by recall@K if r >= K: log(1 + r) is the sum of log(1 + 1/K) over all K at which it is missed,
    and log(1 + log(1 + r)) weighs small K more.

    Args:
        layer: gives ranks, such as `imle.layer("ranking", ...)`; the gradient is that of its estimator.
        weight: "log", "log-log", or a function of tensors.
        margin: by how much scores of relevant entries shall be above those of others.
        reduction: "none" gives `[*batch]`; "mean" and "sum" are those of rows with a relevant entry.

    Example::

        >>> import imle, torch
        >>> loss = imle.losses.RecallLoss(imle.layer("ranking", estimator="blackbox"), weight="log")
        >>> scores = torch.tensor([[0.3, 0.9, 0.5, 0.1]], requires_grad=True)
        >>> loss(scores, torch.tensor([[1, 0, 0, 0]])).exp().item()  # two are ranked higher
        3.0
    """

    def __init__(
        self, layer: SolverLayer, *, weight: Weight = "log-log", margin: float = 0.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(layer, margin=margin, reduction=reduction)
        if not callable(weight) and weight not in ("log", "log-log"):
            raise OptionError(f"RecallLoss: weight: expected 'log', 'log-log' or a function, found {weight!r}")
        self.weight = weight

    def terms(self, ranks: Tensor, among: Tensor) -> Tensor:
        higher = (ranks - among).clamp(min=0)
        if callable(self.weight):
            return self.weight(higher)
        found = torch.log1p(higher)
        return torch.log1p(found) if self.weight == "log-log" else found

    def extra_repr(self) -> str:
        return f"weight={self.weight!r}, {super().extra_repr()}"
