"""From what a kernel wrote to a SolveResult: statuses, and the policy for negative costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imle.errors import ObjectiveError
from imle.solvers import SolveResult, SolveStatus

Negative = Literal["clip", "raise"]

ADVICE = (
    "negative costs were clipped to zero, where paths tie and gradients mislead; keep costs positive: a softplus on "
    "the network's output, noise that is multiplicative or small beside them, and small steps of the estimator"
)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a kernel writes, for N rows (see `imle_networkx.kernels`)."""

    objective: NDArray[np.float64]
    solutions: NDArray[np.int8]
    values: NDArray[np.float64]
    found: NDArray[np.bool_]
    negatives: NDArray[np.int64]

    @classmethod
    def of(cls, objective: NDArray[np.float64]) -> Outcome:
        """Room for the outcome of `[N, items]` costs."""
        rows = len(objective)
        return cls(
            # kernels are compiled per type, and read-only is part of the type: this way there is only one
            read_only(objective),
            np.zeros(objective.shape, np.int8),  # an eighth of the memory traffic of the costs
            np.full(rows, np.nan),
            np.zeros(rows, np.bool_),
            np.zeros(rows, np.int64),
        )

    def result(
        self,
        solver_id: str,
        negative: Negative,
        failure: Callable[[int], tuple[SolveStatus, str]],
        place: Callable[[int], str],
    ) -> SolveResult:
        """The result of a solve; solutions are still `[N, items]`.

        Args:
            solver_id: for messages.
            negative: what to do if costs were negative.
            failure: status and message of a row without path.
            place: how users call the n-th item of the objective.

        Raises:
            ObjectiveError: costs were negative and `negative` is "raise".
        """
        rows = np.flatnonzero(self.negatives)
        counters: dict[str, int] = {}
        if len(rows):
            if negative == "raise":
                self._refuse(solver_id, int(rows[0]), place)
            counters = {"clipped_rows": len(rows), "clipped_entries": int(self.negatives.sum())}
        status, messages = None, {}
        if not self.found.all():
            status = np.zeros(len(self.found), np.int8)
            for row in map(int, np.flatnonzero(~self.found)):
                status[row], messages[row] = failure(row)
        return SolveResult(
            self.solutions,
            status,
            self.values,
            messages=messages,
            counters=counters,
            advice=(ADVICE,) if counters else (),
        )

    def _refuse(self, solver_id: str, row: int, place: Callable[[int], str]) -> None:
        item = int(np.argmax(self.objective[row] < 0))
        raise ObjectiveError(
            f"{solver_id}: expected costs >= 0, found {self.objective[row, item]:g} at {place(item)}; "
            f"{int(self.negatives.sum())} of {self.objective.size} entries are negative",
            hint='a softplus keeps costs positive; negative="clip" replaces negative costs by zero',
            row=row,
        )


def read_only(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """A view that cannot be written."""
    view = array.view()
    view.flags.writeable = False
    return view
