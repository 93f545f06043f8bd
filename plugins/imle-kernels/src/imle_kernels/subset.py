"""Subsets of a size between two limits: the positive scores, as far as the limits allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from imle.errors import InstanceError
from imle.solvers import BasePrepared, BaseSolver, SolveResult
from imle_kernels.plugin import SUBSET
from imle_kernels.ranking import ranks_of


@dataclass(frozen=True)
class SubsetSolver(BaseSolver, spec=SUBSET):
    """argmax <theta, z> over 0/1 vectors with at least and at most so many ones. Ties go to the lowest index."""

    def prepare(self, at_least: int = 0, at_most: int | None = None) -> PreparedSubset:
        """Bind to the limits of sizes; at_most=None is no limit."""
        return PreparedSubset(at_least, at_most)


@dataclass(frozen=True)
class PreparedSubset(BasePrepared):
    """The best subsets of rows of any length."""

    at_least: int
    at_most: int | None
    any_size: ClassVar[bool] = True  # scores are compared, with each other and with 0

    def solve(
        self,
        objective: Tensor,
        *,
        at_least: Sequence[int] | None = None,
        at_most: Sequence[int | None] | None = None,
    ) -> SolveResult:
        """Choose the largest entries of each row: those above 0, but no fewer and no more than the limits.

        Args:
            objective: `[N, n]`, finite.
            at_least, at_most: `[N]`, one per row, instead of the fixed ones.

        Raises:
            InstanceError: not 0 <= at_least <= at_most <= n; names the row.
        """
        rows, n = objective.shape
        low = np.full(rows, self.at_least) if at_least is None else np.asarray(at_least)
        most = [self.at_most] * rows if at_most is None else at_most
        high = np.array([n if limit is None else limit for limit in most], np.int64)
        bad = np.flatnonzero((low < 0) | (low > high) | (high > n))
        if len(bad):
            row = int(bad[0])
            raise InstanceError(
                f"{SUBSET.id}: expected 0 <= at_least <= at_most <= {n}, the number of scores, found "
                f"at_least={low[row]} and at_most={high[row]}",
                row=None if at_least is None and at_most is None else row,
            )
        smallest, largest = (torch.from_numpy(limits).to(objective.device) for limits in (low, high))
        sizes = (objective > 0).sum(dim=1).clamp(smallest, largest)
        return SolveResult((ranks_of(-objective) <= sizes.unsqueeze(1)).to(objective.dtype))
