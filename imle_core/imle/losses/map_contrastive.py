"""The MAP-contrastive loss over a pool of solutions, Mulamba et al., IJCAI 2021."""

from __future__ import annotations

from torch import Tensor

from imle.losses.contrastive import ContrastiveLoss


class MAPContrastive(ContrastiveLoss):
    """max_z <theta, z> - <theta, y> over the pool: the known solution y shall beat the best that is known.

    Never negative; 0 where y is the best of the pool. With a pool of all solutions it is the structured perceptron
    loss. The gradient is z* - y for the best z* of the pool, the same for any batch size.

    Args:
        layer: a layer made by `imle.layer`; its solver, sense and instance are used.
        pool: where solutions are kept; by default a new `SolutionPool()`, which solves in every batch.
        shifted: compare by theta minus the true theta, the paper's "c^ - c"; then no prediction that merely scales
            the objective down can win.
        reduction: "mean", "sum" or "none"; see `SolverLoss`.

    Source: Mulamba et al. 2021, section 4.1, equations 7 and 9.
    """

    def contrast(self, differences: Tensor) -> Tensor:
        # y itself differs by 0 and is feasible, whether or not the pool still holds it
        return differences.amax(dim=1).clamp(min=0.0)
