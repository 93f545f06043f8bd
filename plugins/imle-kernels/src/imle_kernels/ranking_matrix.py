"""The order of scores as ranks and as a permutation matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imle.errors import InstanceError
from imle.solvers import BasePrepared, BaseSolver, BlockData, BlockLayout, RowResults, Shape, SolveResult
from imle.solvers.compiled import Floats, read_only
from imle_kernels.compiled.assignment import assign
from imle_kernels.plugin import RANKING_MATRIX
from imle_linear.matching import end_too_large


@dataclass(frozen=True)
class RankingMatrixSolver(BaseSolver, spec=RANKING_MATRIX):
    """argmin <scores, ranks> + <places, matrix> over the orders of n items: without `places`, the highest score first.

    The matrix has a one at [i, p] where item i has rank p + 1, so that `matrix.mT @ x` is x in this order. A loss on it
    moves `places`, and then the order is a best assignment of items to places, not only one of scores.
    """

    def prepare(self, n: int) -> PreparedRankingMatrix:
        """Bind to a number of items.

        Raises:
            InstanceError: no items.
        """
        if n < 1:
            raise InstanceError(f"{RANKING_MATRIX.id}: n: expected an int >= 1, found {n}")
        return PreparedRankingMatrix(n)


@dataclass(frozen=True)
class PreparedRankingMatrix(BasePrepared):
    """Orders of n items."""

    n: int

    @property
    def blocks(self) -> BlockLayout:
        """`scores` `[n]` and `places` `[n, n]`."""
        return BlockLayout(
            scores=BlockData((self.n,), largest=float(self.n)), places=BlockData((self.n, self.n), default=0.0)
        )

    @property
    def objective_shape(self) -> Shape:
        """Scores, then places."""
        return (self.n + self.n * self.n,)

    def solve(self, objective: Floats) -> SolveResult:
        """Order the items of each row.

        Args:
            objective: `[N, n + n * n]`, scores and what each item costs at each place.

        Returns:
            ranks and matrices, `[N, n + n * n]`.

        Raises:
            ObjectiveError: of another shape.
        """
        rows = RowResults(RANKING_MATRIX.id, RANKING_MATRIX.sense, objective, self.objective_shape)
        scores, places = self.blocks.split(rows.objective).values()
        order = np.argsort(-scores, axis=1, kind="stable")
        rank = np.empty_like(order)  # from 0
        np.put_along_axis(rank, order, np.arange(self.n)[None], axis=1)
        placed = np.flatnonzero(places.any(axis=(1, 2)))
        if len(placed):
            costs = scores[:, :, None] * np.arange(1.0, self.n + 1) + places
            end_too_large(rows, costs)
            chosen, found = np.empty((len(placed), self.n), np.int64), np.empty(len(placed), np.bool_)
            assign(read_only(costs[placed]), chosen, found)
            rank[placed] = chosen
        matrix = (rank[:, :, None] == np.arange(self.n)).astype(np.float64)
        rows.solutions[:] = self.blocks.join(scores=rank + 1.0, places=matrix)
        return rows.result()
