"""Rows of a result: statuses and messages collected while rows are solved."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imle.solvers import SolveResult, SolveStatus

Floats = NDArray[np.float64]


@dataclass(eq=False)
class Rows:
    """What becomes of N rows; all are optimal until something else is said.

    Attributes:
        solutions: `[N, *shape]`, zeros until written.
        values: `[N]` objective values, nan where unknown.
        status: `[N]`.
        messages: by row number.
    """

    solutions: Floats
    values: Floats
    status: NDArray[np.int8]
    messages: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, objective: Floats) -> Rows:
        """Room for `[N, *shape]` objectives; rows that are not finite have failed already."""
        rows = cls(np.zeros(objective.shape), np.full(len(objective), np.nan), np.zeros(len(objective), np.int8))
        finite = np.isfinite(objective)
        for row in np.flatnonzero(~finite.reshape(len(objective), -1).all(axis=1)) if not finite.all() else ():
            place = tuple(int(i) for i in np.argwhere(~finite[row])[0])
            shown = place[0] if len(place) == 1 else place
            rows.say(int(row), SolveStatus.ERROR, f"the objective is {objective[row][place]} at position {shown}")
        return rows

    def say(self, row: int, status: SolveStatus, message: str) -> None:
        """Say how a row ended that is not optimal."""
        self.status[row] = status
        self.messages[row] = message

    @property
    def open(self) -> list[int]:
        """Rows that have not ended otherwise."""
        found: list[int] = np.flatnonzero(self.status == SolveStatus.OPTIMAL).tolist()
        return found

    def result(self) -> SolveResult:
        """The result; no status array if every row is optimal."""
        return SolveResult(self.solutions, self.status if self.status.any() else None, self.values, self.messages)
