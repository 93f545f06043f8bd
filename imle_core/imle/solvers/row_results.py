"""RowResults: the outcome of a batch, collected row by row. For authors of numpy solvers."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from imle.errors import ObjectiveError
from imle.solvers.protocol import Sense, Shape
from imle.solvers.result import SolveResult, SolveStatus

Floats = NDArray[np.float64]


class RowResults:
    """What becomes of N rows. All are optimal until something else is said.

    Rows that are not finite have failed from the start: native code answers nan with anything, from zeros to
    uninitialised memory, so it never gets to see them.

    Args:
        who: the solver, for messages.
        sense: how objectives are read.
        objective: `[N, *shape]` as given to `solve`.
        shape: what one objective has to look like; None is any size.
        dtype: of the solutions.

    Attributes:
        objective: `[N, *shape]` float64, C-contiguous; zeros in rows that are not finite.
        solutions: `[N, *shape]`, zeros until written.
        status: `[N]` codes of `SolveStatus`.
        fixed: `[N]` what terms add that no objective gives, zeros until written.
        bounds: `[N]` proven limits of the values, in the solver's sense; nan where unknown.
        messages: by row.
        counters: events, for `layer.stats`.

    Raises:
        ObjectiveError: an objective of another shape; native code does not check that.
    """

    def __init__(self, who: str, sense: Sense, objective: Any, shape: Shape, *, dtype: DTypeLike = np.float64) -> None:
        given: Floats = np.ascontiguousarray(objective, np.float64)
        found = given.shape[1:]
        if len(found) != len(shape) or any(b is not None and a != b for a, b in zip(found, shape, strict=True)):
            sizes = ", ".join(["N", *("any" if size is None else str(size) for size in shape)])
            raise ObjectiveError(f"{who}: expected objectives of shape [{sizes}], found {list(np.shape(objective))}")
        count = len(given)
        self.objective = given
        self.solutions: NDArray[Any] = np.zeros(given.shape, dtype)
        self.status = np.zeros(count, np.int8)
        self.fixed = np.zeros(count)
        self.bounds = np.full(count, np.nan)
        self.messages: dict[int, str] = {}
        self.counters: Counter[str] = Counter()
        self._sense = sense
        if not np.isfinite(given).all():
            self._fail_non_finite()

    def end(self, row: int, status: SolveStatus, message: str = "") -> None:
        """Say how a row ended that is not optimal.

        Args:
            row: its number, from 0.
            status: with `FEASIBLE` the solution of the row counts; all others but `OPTIMAL` are failures, whose
                solution `result` sets to zeros.
            message: what the user should know of it; "" leaves an earlier message.
        """
        self.status[row] = status
        if message:
            self.messages[row] = message

    @property
    def open(self) -> NDArray[np.int64]:
        """Rows that are optimal, as far as is known."""
        return np.flatnonzero(self.status == SolveStatus.OPTIMAL)

    def result(self, values: Floats | None = None, advice: tuple[str, ...] = ()) -> SolveResult:
        """The outcome of all rows. Rows without a solution hold zeros and have no value.

        Args:
            values: `[N]` in the solver's sense, if the backend tells them; else they are computed.
            advice: see `SolveResult`.
        """
        if values is None:
            flat = len(self.status), math.prod(self.objective.shape[1:])
            with np.errstate(over="ignore", invalid="ignore"):
                values = np.einsum("ni,ni->n", self.objective.reshape(flat), self.solutions.reshape(flat)) + self.fixed
        if not self.status.any():
            status = None
        else:
            status = self.status
            self.solutions[status > SolveStatus.FEASIBLE] = 0
            values = np.where(status <= SolveStatus.FEASIBLE, values, np.nan)
        return SolveResult(
            self.solutions, status, values, self.messages, self.counters, advice, bound=self._bound(values)
        )

    def _bound(self, values: Floats) -> Floats | None:
        """Each bound on its side of the value, which round-off may have taken it across."""
        if np.isnan(self.bounds).all():
            return None
        beyond = np.fmax if self._sense == "max" else np.fmin
        bounds: Floats = np.where(np.isnan(self.bounds) & (self.status == SolveStatus.OPTIMAL), values, self.bounds)
        return np.where(np.isnan(bounds), np.nan, beyond(bounds, values))

    def _fail_non_finite(self) -> None:
        finite = np.isfinite(self.objective).reshape(len(self.status), -1)  # there is a row
        for row in np.flatnonzero(~finite.all(axis=1)).tolist():
            place = np.unravel_index(int(np.argmin(finite[row])), self.objective.shape[1:])
            at = str(place[0]) if len(place) == 1 else str(tuple(int(i) for i in place))
            self.end(row, SolveStatus.ERROR, f"the objective is {self.objective[row][place]} at position {at}")
        self.objective = np.where(finite.all(axis=1).reshape(-1, *[1] * (self.objective.ndim - 1)), self.objective, 0.0)
