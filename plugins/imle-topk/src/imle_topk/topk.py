"""The solver: torch in, torch out, on the tensor's own device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from imle.errors import InstanceError
from imle.solvers import BasePrepared, BaseSolver, SolveResult, missing_instance
from imle_topk.plugin import TOPK


@dataclass(frozen=True)
class TopKSolver(BaseSolver, spec=TOPK):
    """argmax <theta, z> over 0/1 vectors with exactly k ones. Ties go to the lowest index."""

    def prepare(self, k: int | None = None) -> PreparedTopK:
        """Bind to k ones per row; None if each row brings its own when solving."""
        return PreparedTopK(k)


@dataclass(frozen=True)
class PreparedTopK(BasePrepared):
    """Top-k for rows of any length."""

    k: int | None

    def solve(self, objective: Tensor, *, k: Sequence[int] | None = None) -> SolveResult:
        """Choose the k largest entries of each row.

        Args:
            objective: `[N, n]`, finite.
            k: `[N]`, one per row, instead of the fixed one.

        Raises:
            InstanceError: no k was given, or one is not in 0..n; names the row.
        """
        n = objective.shape[1]
        if k is not None:
            ks = torch.as_tensor(k, device=objective.device)
            bad = ((ks < 0) | (ks > n)).nonzero()
            if len(bad):
                row = int(bad[0])
                raise InstanceError(_out_of_range(n, int(ks[row])), row=row)
            return SolveResult(largest_k(objective, ks, int(ks.max())))
        if self.k is None:
            raise missing_instance(TOPK.id, "k missing", "k=...")
        if not 0 <= self.k <= n:
            raise InstanceError(_out_of_range(n, self.k))
        return SolveResult(largest_k(objective, self.k, self.k))


def _out_of_range(n: int, k: int) -> str:
    return f"topk: k: expected 0 <= k <= {n}, the number of scores, found {k}"


def largest_k(scores: Tensor, ks: int | Tensor, most: int) -> Tensor:
    """A 0/1 mask of the k largest entries of each row, lowest index first among equals. `[N, n]`."""
    if most == 0:
        return torch.zeros_like(scores)
    top = torch.topk(scores, most, dim=1, sorted=isinstance(ks, Tensor)).values
    if isinstance(ks, Tensor):
        threshold = top.gather(1, (ks - 1).clamp(min=0).unsqueeze(1))
        threshold = torch.where((ks > 0).unsqueeze(1), threshold, torch.inf)
    else:
        threshold = top.amin(dim=1, keepdim=True)
    mask = scores.clone().ge_(threshold)  # 0/1 in the scores' own dtype, in one pass
    surplus = mask.sum(dim=1, dtype=torch.promote_types(scores.dtype, torch.float32)) - ks
    tied = surplus.nonzero().squeeze(1)
    if len(tied):  # more entries equal the k-th largest than there is room for: the last of those are dropped
        at = threshold[tied]
        equal = scores[tied] == at
        from_the_end = equal.flip(1).cumsum(1).flip(1)
        mask[tied] = ((scores[tied] > at) | (equal & (from_the_end > surplus[tied].unsqueeze(1)))).to(scores.dtype)
    return mask
