"""Pointwise learning to rank, Mandi et al., ICML 2022."""

from __future__ import annotations

from torch import Tensor

from imle.losses.ranking import RankingLoss


class PointwiseLTR(RankingLoss):
    """Squared error of the predicted value of solutions: mean_z (<theta^, z> - <theta, z>)^2 over the pool.

    The gradient is ``2 mean_z (<theta^ - theta, z>) z``; a step means the same for any batch size and size of the
    pool.

    Args:
        layer: a layer made by `imle.layer`; its solver, sense and instance are used.
        pool: where solutions are kept; by default a new `SolutionPool()`, which solves in every batch.
        reduction: "mean", "sum" or "none"; see `SolverLoss`.

    Source: Mandi, Bucarey, Mulamba & Guns 2022, section 4.1, equation 9.
    """

    def rank(self, predicted: Tensor, true: Tensor) -> Tensor:
        return (predicted - true).square().mean(dim=1)
