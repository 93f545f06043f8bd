"""The solver: torch in, torch out, on the tensor's own device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from imle.errors import InstanceError, ObjectiveError
from imle.solvers import BasePrepared, BaseSolver, NormalCones, Shape, SolveResult, missing_instance
from imle_topk.lines import read_dims, shape_of, split
from imle_topk.plugin import TOPK


@dataclass(frozen=True)
class TopKSolver(BaseSolver, spec=TOPK):
    """argmax <theta, z> over 0/1 vectors with exactly k ones. Ties go to the lowest index.

    Args:
        dim: along which dimension, or several, k entries are chosen, as in `torch.topk`. An objective then has more
            than one dimension, and k entries are chosen for each index of the others.

    Raises:
        OptionError: dim is no dimension.
    """

    dim: int | tuple[int, ...] = -1

    def __post_init__(self) -> None:
        super().__post_init__()
        read_dims(TOPK.id, self.dim)  # refuses now, not in prepare
        if not isinstance(self.dim, int):
            object.__setattr__(self, "dim", tuple(self.dim))  # a list has no hash

    def prepare(self, k: int | None = None) -> PreparedTopK:
        """Bind to k ones per row; None if each row brings its own when solving."""
        return PreparedTopK(k, read_dims(TOPK.id, self.dim))


@dataclass(frozen=True)
class PreparedTopK(BasePrepared):
    """Top-k for rows of any length."""

    k: int | None
    dims: tuple[int, ...] = (-1,)
    any_size: ClassVar[bool] = True  # scores are compared, whatever they are

    @property
    def objective_shape(self) -> Shape | None:
        """`(None,)`, or as many dimensions as `dim` asks for."""
        return shape_of(self.dims)

    def solve(self, objective: Tensor, *, k: Sequence[int] | None = None) -> SolveResult:
        """Choose the k largest entries of each row.

        Args:
            objective: `[N, n]`, or `[N, *event]` of which n are along `dim`; finite.
            k: `[N]`, one per row, instead of the fixed one.

        Raises:
            InstanceError: no k was given, or one is not in 0..n; names the row.
        """
        lines, back = split(TOPK.id, objective, self.dims)
        rows, each, n = lines.shape
        scores = lines.reshape(-1, n)
        if k is not None:
            counts = np.asarray(k)  # read here, where it was given: a device need not be waited for
            bad = np.flatnonzero((counts < 0) | (counts > n))
            if len(bad):
                raise InstanceError(_out_of_range(n, int(counts[bad[0]])), row=int(bad[0]))
            ks = torch.as_tensor(k, device=objective.device).repeat_interleave(each)
            return SolveResult(back(largest_k(scores, ks, int(counts.max()), int(counts.sum()) * each)))
        if self.k is None:
            raise missing_instance(TOPK.id, "k missing", "k=...")
        if not 0 <= self.k <= n:
            raise InstanceError(_out_of_range(n, self.k))
        return SolveResult(back(largest_k(scores, self.k, self.k, self.k * rows * each)))

    def normal_cones(self, solutions: Tensor, *, k: Sequence[int] | None = None) -> NormalCones:
        """See `PreparedSolver.normal_cones`: an equation for each k that is chosen, and the bounds of all entries.

        Raises:
            ObjectiveError: a solution does not consist of 0/1 vectors with k ones; with its row.
        """
        chosen = solutions == 1
        lines, _ = split(TOPK.id, chosen, self.dims)
        wanted = torch.as_tensor([self.k] if k is None else k, device=solutions.device).unsqueeze(1)
        wrong = lines.sum(dim=2).ne(wanted).any(dim=1) | (~chosen & (solutions != 0)).flatten(1).any(dim=1)
        if wrong.any():
            row = int(wrong.nonzero()[0])
            raise ObjectiveError("topk: solution: expected k entries of 1 and else 0, found others", row=row)
        rows, each, n = lines.shape
        _, back = split(TOPK.id, solutions.new_zeros(each, *solutions.shape[1:]), self.dims)
        sums = back(torch.eye(each, dtype=solutions.dtype, device=solutions.device).unsqueeze(2).expand(-1, -1, n))
        equations = sums.unsqueeze(0).expand(rows, *sums.shape)
        return NormalCones(equations[:, :0], equations, ~chosen, chosen)


def _out_of_range(n: int, k: int) -> str:
    return f"topk: k: expected 0 <= k <= {n}, the number of scores, found {k}"


def largest_k(scores: Tensor, ks: int | Tensor, most: int, total: int) -> Tensor:
    """A 0/1 mask of the k largest entries of each row, lowest index first among equals.

    Args:
        scores: `[N, n]`.
        ks: k, for all rows or `[N]`.
        most: the largest k.
        total: the sum of k over all rows; it matters on the CPU only.
    """
    if most == 0:
        return torch.zeros_like(scores)
    top = torch.topk(scores, most, dim=1, sorted=isinstance(ks, Tensor)).values
    if isinstance(ks, Tensor):
        threshold = top.gather(1, (ks - 1).clamp(min=0).unsqueeze(1))
        threshold = torch.where((ks > 0).unsqueeze(1), threshold, torch.inf)
    else:
        threshold = top.amin(dim=1, keepdim=True)
    chosen = scores >= threshold
    # where looking at it would mean to wait for a device, ties are taken for granted
    if chosen.device.type != "cpu" or np.count_nonzero(chosen.numpy()) != total:
        chosen = _without_surplus(chosen, scores, threshold, ks)
    return chosen.to(scores.dtype)


def _without_surplus(chosen: Tensor, scores: Tensor, threshold: Tensor, ks: int | Tensor) -> Tensor:
    """Drop the last of the entries that equal the threshold, as many as are too many."""
    surplus = chosen.sum(dim=1, keepdim=True) - (ks.unsqueeze(1) if isinstance(ks, Tensor) else ks)
    from_the_end = (scores == threshold).flip(1).cumsum(1).flip(1)
    return chosen & ((scores > threshold) | (from_the_end > surplus))
