"""Assignment between n and m things, square or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from imle.solvers import BaseSolver, RowResults, Sense, SolveResult, SolveStatus
from imle_linear.arrays import Floats
from imle_linear.matching import LEAVE_OUT, Matching, PreparedMatching, end_too_large
from imle_scipy.plugin import ASSIGNMENT


@dataclass(frozen=True)
class ScipyAssignmentSolver(BaseSolver, spec=ASSIGNMENT):
    """The best assignment between n and m things, as a 0/1 matrix.

    Each of the smaller side is assigned to exactly one of the larger side, and no two to the same; with `unmatched`,
    objects are left out where that is better.

    Args:
        sense: "min" for costs, "max" for scores.

    Exact up to the rounding of float64, for objectives of any sign. Several best assignments: one of them, the same one
    every time.

    Raises:
        OptionError: another sense.
    """

    sense: Sense = "min"

    def prepare(self, allowed: Any = None, unmatched: Any = None, sizes: Any = None) -> PreparedLinearSumAssignment:
        """Bind to the pairs that are allowed, the price of objects left out, and sizes.

        Args:
            allowed: `[n, m]` of bool or 0/1; None if all are, which also leaves n and m open.
            unmatched: what each object left unmatched costs, or scores: a number, `[2]` for the two sides, or `[n + m]`
                for each object. None matches all of the smaller side.
            sizes: `[2]` how many objects each side has, where objectives are padded; they may also come row by row.

        Raises:
            InstanceError: not such values.
        """
        return PreparedLinearSumAssignment(
            Matching.read(ASSIGNMENT.id, self.sense, allowed=allowed, unmatched=unmatched, sizes=sizes)
        )


@dataclass(frozen=True, eq=False)
class PreparedLinearSumAssignment(PreparedMatching):
    """Assignment within a mask, or without one for matrices of any size."""

    def solve(self, objective: Floats, *, sizes: Any = None) -> SolveResult:
        """Find a best assignment per row.

        Args:
            objective: `[N, n, m]` costs, or scores if sense is "max"; entries of forbidden pairs do not matter.
            sizes: `[N, 2]` how many objects each side has, row by row.

        Returns:
            0/1 matrices `[N, n, m]`. Where forbidden pairs leave no complete assignment, rows are infeasible.

        Raises:
            ObjectiveError: not matrices, or of another shape than the mask.
            InstanceError: sizes do not fit; names the row.
        """
        matching = self.matching
        rows = RowResults(ASSIGNMENT.id, matching.sense, objective, self.objective_shape)
        own = matching.sizes_of(rows.objective.shape, sizes)
        costs = matching.costs(rows.objective)
        end_too_large(rows, costs)
        for row in rows.open.tolist():
            given = costs[row, : own[row, 0], : own[row, 1]]
            try:
                first, second = linear_sum_assignment(given)
            except ValueError:  # no complete assignment has a finite cost
                rows.end(row, SolveStatus.INFEASIBLE, _lacking(given < np.inf))
                continue
            kept = slice(None) if matching.unmatched is None else given[first, second] < 0
            rows.solutions[row, first[kept], second[kept]] = 1.0
        rows.fixed[:] = matching.terms(rows.solutions, own)
        return rows.result()


def _lacking(pairs: NDArray[np.bool_]) -> str:
    most = int((maximum_bipartite_matching(csr_array(pairs), perm_type="column") >= 0).sum())
    return (
        f"the allowed pairs leave no complete assignment: at most {most} of {min(pairs.shape)} at the same time; "
        f"{LEAVE_OUT}"
    )
