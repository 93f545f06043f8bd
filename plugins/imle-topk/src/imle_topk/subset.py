"""Subsets of a size between two limits: the positive scores, as far as the limits allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imle.errors import InstanceError
from imle.solvers import BasePrepared, BaseSolver, Shape, SolveResult
from imle_topk.lines import read_dims, shape_of, split
from imle_topk.plugin import SUBSET
from imle_topk.topk import largest_k


@dataclass(frozen=True)
class SubsetSolver(BaseSolver, spec=SUBSET):
    """argmax <theta, z> over 0/1 vectors with at least and at most so many ones. Ties go to the lowest index.

    Args:
        dim: as for `TopKSolver`.

    Raises:
        OptionError: dim is no dimension.
    """

    dim: int | tuple[int, ...] = -1

    def __post_init__(self) -> None:
        object.__setattr__(self, "dim", read_dims(SUBSET.id, self.dim))

    def prepare(self, at_least: int = 0, at_most: int | None = None) -> PreparedSubset:
        """Bind to the limits of sizes; at_most=None is no limit."""
        return PreparedSubset(at_least, at_most, read_dims(SUBSET.id, self.dim))


@dataclass(frozen=True)
class PreparedSubset(BasePrepared):
    """The best subsets of rows of any length."""

    at_least: int
    at_most: int | None
    dims: tuple[int, ...]
    any_size: ClassVar[bool] = True  # scores are compared, with each other and with 0

    @property
    def objective_shape(self) -> Shape | None:
        """`(None,)`, or as many dimensions as `dim` asks for."""
        return shape_of(self.dims)

    def solve(
        self,
        objective: Tensor,
        *,
        at_least: Sequence[int] | None = None,
        at_most: Sequence[int | None] | None = None,
    ) -> SolveResult:
        """Choose the largest entries of each row: those above 0, but no fewer and no more than the limits.

        Args:
            objective: `[N, n]`, or `[N, *event]` of which n are along `dim`; finite.
            at_least, at_most: `[N]`, one per row, instead of the fixed ones.

        Raises:
            InstanceError: not 0 <= at_least <= at_most <= n; names the row.
        """
        lines, back = split(SUBSET.id, objective, self.dims)
        rows, each, n = lines.shape
        low = np.full(rows, self.at_least) if at_least is None else np.asarray(at_least)
        most = [self.at_most] * rows if at_most is None else at_most
        high = np.array([n if limit is None else limit for limit in most], np.int64)
        _check_limits(low, high, n, own=not (at_least is None and at_most is None))
        scores = lines.reshape(-1, n)
        smallest, largest = (
            torch.from_numpy(limits).to(objective.device).repeat_interleave(each) for limits in (low, high)
        )
        ks = (scores > 0).sum(dim=1).clamp(smallest, largest)
        known = objective.device.type == "cpu"  # to look at sizes would mean to wait for a device
        most_chosen = int(ks.max()) if known else int(high.max())
        return SolveResult(back(largest_k(scores, ks, most_chosen, int(ks.sum()) if known else 0)))


def _check_limits(low: NDArray[np.int64], high: NDArray[np.int64], n: int, *, own: bool) -> None:
    bad = np.flatnonzero((low < 0) | (low > high) | (high > n))
    if len(bad):
        row = int(bad[0])
        raise InstanceError(
            f"subset: expected 0 <= at_least <= at_most <= {n}, the number of scores, found at_least={low[row]} and "
            f"at_most={high[row]}",
            row=row if own else None,
        )
