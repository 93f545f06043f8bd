"""What all prepared solvers do alike: one kernel solves a batch of scores, each row up to its own length."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from imle.solvers import BasePrepared, BaseSolver, RowResults, SolveResult, SolveStatus
from imle.solvers.compiled import Flags, Floats, Longs, read_only
from imle_dp.reading import length, lengths

_TOO_LARGE = 2.0**1000
"""A few million scores of this size can be added up."""


class PreparedSequences(BasePrepared, ABC):
    """A dynamic program over rows of different lengths. Subclasses add `maximise`, `sizes` and what an instance is.

    Args:
        solver: the options.
        fixed: the length of all rows, as the user gave it; None for all the room there is.
        most: the largest lengths, as far as the instance tells.
        least: the smallest length.
        counts: solutions have numbers larger than one, as counts of transitions are.

    Attributes:
        nothing: why a row may have no solution, for its message.

    Raises:
        InstanceError: `fixed` is not in range.
    """

    any_size: ClassVar[bool] = True  # scores are added and compared, whatever they are
    nothing: ClassVar[str]

    def __init__(
        self, solver: BaseSolver, fixed: Any, most: tuple[int, ...], least: int = 1, *, counts: bool = False
    ) -> None:
        self.solver = solver
        length(solver.spec.id, fixed, most, least)
        self.fixed = fixed
        self.most = most
        self.least = least
        self._dtype = np.int32 if counts else np.int8  # small: new memory costs more than what is written there

    def solve(self, objective: Any, *, lengths: Sequence[Any] | None = None) -> SolveResult:
        """Solve N rows.

        Args:
            objective: `[N, *shape]` scores, or costs under `sense="min"`.
            lengths: one per row, instead of the one for all.

        Returns:
            Solutions of whole numbers `[N, *shape]`, which are zero beyond the lengths.

        Raises:
            ObjectiveError: another shape.
            InstanceError: a length is not in range; names the row.
        """
        who, sense = self.solver.spec.id, self.solver.sense
        assert self.objective_shape is not None
        rows = RowResults(who, sense, objective, self.objective_shape, dtype=self._dtype)
        used = self._lengths(lengths, self.room(rows.objective.shape[1:]), len(rows.objective))
        scores = -rows.objective if sense == "min" else rows.objective
        flat = scores.reshape(len(scores), math.prod(scores.shape[1:]))
        large = (flat.max(axis=1, initial=0.0) > _TOO_LARGE) | (flat.min(axis=1, initial=0.0) < -_TOO_LARGE)
        for row in np.flatnonzero(large).tolist():
            rows.end(row, SolveStatus.ERROR, f"{who} adds objectives: one is larger than 2**1000 in size")
        if large.any():  # kernels rely on sums that are numbers
            scores = np.where(large.reshape(-1, *[1] * (scores.ndim - 1)), 0.0, scores)
        found = np.ones(len(scores), np.bool_)
        self.maximise(read_only(scores), read_only(used), rows.solutions, found)
        for row in rows.open[~found[rows.open]].tolist():
            rows.end(row, SolveStatus.INFEASIBLE, self.nothing.format(*used[row].tolist()))
        return rows.result()

    def row_shapes(self, lengths: Sequence[Any] | None = None) -> Longs | Mapping[str, Longs] | None:
        """What `sizes` tells of rows of such lengths; None where all rows are as long as can be.

        Raises:
            InstanceError: a length is not in range; names the row.
        """
        if lengths is None and self.fixed is None:
            return None
        return self.sizes(self._lengths(lengths, self.most, 1 if lengths is None else len(lengths)))

    def _lengths(self, given: Sequence[Any] | None, most: tuple[int, ...], rows: int) -> Longs:
        """`[N, D]`."""
        if given is not None:
            return lengths(self.solver.spec.id, given, most, self.least, rows)
        return np.tile(length(self.solver.spec.id, self.fixed, most, self.least), (rows, 1))

    def room(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The largest lengths of an objective `[*shape]`.

        Raises:
            ObjectiveError: not of such a shape.
        """
        del shape
        return self.most

    @abstractmethod
    def sizes(self, lengths: Longs) -> Longs | Mapping[str, Longs]:
        """How many entries of each dimension rows of lengths `[N, D]` have, `[N, ndim]`, if need be by block."""

    @abstractmethod
    def maximise(self, scores: Floats, lengths: Longs, solutions: Any, found: Flags) -> None:
        """Write best solutions.

        Args:
            scores: `[N, *shape]`, to be maximised; zeros where a row has failed already.
            lengths: `[N, D]`.
            solutions: `[N, *shape]` zeros.
            found: `[N]`, to be written; whether a row has a solution.
        """


def by_row(*sizes: Longs | int) -> Longs:
    """`[N, ndim]` sizes of dimensions, of each row `[N]` or the same for all."""
    return np.stack(np.broadcast_arrays(*sizes), axis=1)
