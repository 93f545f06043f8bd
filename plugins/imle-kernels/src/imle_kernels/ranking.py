"""Ranks: the order of scores as a permutation of 1 to n."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imle.errors import InstanceError
from imle.solvers import BasePrepared, BaseSolver, Sense, SolveResult
from imle_kernels.plugin import RANKING


@dataclass(frozen=True)
class RankingSolver(BaseSolver, spec=RANKING):
    """argmin <scores, ranks> over the permutations of 1 to n: the highest score has rank 1. Ties: lowest index first.

    Args:
        sense: "max" ranks the lowest score first.

    A layer's ranks have the dtype of its scores: bfloat16 rounds those above 256, and float16 those above 2048.

    Source: Rolinek, Musil, Paulus, Vlastelica, Michaelis & Martius, CVPR 2020.
    """

    sense: Sense = "min"

    def prepare(self, lengths: int | None = None) -> PreparedRanking:
        """Bind to how many entries of a row are ranked; None for all, or if each row brings its own."""
        return PreparedRanking(self.sense, lengths)


@dataclass(frozen=True)
class PreparedRanking(BasePrepared):
    """Ranks of rows of any length."""

    sense: Sense
    lengths: int | None
    any_size: ClassVar[bool] = True  # scores are compared, whatever they are

    def row_shapes(self, lengths: Sequence[int] | None = None) -> NDArray[np.int64] | None:
        """`[N, 1]` how many entries are ranked; the rest is padding."""
        given = self.lengths if lengths is None else lengths
        return None if given is None else np.atleast_1d(np.asarray(given, np.int64))[:, None]

    def solve(self, objective: Tensor, *, lengths: Sequence[int] | None = None) -> SolveResult:
        """Rank the entries of each row.

        Args:
            objective: `[N, n]` scores, finite.
            lengths: `[N]` how many entries of a row are ranked, the first ones; the others have rank 0.

        Raises:
            InstanceError: a length is not in 0..n; names the row.
        """
        n = objective.shape[1]
        ends = self.row_shapes(lengths)
        keys = objective if self.sense == "max" else -objective
        if ends is not None:
            _check_lengths(ends, n, own=lengths is not None)
            padding = torch.arange(n, device=objective.device) >= torch.from_numpy(ends).to(objective.device)
            keys = keys.masked_fill(padding, torch.inf)
        ranks = ranks_of(keys)
        return SolveResult(ranks if ends is None else ranks.masked_fill(padding, 0.0))


def _check_lengths(lengths: NDArray[np.int64], n: int, *, own: bool) -> None:
    bad = np.flatnonzero((lengths < 0) | (lengths > n))
    if len(bad):
        raise InstanceError(
            f"ranking: lengths: expected 0 to {n}, the number of scores, found {lengths[bad[0], 0]}",
            row=int(bad[0]) if own else None,
        )


def ranks_of(keys: Tensor) -> Tensor:
    """`[N, n]` the place of each entry in its row, 1 for the smallest; among equals the lowest index first."""
    order = keys.argsort(dim=1, stable=True)
    places = torch.arange(1, keys.shape[1] + 1, dtype=keys.dtype, device=keys.device)
    return torch.empty_like(keys).scatter_(1, order, places.expand_as(keys))
