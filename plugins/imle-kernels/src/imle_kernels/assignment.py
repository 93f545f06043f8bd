"""Assignment between n and m things, square or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from imle.solvers import BasePrepared, BaseSolver, RowResults, Sense, Shape, SolveResult, SolveStatus
from imle.solvers.cancellation import raise_if_cancelled
from imle.solvers.compiled import Flags, Floats, read_only
from imle_kernels.compiled.assignment import assign
from imle_kernels.plugin import ASSIGNMENT
from imle_linear.arrays import mask

_TOO_LARGE = 2.0**1000
"""Costs are added and subtracted a few thousand times; beyond this they might overflow on the way."""

_STEPS = 50_000_000
"""Of one call of the kernel at the most, unless a single row has more: less than a tenth of a second."""


@dataclass(frozen=True)
class AssignmentSolver(BaseSolver, spec=ASSIGNMENT):
    """The best assignment between n and m things, as a 0/1 matrix.

    Each of the smaller side is assigned to exactly one of the larger side, and no two to the same.

    Args:
        sense: "min" for costs, "max" for scores.

    Exact up to the rounding of float64, for costs of any sign. Several best assignments: one of them, the same one
    every time.

    Raises:
        OptionError: another sense.
    """

    sense: Sense = "min"

    def prepare(self, allowed: Any = None) -> PreparedAssignment:
        """Bind to the pairs that are allowed.

        Args:
            allowed: `[n, m]` of bool or 0/1; None if all are, which also leaves n and m open.

        Raises:
            InstanceError: not such a matrix.
        """
        return PreparedAssignment(self.sense, None if allowed is None else mask(ASSIGNMENT.id, allowed))


@dataclass(frozen=True, eq=False)
class PreparedAssignment(BasePrepared):
    """Assignment within a mask, or without one for matrices of any size."""

    sense: Sense
    allowed: Flags | None

    @property
    def objective_shape(self) -> Shape:
        """`(n, m)`."""
        return (None, None) if self.allowed is None else self.allowed.shape

    def solve(self, objective: Floats) -> SolveResult:
        """Find a best assignment per row.

        Args:
            objective: `[N, n, m]` costs, or scores if sense is "max"; entries of forbidden pairs do not matter.

        Returns:
            0/1 matrices `[N, n, m]`. If forbidden pairs leave no assignment, all rows are infeasible.

        Raises:
            ObjectiveError: not matrices, or of another shape than the mask.
        """
        rows = RowResults(ASSIGNMENT.id, self.sense, objective, self.objective_shape)
        _, n, m = rows.objective.shape
        if not (n and m):
            return rows.result()
        costs = -rows.objective if self.sense == "max" else rows.objective.copy()
        for row in np.flatnonzero(np.abs(costs).max(axis=(1, 2)) > _TOO_LARGE):
            rows.end(int(row), SolveStatus.ERROR, "an entry is larger than 2**1000 in size: sums would overflow")
        if self.allowed is not None:
            costs[:, ~self.allowed] = np.inf
        wide = n <= m
        choice = np.empty((len(costs), min(n, m)), np.int64)
        found = np.empty(len(costs), np.bool_)
        given = read_only(costs if wide else costs.transpose(0, 2, 1))
        rows_at_once = max(1, _STEPS // (min(n, m) * n * m))
        for start in range(0, len(given), rows_at_once):
            raise_if_cancelled()  # Ctrl-C is heard between two calls
            part = slice(start, start + rows_at_once)
            assign(given[part], choice[part], found[part])
        for row in rows.open[~found[rows.open]]:
            rows.end(int(row), SolveStatus.INFEASIBLE, "the allowed pairs leave no complete assignment")
        done = rows.open
        chosen = choice[done]
        here = np.broadcast_to(np.arange(choice.shape[1]), chosen.shape)
        first, second = (here, chosen) if wide else (chosen, here)
        rows.solutions[done[:, None], first, second] = 1.0
        values = np.zeros(len(costs))
        values[done] = rows.objective[done[:, None], first, second].sum(axis=1)
        return rows.result(values)
