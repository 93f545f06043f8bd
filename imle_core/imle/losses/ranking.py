"""What the learning-to-rank losses share: the pool, ranked by the prediction and by the truth."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from imle.losses.base import Maximum, interpreted, maximise
from imle.losses.pooled import Candidates, PoolLoss


class RankingLoss(PoolLoss):
    """A loss of what each solution of the pool is worth, as predicted and in truth."""

    @interpreted
    def forward(
        self, objective: Tensor, true_objective: Tensor, solution: Tensor | None = None, **rows: Sequence[Any]
    ) -> Tensor:
        """The loss of a batch. The optimal solutions join the pool.

        Args:
            objective: `[*batch, *event]` predicted scores or costs, as the layer takes it.
            true_objective: `[*batch, *event]`, in the same sense.
            solution: `[*batch, *event]` optimal solutions for the true objective, if they are known. None solves for
                them in the batches that `pool.solve_ratio` picks, and where the pool has nothing for a row yet.
            rows: instance parameters that differ per row, as the layer takes them.

        Returns:
            a scalar, or `[*batch]` for reduction="none".

        Raises:
            ObjectiveError: a wrong shape or type, or not finite.
            InstanceError: instances per row whose content cannot be compared, such as graphs.
            SolveError: rows failed and the layer's on_failure is "raise".
        """
        batch = self.read(objective, rows)
        true = self.scores("true_objective", true_objective, batch, objective)
        solve = self.pool.due()
        optimal: Maximum | None = None
        if solution is not None:
            optimal = Maximum(self.solutions(solution, batch, objective), None, None)
        elif solve or not all(len(self.pool.solutions(key)) for key in self.instances(batch, rows)):
            optimal = maximise(batch, true)
        return self.against_pool(batch, true, optimal, rows, solve=solve)

    def compare(self, theta: Tensor, true: Tensor | None, optimal: Maximum | None, pool: Candidates) -> Tensor:
        del optimal
        assert true is not None
        return self.rank(pool.worth(theta), pool.worth(true))

    @abstractmethod
    def rank(self, predicted: Tensor, true: Tensor) -> Tensor:
        """The loss of what M solutions are worth, as scores to be maximised.

        Args:
            predicted: `[R, M]`.
            true: `[R, M]`.

        Returns:
            `[R]`.
        """
