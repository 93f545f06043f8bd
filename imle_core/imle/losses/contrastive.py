"""What NCE and MAP-contrastive share: a known solution against the pool."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from imle.errors import ObjectiveError, OptionError
from imle.layers.module import SolverLayer
from imle.losses.base import Maximum, Reduction, interpreted
from imle.losses.pooled import Candidates, PoolLoss
from imle.solvers.pool import SolutionPool


class ContrastiveLoss(PoolLoss):
    """A loss of the differences <theta, z - y> + h(z) - h(y), z in the pool; h are fixed terms."""

    def __init__(
        self,
        layer: SolverLayer,
        *,
        pool: SolutionPool | None = None,
        shifted: bool = False,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(layer, pool=pool, reduction=reduction)
        if not isinstance(shifted, bool):
            raise OptionError(f"{type(self).__name__}: shifted: expected True or False, found {shifted!r}")
        self.shifted = shifted

    @interpreted
    def forward(
        self, objective: Tensor, solution: Tensor, true_objective: Tensor | None = None, **rows: Sequence[Any]
    ) -> Tensor:
        """The loss of a batch. The known solutions join the pool.

        Args:
            objective: `[*batch, *event]` predicted scores or costs, as the layer takes it.
            solution: `[*batch, *event]` known solutions y, any real dtype.
            true_objective: `[*batch, *event]`, in the same sense; needed for shifted=True only.
            rows: instance parameters that differ per row, as the layer takes them.

        Returns:
            a scalar, or `[*batch]` for reduction="none".

        Raises:
            ObjectiveError: a wrong shape or type, not finite, or a target is missing.
            InstanceError: instances per row whose content cannot be compared, such as graphs.
            SolveError: rows failed and the layer's on_failure is "raise".
        """
        batch = self.read(objective, rows)
        y = self.solutions(solution, batch, objective)
        if self.shifted != (true_objective is not None):
            raise ObjectiveError(f"{type(self).__name__}: true_objective: expected it with shifted=True, and only then")
        true = self.scores("true_objective", true_objective, batch, objective) if self.shifted else None
        known = Maximum(y, None, self.fixed_terms("solution", y, batch))
        return self.against_pool(batch, true, known, rows, solve=self.pool.due())

    def compare(self, theta: Tensor, true: Tensor | None, optimal: Maximum | None, pool: Candidates) -> Tensor:
        assert optimal is not None
        scores = theta if true is None else theta - true
        known = (scores * optimal.z).sum(dim=1, keepdim=True)
        if true is not None:  # fixed terms are in both, and cancel
            return self.contrast(scores @ pool.z.T - known)
        known = known if optimal.fixed is None else known + optimal.fixed.unsqueeze(1)
        return self.contrast(pool.worth(theta) - known)

    @abstractmethod
    def contrast(self, differences: Tensor) -> Tensor:
        """The loss of how much better each z_m is than y.

        Args:
            differences: `[R, M]`.

        Returns:
            `[R]`.
        """

    def extra_repr(self) -> str:
        return f"shifted={self.shifted}, {super().extra_repr()}"
