"""Pairwise learning to rank, Mandi et al., ICML 2022."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from imle._checks import not_negative
from imle.errors import OptionError
from imle.layers.module import SolverLayer
from imle.losses.base import Reduction
from imle.losses.ranking import RankingLoss
from imle.solvers.pool import SolutionPool

Pairs = Literal["best-versus-rest", "all"]


class PairwiseLTR(RankingLoss):
    """Hinge loss over pairs of the pool: the truly better solution shall be predicted better, by a margin.

    The mean of ``max(0, margin - <theta^, z_p - z_q>)`` over pairs in which z_p is truly better than z_q; solutions
    of equal true value make no pair. A step means the same for any batch size and size of the pool. With margin 0 the
    prediction theta^ = 0 is a minimum too.

    Args:
        layer: a layer made by `imle.layer`; its solver, sense and instance are used.
        margin: nu >= 0, in units of the objective.
        pairs: "best-versus-rest" compares the best of the pool with all others; "all" every two (M^2 of them).
        pool: where solutions are kept; by default a new `SolutionPool()`, which solves in every batch.
        reduction: "mean", "sum" or "none"; see `SolverLoss`.

    Raises:
        OptionError: an option is not valid.

    Source: Mandi, Bucarey, Mulamba & Guns 2022, section 4.2, equations 10 and 11.
    """

    def __init__(
        self,
        layer: SolverLayer,
        *,
        margin: float = 0.0,
        pairs: Pairs = "best-versus-rest",
        pool: SolutionPool | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(layer, pool=pool, reduction=reduction)
        if pairs not in ("best-versus-rest", "all"):
            raise OptionError(f"PairwiseLTR: pairs: expected 'best-versus-rest' or 'all', found {pairs!r}")
        self.margin = not_negative("PairwiseLTR: margin", margin)
        self.pairs: Pairs = pairs

    def rank(self, predicted: Tensor, true: Tensor) -> Tensor:
        if self.pairs == "all":
            ahead = predicted.unsqueeze(2) - predicted.unsqueeze(1)
            better = true.unsqueeze(2) > true.unsqueeze(1)
        else:
            best = true.argmax(dim=1, keepdim=True)
            ahead = predicted.gather(1, best) - predicted
            better = true.gather(1, best) > true
        losses = torch.where(better, torch.relu(self.margin - ahead), 0.0).flatten(1).sum(dim=1)
        return losses / better.flatten(1).sum(dim=1).clamp(min=1)

    def extra_repr(self) -> str:
        return f"margin={self.margin:g}, pairs={self.pairs!r}, {super().extra_repr()}"
