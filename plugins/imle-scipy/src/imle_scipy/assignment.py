"""Assignment between n and m things, square or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from imle.solvers import BasePrepared, BaseSolver, RowResults, Sense, Shape, SolveResult, SolveStatus
from imle_linear.arrays import Floats, mask
from imle_scipy.plugin import ASSIGNMENT

_TOO_LARGE = 2.0**1000
"""Costs are added and subtracted a few thousand times; beyond this they might overflow on the way."""


@dataclass(frozen=True)
class ScipyAssignmentSolver(BaseSolver, spec=ASSIGNMENT):
    """The best assignment between n and m things, as a 0/1 matrix.

    Each of the smaller side is assigned to exactly one of the larger side, and no two to the same.

    Args:
        sense: "min" for costs, "max" for scores.

    Exact up to the rounding of float64, for objectives of any sign. Several best assignments: one of them, the same one
    every time.

    Raises:
        OptionError: another sense.
    """

    sense: Sense = "min"

    def prepare(self, allowed: Any = None) -> PreparedLinearSumAssignment:
        """Bind to the pairs that are allowed.

        Args:
            allowed: `[n, m]` of bool or 0/1; None if all are, which also leaves n and m open.

        Raises:
            InstanceError: not such a matrix.
        """
        if allowed is None:
            return PreparedLinearSumAssignment(self.sense, None)
        pairs = mask(ASSIGNMENT.id, allowed)
        return PreparedLinearSumAssignment(self.sense, pairs, _lacking(pairs))


@dataclass(frozen=True, eq=False)
class PreparedLinearSumAssignment(BasePrepared):
    """Assignment within a mask, or without one for matrices of any size.

    Attributes:
        sense: "min" or "max".
        allowed: the mask.
        lacking: why it leaves no complete assignment; "" if it does.
    """

    sense: Sense
    allowed: NDArray[np.bool_] | None
    lacking: str = ""

    @property
    def objective_shape(self) -> Shape:
        """`(n, m)`."""
        return (None, None) if self.allowed is None else self.allowed.shape

    def solve(self, objective: Floats) -> SolveResult:
        """Find a best assignment per row.

        Args:
            objective: `[N, n, m]` costs, or scores if sense is "max"; entries of forbidden pairs do not matter.

        Returns:
            0/1 matrices `[N, n, m]`. If forbidden pairs leave no complete assignment, all rows are infeasible.

        Raises:
            ObjectiveError: not matrices, or of another shape than the mask.
        """
        rows = RowResults(ASSIGNMENT.id, self.sense, objective, self.objective_shape)
        maximise = self.sense == "max"
        forbidden = -np.inf if maximise else np.inf
        for row in rows.open.tolist():
            matrix = rows.objective[row]
            if self.lacking:
                rows.end(row, SolveStatus.INFEASIBLE, self.lacking)
            elif np.abs(matrix).max(initial=0.0) > _TOO_LARGE:
                rows.end(row, SolveStatus.ERROR, "an entry is larger than 2**1000 in size: sums would overflow")
            else:
                given = matrix if self.allowed is None else np.where(self.allowed, matrix, forbidden)
                rows.solutions[row][linear_sum_assignment(given, maximize=maximise)] = 1.0
        return rows.result()


def _lacking(pairs: NDArray[np.bool_]) -> str:
    wanted = min(pairs.shape)
    most = int((maximum_bipartite_matching(csr_array(pairs), perm_type="column") >= 0).sum()) if wanted else 0
    if most == wanted:
        return ""
    return f"the allowed pairs leave no complete assignment: at most {most} of {wanted} at the same time"
