"""Listwise learning to rank, Mandi et al., ICML 2022."""

from __future__ import annotations

import torch
from torch import Tensor

from imle._checks import positive
from imle.layers.module import SolverLayer
from imle.losses.base import Reduction
from imle.losses.ranking import RankingLoss
from imle.solvers.pool import SolutionPool


class ListwiseLTR(RankingLoss):
    """Cross-entropy between two softmaxes over the pool: of the true and of the predicted scores, both over tau.

    ``- sum_m p_m log q_m`` with p = softmax(<theta, z_m> / tau) and q = softmax(<theta^, z_m> / tau). Least where the
    prediction gives every two solutions of the pool their true difference. A step means the same for any batch size,
    and does not shrink as the pool grows: the paper's factor 1/M is left out. tau is in units of the objective.

    Args:
        layer: a layer made by `imle.layer`; its solver, sense and instance are used.
        temperature: tau > 0.
        pool: where solutions are kept; by default a new `SolutionPool()`, which solves in every batch.
        reduction: "mean", "sum" or "none"; see `SolverLoss`.

    Raises:
        OptionError: an option is not valid.

    Source: Mandi, Bucarey, Mulamba & Guns 2022, section 4.3, equations 14 to 16.
    """

    def __init__(
        self,
        layer: SolverLayer,
        *,
        temperature: float = 1.0,
        pool: SolutionPool | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(layer, pool=pool, reduction=reduction)
        self.temperature = positive("ListwiseLTR: temperature", temperature)

    def rank(self, predicted: Tensor, true: Tensor) -> Tensor:
        target = torch.softmax(true / self.temperature, dim=1)
        return -(target * torch.log_softmax(predicted / self.temperature, dim=1)).sum(dim=1)

    def extra_repr(self) -> str:
        return f"temperature={self.temperature:g}, {super().extra_repr()}"
