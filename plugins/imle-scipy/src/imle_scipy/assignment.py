"""Assignment between n and m things, square or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from imle.errors import InstanceError, ObjectiveError
from imle.solvers import ArrayKind, Sense, Shape, SolveResult, SolveStatus
from imle_linear import options
from imle_linear.arrays import Floats
from imle_scipy.plugin import ASSIGNMENT

_WHO = "scipy-assignment"

_TOO_LARGE = 2.0**1000
"""Costs are added and subtracted a few thousand times; beyond this they might overflow on the way."""


@dataclass(frozen=True)
class ScipyAssignmentSolver:
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

    array: ClassVar[ArrayKind] = "numpy"

    def __post_init__(self) -> None:
        options.check(ASSIGNMENT, self)

    def prepare(self, allowed: Any = None) -> PreparedAssignment:
        """Bind to the pairs that are allowed.

        Args:
            allowed: `[n, m]` of bool or 0/1; None if all are, which also leaves n and m open.

        Raises:
            InstanceError: not such a matrix.
        """
        if allowed is None:
            return PreparedAssignment(self.sense, None)
        mask = _mask(allowed)
        return PreparedAssignment(self.sense, mask, _lacking(mask))


@dataclass(frozen=True, eq=False)
class PreparedAssignment:
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

    def solve(self, objective: Floats, *, hint: Floats | None = None) -> SolveResult:
        """Find a best assignment per row.

        Args:
            objective: `[N, n, m]` costs, or scores if sense is "max"; entries of forbidden pairs do not matter.
            hint: not used; a solve costs less than checking one.

        Returns:
            0/1 matrices `[N, n, m]`. If forbidden pairs leave no complete assignment, all rows are infeasible.

        Raises:
            ObjectiveError: not matrices, or of another shape than the mask.
        """
        del hint
        objective = np.asarray(objective, np.float64)
        if objective.ndim != 3 or (self.allowed is not None and objective.shape[1:] != self.allowed.shape):
            wanted = "n, m" if self.allowed is None else ", ".join(map(str, self.allowed.shape))
            raise ObjectiveError(f"{_WHO}: expected matrices of shape [N, {wanted}], found {list(objective.shape)}")
        solutions, values = np.zeros(objective.shape), np.full(len(objective), np.nan)
        status, messages = np.zeros(len(objective), np.int8), {}
        maximise = self.sense == "max"
        for row, matrix in enumerate(objective):
            failed = self._failed(matrix)
            if failed:
                status[row], messages[row] = failed
                continue
            forbidden = -np.inf if maximise else np.inf
            given = matrix if self.allowed is None else np.where(self.allowed, matrix, forbidden)
            chosen = linear_sum_assignment(given, maximize=maximise)
            solutions[row][chosen] = 1.0
            values[row] = matrix[chosen].sum()
        return SolveResult(solutions, status if status.any() else None, values, messages)

    def _failed(self, matrix: Floats) -> tuple[SolveStatus, str] | None:
        """Why one row is not solved, if it is not."""
        if not np.isfinite(matrix).all():
            place = tuple(int(i) for i in np.argwhere(~np.isfinite(matrix))[0])
            return SolveStatus.ERROR, f"the objective is {matrix[place]} at position {place}"
        if self.lacking:
            return SolveStatus.INFEASIBLE, self.lacking
        if np.abs(matrix).max(initial=0.0) > _TOO_LARGE:
            return SolveStatus.ERROR, "an entry is larger than 2**1000 in size: sums would overflow"
        return None

    def close(self) -> None:
        """Nothing to free."""


def _mask(allowed: Any) -> NDArray[np.bool_]:
    try:
        mask = np.asarray(allowed)
        if mask.dtype.kind not in "biuf" or mask.ndim != 2 or not np.isin(mask, (0, 1)).all():
            raise ValueError
    except (TypeError, ValueError, RuntimeError):
        shape = getattr(allowed, "shape", None)
        found = type(allowed).__name__ if shape is None else f"{type(allowed).__name__} of shape {list(shape)}"
        raise InstanceError(
            f"{_WHO}: allowed: expected a matrix [n, m] of bool or 0/1, found {found}",
            hint="True where a pair may be chosen",
        ) from None
    return mask.astype(np.bool_)


def _lacking(pairs: NDArray[np.bool_]) -> str:
    wanted = min(pairs.shape)
    most = int((maximum_bipartite_matching(csr_array(pairs), perm_type="column") >= 0).sum()) if wanted else 0
    if most == wanted:
        return ""
    return f"the allowed pairs leave no complete assignment: at most {most} of {wanted} at the same time"
