"""What all prepared solvers do alike: one kernel solves a batch of scores, each row up to its own length."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from imle.solvers import BasePrepared, BaseSolver, RowResults, SolveResult, SolveStatus
from imle.solvers.compiled import Flags, Floats, Longs, read_only
from imle_dp.reading import length, lengths

_TOO_LARGE = 2.0**1000
"""A few million scores of this size can be added up."""


class PreparedSequences(BasePrepared, ABC):
    """A dynamic program over rows of different lengths. Subclasses add `room`, `maximise` and what an instance is.

    Args:
        solver: the options.
        fixed: the length of all rows, as the user gave it; None for all the room there is.
        least: the smallest length.
        counts: solutions have numbers larger than one, as counts of transitions are.

    Attributes:
        nothing: why a row may have no solution, for its message.
    """

    any_size: ClassVar[bool] = True  # scores are added and compared, whatever they are
    nothing: ClassVar[str]

    def __init__(self, solver: BaseSolver, fixed: Any, least: int = 1, *, counts: bool = False) -> None:
        self.solver = solver
        self.fixed = fixed
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
        used = self._lengths(lengths, rows.objective.shape)
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

    def _lengths(self, given: Sequence[Any] | None, shape: tuple[int, ...]) -> Longs:
        """`[N, D]`."""
        who, most = self.solver.spec.id, self.room(shape[1:])
        if given is not None:
            return lengths(who, given, most, self.least, shape[0])
        return np.tile(length(who, self.fixed, most, self.least), (shape[0], 1))

    @abstractmethod
    def room(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The largest lengths of an objective `[*shape]`.

        Raises:
            ObjectiveError: not of such a shape.
        """

    @abstractmethod
    def maximise(self, scores: Floats, lengths: Longs, solutions: Any, found: Flags) -> None:
        """Write best solutions.

        Args:
            scores: `[N, *shape]`, to be maximised; zeros where a row has failed already.
            lengths: `[N, D]`.
            solutions: `[N, *shape]` zeros.
            found: `[N]`, to be written; whether a row has a solution.
        """
