"""Noise-contrastive estimation over a pool of solutions, Mulamba et al., IJCAI 2021."""

from __future__ import annotations

from torch import Tensor

from imle.losses.contrastive import ContrastiveLoss


class NCE(ContrastiveLoss):
    """mean_z <theta, z - y> over the pool: the known solution y shall beat what else is feasible.

    The gradient is the mean of the pool minus y: it does not depend on theta at all, and the loss is unbounded below.
    A step means the same for any batch size and any size of the pool (the paper has a sum where this has a mean).

    Args:
        layer: a layer made by `imle.layer`; its solver, sense and instance are used.
        pool: where solutions are kept; by default a new `SolutionPool()`, which solves in every batch.
        shifted: compare by theta minus the true theta, the paper's "c^ - c": the value then leaves out the part that
            is explained by the truth; the gradient is the same.
        reduction: "mean", "sum" or "none"; see `SolverLoss`.

    Source: Mulamba et al. 2021, section 4.1, equations 6 and 8.
    """

    def contrast(self, differences: Tensor) -> Tensor:
        return differences.mean(dim=1)
