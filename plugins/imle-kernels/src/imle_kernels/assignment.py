"""Assignment between n and m things, square or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.solvers import BaseSolver, RowResults, Sense, SolveResult, SolveStatus
from imle.solvers.cancellation import raise_if_cancelled
from imle.solvers.compiled import Floats, Longs, read_only
from imle_kernels.compiled.assignment import assign_padded
from imle_kernels.plugin import ASSIGNMENT
from imle_linear.matching import LEAVE_OUT, Matching, PreparedMatching, end_too_large

_STEPS = 50_000_000
"""Of one call of the kernel at the most, unless a single row has more: less than a tenth of a second."""


@dataclass(frozen=True)
class AssignmentSolver(BaseSolver, spec=ASSIGNMENT):
    """The best assignment between n and m things, as a 0/1 matrix.

    Each of the smaller side is assigned to exactly one of the larger side, and no two to the same; with `unmatched`,
    objects are left out where that is better.

    Args:
        sense: "min" for costs, "max" for scores.

    Exact up to the rounding of float64, for costs of any sign. Several best assignments: one of them, the same one
    every time.

    Raises:
        OptionError: another sense.
    """

    sense: Sense = "min"

    def prepare(self, allowed: Any = None, unmatched: Any = None, sizes: Any = None) -> PreparedAssignment:
        """Bind to the pairs that are allowed, the price of objects left out, and sizes.

        Args:
            allowed: `[n, m]` of bool or 0/1; None if all are, which also leaves n and m open.
            unmatched: what each object left unmatched costs, or scores: a number, `[2]` for the two sides, or `[n + m]`
                for each object. None matches all of the smaller side.
            sizes: `[2]` how many objects each side has, where objectives are padded; they may also come row by row.

        Raises:
            InstanceError: not such values.
        """
        read = Matching.read(ASSIGNMENT.id, self.sense, allowed=allowed, unmatched=unmatched, sizes=sizes)
        return PreparedAssignment(read)


@dataclass(frozen=True, eq=False)
class PreparedAssignment(PreparedMatching):
    """Assignment within a mask, or without one for matrices of any size."""

    def solve(self, objective: Floats, *, sizes: Any = None) -> SolveResult:
        """Find a best assignment per row.

        Args:
            objective: `[N, n, m]` costs, or scores if sense is "max"; entries of forbidden pairs and padding do not
                matter.
            sizes: `[N, 2]` how many objects each side has, row by row.

        Returns:
            0/1 matrices `[N, n, m]`. If forbidden pairs leave no assignment, rows are infeasible.

        Raises:
            ObjectiveError: not matrices, or of another shape than the mask.
            InstanceError: sizes do not fit; names the row.
        """
        matching = self.matching
        rows = RowResults(ASSIGNMENT.id, matching.sense, objective, self.objective_shape)
        own = matching.sizes_of(rows.objective.shape, sizes)
        costs = matching.costs(rows.objective)
        end_too_large(rows, costs)
        wide = own[:, 0] <= own[:, 1]
        for turned, which in ((False, np.flatnonzero(wide)), (True, np.flatnonzero(~wide))):
            if len(which):
                self._assign(rows, costs, own, which, turned=turned)
        rows.fixed[:] = matching.terms(rows.solutions, own)
        return rows.result()

    def _assign(self, rows: RowResults, costs: Floats, sizes: Longs, which: NDArray[np.intp], *, turned: bool) -> None:
        """Solve the rows whose first side is no larger than the second; or, turned, those where it is larger."""
        part, own = (costs, sizes) if len(which) == len(costs) else (costs[which], sizes[which])
        if turned:
            part, own = part.transpose(0, 2, 1), own[:, ::-1]
        given, own = read_only(part), np.ascontiguousarray(own)
        count, n, m = given.shape
        choice = np.empty((count, n), np.int64)
        found = np.empty(count, np.bool_)
        at_once = max(1, _STEPS // max(min(n, m) * n * m, 1))
        for start in range(0, count, at_once):
            raise_if_cancelled()  # Ctrl-C is heard between two calls
            now = slice(start, start + at_once)
            assign_padded(given[now], own[now], choice[now], found[now])
        for row in np.intersect1d(which[~found], rows.open):
            rows.end(int(row), SolveStatus.INFEASIBLE, f"the allowed pairs leave no complete assignment; {LEAVE_OUT}")
        chosen = (choice >= 0) & found[:, None]
        row, first = np.nonzero(chosen)
        second = choice[row, first]
        if self.matching.unmatched is not None:
            better = given[row, first, second] < 0
            row, first, second = row[better], first[better], second[better]
        rows.solutions[which[row], second if turned else first, first if turned else second] = 1.0
