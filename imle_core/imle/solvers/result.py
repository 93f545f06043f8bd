"""What a batched solve returns: solutions, a status per row, and whatever else the user should know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class SolveStatus(IntEnum):
    """How the solve of one row ended. Rows with `ok` carry a usable solution."""

    OPTIMAL = 0
    FEASIBLE = 1
    INFEASIBLE = 2
    UNBOUNDED = 3
    TIMEOUT = 4
    ERROR = 5

    @property
    def ok(self) -> bool:
        """Whether the row's solution lies in the feasible set."""
        return self <= SolveStatus.FEASIBLE

    @property
    def advice(self) -> str:
        """What a user can do about a row that ended this way."""
        return _ADVICE[self]


_ADVICE = {
    SolveStatus.OPTIMAL: "the solution is proven optimal, to the solver's tolerances",
    SolveStatus.FEASIBLE: "a solution was found but not proven optimal; raise the time limit for a proof",
    SolveStatus.INFEASIBLE: "no solution satisfies the constraints; check the instance of this row",
    SolveStatus.UNBOUNDED: "the objective can grow without limit; bound the variables of this instance",
    SolveStatus.TIMEOUT: "no solution was found in time; raise the time limit or relax the instance",
    SolveStatus.ERROR: "the solver failed on this row; its message says why",
}


@dataclass(frozen=True, slots=True)
class SolveResult:
    """The outcome of solving N rows.

    Attributes:
        solutions: `[N, *shape]`, numpy or torch like the objective, real numbers of any dtype that torch has, in
            native byte order; rows that are not ok are ignored.
        status: `[N]` codes of `SolveStatus`; None means that every row is optimal.
        values: `[N]` objective values in the solver's own sense, terms that are not learned included (see
            `PreparedSolver`); nan where unknown.
        messages: what the backend said about single rows, by row number.
        counters: events to add to `layer.stats`, such as `{"clipped_rows": 3}`.
        advice: sentences the layer warns about, each once (category `SolverWarning`).
        seconds: wall time to add to `layer.stats.seconds`, by what it was spent on, such as {"wait": 0.1}.
        bound: `[N]` proven limits of the values, in the solver's own sense: no solution is below it for "min", none
            above it for "max"; nan where unknown. Rows that are optimal need none.
        duals: where `duals=` asked for them, by the name of an instance parameter, `[N, *parameter]`: how much the
            optimal value, in the solver's own sense, changes with one more unit of each entry (the dual variables of
            right sides; minus dual times solution for coefficients). Where several are right, one of them. They are
            finite in every row that is ok: a row whose duals are not known is none.
    """

    solutions: Any
    status: NDArray[np.int8] | None = None
    values: NDArray[np.float64] | None = None
    messages: Mapping[int, str] = field(default_factory=dict)
    counters: Mapping[str, int] = field(default_factory=dict)
    advice: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    bound: NDArray[np.float64] | None = None
    duals: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def gap(self) -> NDArray[np.float64] | None:
        """`[N]` how far the values may be from the best ones, relative to their size; nan where unknown.

        It is `abs(bound - value) / abs(value)`, and 0 where both are equal; infinite where only the value is 0.
        """
        if self.values is None or self.bound is None:
            return None
        values, bound = np.asarray(self.values, np.float64), np.asarray(self.bound, np.float64)
        off = np.abs(bound - values)
        with np.errstate(divide="ignore", invalid="ignore"):
            relative: NDArray[np.float64] = np.where(off == 0, 0.0, off / np.abs(values))
        return relative
