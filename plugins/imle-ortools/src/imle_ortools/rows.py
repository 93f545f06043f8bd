"""Rows of a result: statuses and messages collected while rows are solved, and checks they share."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imle.errors import ObjectiveError
from imle.solvers import SolveResult, SolveStatus

Floats = NDArray[np.float64]


@dataclass(eq=False)
class Rows:
    """What becomes of N rows; all are optimal until something else is said.

    Attributes:
        solutions: `[N, *shape]`, zeros until written.
        values: `[N]` objective values, nan where unknown.
        status: `[N]`.
        bounds: `[N]` proven limits of the values, nan where unknown.
        messages: by row number.
    """

    solutions: Floats
    values: Floats
    status: NDArray[np.int8]
    bounds: Floats
    messages: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, objective: Floats) -> Rows:
        """Room for `[N, *shape]` objectives; rows that are not finite have failed already.

        Solvers answer nan with anything, from zeros to uninitialised memory, so they never get to see it.
        """
        count = len(objective)
        unknown = np.full(count, np.nan)
        rows = cls(np.zeros(objective.shape), unknown, np.zeros(count, np.int8), unknown.copy())
        if not np.isfinite(objective).all():
            for row in np.flatnonzero(~np.isfinite(objective).reshape(len(objective), -1).all(axis=1)):
                place = np.argwhere(~np.isfinite(objective[row]))[0]
                value = objective[row][tuple(place)]
                rows.fail(int(row), SolveStatus.ERROR, f"the objective is {value} at position {_place(place)}")
        return rows

    def fail(self, row: int, status: SolveStatus, message: str = "") -> None:
        """Say how a row ended that is not optimal."""
        self.status[row] = status
        if message:
            self.messages[row] = message

    @property
    def open(self) -> NDArray[np.int64]:
        """Rows that have not failed."""
        return np.flatnonzero(self.status == SolveStatus.OPTIMAL)

    def result(self) -> SolveResult:
        """The result; neither statuses nor bounds if every row is optimal."""
        if not self.status.any():
            return SolveResult(self.solutions, None, self.values, self.messages)
        bounds = np.where(self.status == SolveStatus.OPTIMAL, self.values, self.bounds)
        return SolveResult(self.solutions, self.status, self.values, self.messages, bound=bounds)


def check_shape(solver_id: str, what: str, objective: Floats, shape: tuple[int | None, ...]) -> None:
    """Refuse objectives of another shape: native code does not check bounds.

    Raises:
        ObjectiveError: not `[N, *shape]`; None in shape is any size.
    """
    found = objective.shape[1:]
    same = len(found) == len(shape) and all(b is None or a == b for a, b in zip(found, shape, strict=True))
    if not same:
        sizes = ", ".join(["N", *("any" if size is None else str(size) for size in shape)])
        raise ObjectiveError(f"{solver_id}: expected {what} of shape [{sizes}], found {list(objective.shape)}")


def _place(place: NDArray[np.int64]) -> str:
    return str(int(place[0])) if len(place) == 1 else str(tuple(int(i) for i in place))
