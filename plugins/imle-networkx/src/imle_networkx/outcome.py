"""From what a kernel wrote to a SolveResult: values, statuses and messages, and the policy for negative costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from imle.errors import ObjectiveError
from imle.solvers import SolveResult, SolveStatus
from imle_networkx.kernels.compiling import Flags, Floats, Longs, Masks, read_only

Negative = Literal["clip", "raise"]

_TOO_LARGE = 2.0**1000


@dataclass(eq=False)
class Outcome:
    """What becomes of N rows; all are optimal until something else is said.

    Attributes:
        costs: `[N, items]` the objective as given, C-contiguous and float64, read-only.
        solutions: `[N, items]` 0/1, zeros until a kernel writes.
        status: `[N]`.
        messages: by row number.
        counters, advice: see `SolveResult`.
    """

    costs: Floats
    solutions: Masks
    status: Masks
    messages: dict[int, str] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    advice: tuple[str, ...] = ()

    @classmethod
    def of(cls, who: str, objective: Any, items: int, item: str = "edge") -> Outcome:
        """Room for the outcome of `[N, items]` objectives.

        Raises:
            ObjectiveError: another shape; kernels do not check bounds.
        """
        given = np.asarray(objective)
        if given.ndim != 2 or given.shape[1] != items:
            raise ObjectiveError(
                f"{who}: expected an objective of shape [N, {items}], one number per {item}, found {list(given.shape)}"
            )
        costs = read_only(np.asarray(given, np.float64))
        # masks take an eighth of the memory traffic of the costs
        return cls(costs, np.zeros(costs.shape, np.int8), np.zeros(len(costs), np.int8))

    def summable(self, who: str | None = None) -> Floats:
        """The costs for kernels that rely on finite sums: rows that are not finite fail, and are zeros there.

        Args:
            who: a solver that adds and subtracts costs on the way; rows whose sums could overflow fail too.
        """
        most = np.finfo(np.float64).max if who is None else _TOO_LARGE
        small = np.abs(self.costs) <= most
        if small.all():
            return self.costs
        for row in map(int, np.flatnonzero(~small.all(axis=1))):
            item = int(np.argmin(np.isfinite(self.costs[row])))
            if np.isfinite(self.costs[row, item]):
                self.fail(row, SolveStatus.ERROR, f"{who} adds costs: one is larger than 2**1000 in size")
            else:
                self.fail(row, SolveStatus.ERROR, f"the objective is {self.costs[row, item]} at position {item}")
        return read_only(np.where(self.open[:, None], self.costs, 0.0))

    @property
    def open(self) -> Flags:
        """`[N]`, rows that have not failed."""
        found: Flags = self.status <= SolveStatus.FEASIBLE
        return found

    def fail(self, row: int, status: SolveStatus, message: str) -> None:
        """Say how a row ended that is not optimal."""
        self.status[row] = status
        self.messages[row] = message

    def unsolved(self, found: Flags, failure: Callable[[int], tuple[SolveStatus, str]]) -> None:
        """Say how the rows ended for which a kernel has found nothing.

        Args:
            found: `[N]`.
            failure: status and message of a row.
        """
        if not found.all():
            for row in map(int, np.flatnonzero(~found)):
                self.fail(row, *failure(row))

    def clipped(
        self, who: str, negatives: Longs, policy: Negative, what: str, ties: str, place: Callable[[int], str]
    ) -> None:
        """Count costs that were clipped to zero, or refuse them.

        Args:
            who: the solver, for messages.
            negatives: `[N]` how many there are in each row.
            policy: what users want.
            what, ties: what the costs are called, and the solutions, of which several become equal.
            place: how users call the n-th item of the objective.

        Raises:
            ObjectiveError: there are negative costs and the policy is "raise".
        """
        if not negatives.any():
            return
        rows = np.flatnonzero(negatives)
        if policy == "raise":
            row = int(rows[0])
            item = int(np.argmax(self.costs[row] < 0))
            raise ObjectiveError(
                f"{who}: expected {what} >= 0, found {self.costs[row, item]:g} at {place(item)}; "
                f"{int(negatives.sum())} of {self.costs.size} entries are negative",
                hint=f'a softplus keeps {what} positive; negative="clip" replaces negative {what} by zero',
                row=row,
            )
        self.counters |= {"clipped_rows": len(rows), "clipped_entries": int(negatives.sum())}
        self.advice = (
            f"negative {what} were clipped to zero, where {ties} tie and gradients mislead; keep {what} positive: a "
            "softplus on the network's output, noise that is multiplicative or small beside them, and small steps of "
            "the estimator",
        )

    def result(self, values: Floats | None = None) -> SolveResult:
        """The result of the solve; failed rows hold zeros.

        Args:
            values: `[N]` sums of the costs as given over the solutions, where the kernel has added them up.
        """
        if self.messages:
            self.solutions[~self.open] = 0
        if values is None:
            with np.errstate(invalid="ignore", over="ignore"):
                given = np.where(self.open[:, None], self.costs, 0.0) if self.messages else self.costs
                values = np.einsum("ne,ne->n", given, self.solutions)
        if self.messages:
            values[~self.open] = np.nan
        status = self.status if self.messages else None
        return SolveResult(self.solutions, status, values, self.messages, self.counters, self.advice)
