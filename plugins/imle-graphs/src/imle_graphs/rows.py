"""Rows of a result: statuses and messages collected while rows are solved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.errors import ObjectiveError
from imle.solvers import SolveResult, SolveStatus

Floats = NDArray[np.float64]

_TOO_LARGE = 2.0**1000


@dataclass(eq=False)
class Rows:
    """What becomes of N rows; all are optimal until something else is said.

    Attributes:
        given: `[N, E]` the objective as given.
        costs: `[N, E]` the same, C-contiguous and float64; zeros in rows that are not finite.
        solutions: `[N, E]` 0/1, zeros until written.
        status: `[N]`.
        messages: by row number.
    """

    given: Floats
    costs: Floats
    solutions: NDArray[np.int8]
    status: NDArray[np.int8]
    messages: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, solver_id: str, objective: Any, edges: int) -> Rows:
        """Room for the outcome of `[N, edges]` objectives; rows that are not finite have failed already.

        Raises:
            ObjectiveError: another shape; kernels do not check bounds.
        """
        given = np.asarray(objective)
        if given.ndim != 2 or given.shape[1] != edges:
            raise ObjectiveError(
                f"{solver_id}: expected an objective of shape [N, {edges}], one number per edge, "
                f"found {list(given.shape)}"
            )
        costs = np.ascontiguousarray(given, np.float64)
        rows = cls(costs, costs, np.zeros(costs.shape, np.int8), np.zeros(len(costs), np.int8))
        finite = np.isfinite(costs)
        if not finite.all():
            for row in np.flatnonzero(~finite.all(axis=1)):
                edge = int(np.argmin(finite[row]))
                rows.fail(int(row), SolveStatus.ERROR, f"the objective is {costs[row, edge]} at position {edge}")
            rows.costs = np.where(rows.open[:, None], costs, 0.0)
        return rows

    def refuse_large(self, solver_id: str) -> None:
        """Fail rows whose sums could overflow on the way."""
        for row in np.flatnonzero(np.abs(self.costs).max(axis=1, initial=0.0) > _TOO_LARGE):
            self.fail(int(row), SolveStatus.ERROR, f"{solver_id} adds costs: one is larger than 2**1000 in size")
            self.costs = np.where(self.open[:, None], self.costs, 0.0)

    @property
    def open(self) -> NDArray[np.bool_]:
        """`[N]`, rows that have not failed."""
        found: NDArray[np.bool_] = self.status <= SolveStatus.FEASIBLE
        return found

    def fail(self, row: int, status: SolveStatus, message: str) -> None:
        """Say how a row ended that is not optimal."""
        self.status[row] = status
        self.messages[row] = message

    def result(self, counters: dict[str, int] | None = None, advice: tuple[str, ...] = ()) -> SolveResult:
        """The result; values are sums of the objective as given, and failed rows hold zeros."""
        failed = ~self.open
        self.solutions[failed] = 0
        with np.errstate(invalid="ignore", over="ignore"):
            values = np.einsum("ne,ne->n", np.where(failed[:, None], 0.0, self.given), self.solutions)
        values[failed] = np.nan
        status = self.status if self.status.any() else None
        return SolveResult(self.solutions, status, values, self.messages, counters or {}, advice)
