"""What both solvers of shortest paths share: the ends of rows, and results from what a kernel wrote."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from imle.errors import InstanceError
from imle.solvers import SolveResult, SolveStatus
from imle.solvers.compiled import Flags, Floats, Longs, Masks, read_only
from imle_networkx.negatives import Negative, clipped


def numbers(
    who: str, name: str, fixed: Any, given: Sequence[Any] | None, rows: int, number: Callable[[str, str, Any], int]
) -> Longs:
    """The number of the end of each row, `[N]`.

    Args:
        who, name: the solver and the parameter, for messages.
        fixed: the end that holds for all rows, given with the instance.
        given: one end per row instead, given when solving.
        rows: N.
        number: turns an end into its number, or raises InstanceError.

    Raises:
        InstanceError: the wrong number of ends was given, or one is not valid (its row is in `row`).
    """
    if given is None:
        return np.full(rows, number(who, name, fixed), np.int64)
    if len(given) != rows:
        raise InstanceError(f"{who}: {name}: expected one per row, {rows} in all, found {len(given)}")
    found = np.empty(rows, np.int64)
    for row, end in enumerate(given):
        if row and end is given[row - 1]:  # the samples of a row repeat its ends
            found[row] = found[row - 1]
            continue
        try:
            found[row] = number(who, name, end)
        except InstanceError as error:
            raise InstanceError(error.message, hint=error.hint, row=row) from None
    return found


class Paths(NamedTuple):
    """What kernels of shortest paths read and write, for N rows (see `imle_networkx.kernels`)."""

    costs: Floats
    solutions: Masks
    values: Floats
    found: Flags
    negatives: Longs

    @classmethod
    def of(cls, costs: Floats) -> Paths:
        """Room for the paths of `[N, items]` costs."""
        rows = len(costs)
        return cls(
            read_only(np.asarray(costs, np.float64)),
            np.zeros(costs.shape, np.int8),  # an eighth of the memory traffic of the costs
            np.full(rows, np.nan),
            np.zeros(rows, np.bool_),
            np.zeros(rows, np.int64),
        )

    def result(
        self,
        who: str,
        negative: Negative,
        failure: Callable[[int], tuple[SolveStatus, str]],
        place: Callable[[int], str],
    ) -> SolveResult:
        """The result of a solve; solutions are still `[N, items]`.

        Args:
            who: the solver, for messages.
            negative: what to do if costs were negative.
            failure: status and message of a row without path.
            place: how users call the n-th item of the objective.

        Raises:
            ObjectiveError: costs were negative and `negative` is "raise".
        """
        counters, advice = clipped(who, self.costs, self.negatives, negative, "costs", "paths", place)
        status, messages = None, {}
        if not self.found.all():
            status = np.zeros(len(self.found), np.int8)
            for row in np.flatnonzero(~self.found).tolist():
                status[row], messages[row] = failure(row)
        return SolveResult(self.solutions, status, self.values, messages, counters, advice)
