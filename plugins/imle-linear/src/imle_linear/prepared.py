"""PreparedProgram: a solver bound to a linear program, for batches and for any number of threads."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle.solvers import Sense, Shape, SolveResult, SolveStatus, progress
from imle_linear import arrays
from imle_linear.arrays import Floats
from imle_linear.engines import Engine, Outcome, Rows
from imle_linear.program import LinearProgram

_SIZE = 10
"""HiGHS is given costs whose largest lies between 2^9 and 2^10: its tolerances are absolute."""
_BLOCK = 64
"""How many rows are brought to that size at once."""


class Setup(NamedTuple):
    """What every prepared program has to know of its solver.

    Attributes:
        who: for messages.
        sense: how objectives are read.
        time_limit: seconds per row.
        engine: builds an engine, one per thread that solves at the same time.
    """

    who: str
    sense: Sense
    time_limit: float | None
    engine: Callable[[LinearProgram], Engine]


class PreparedProgram:
    """Many objectives over one feasible set.

    Args:
        program: the feasible set and the fixed part of the objective.
        setup: what the solver adds.

    Raises:
        InstanceError: HiGHS refuses the model.
    """

    def __init__(self, program: LinearProgram, setup: Setup) -> None:
        self._program = program
        self._setup = setup
        n = len(program.costs)
        self._all_learned = np.array_equal(program.learned, np.arange(n))  # all variables, in their own order
        self._lock = threading.Lock()
        self._idle: list[Engine] = [setup.engine(program)]  # a model HiGHS refuses is an error now, not later

    @property
    def objective_shape(self) -> Shape:
        return (len(self._program.learned),)

    def solve(
        self,
        objective: NDArray[np.float64],
        *,
        hint: NDArray[np.float64] | None = None,
        b_ub: Sequence[Any] | None = None,
        b_eq: Sequence[Any] | None = None,
    ) -> SolveResult:
        """Solve N objectives.

        Args:
            objective: `[N, k]` coefficients of the learned variables, finite.
            hint: not used; HiGHS gains nothing from a known solution.
            b_ub: N right sides instead of the fixed one.
            b_eq: likewise.

        Raises:
            InstanceError: a right side is missing, or has the wrong length (names the row).
        """
        below = self._right_sides("b_ub", b_ub, slice(0, self._program.b_ub_rows), len(objective))
        equal_rows = slice(self._program.b_ub_rows, self._program.b_ub_rows + self._program.b_eq_rows)
        equal = self._right_sides("b_eq", b_eq, equal_rows, len(objective))
        answers = _Answers(objective, self._program, self._all_learned)
        limit = self._setup.time_limit
        with self._engine() as engine:
            before = Counter(engine.events)
            for costs, rows in zip(self._costs(objective), self._rows(len(objective), below, equal), strict=True):
                answers.add(engine.solve(costs, rows, limit))
                progress.report(1)
            events = engine.events - before
        return answers.result(events)

    def close(self) -> None:
        """Free the native models."""
        with self._lock:
            self._idle.clear()

    @contextmanager
    def _engine(self) -> Iterator[Engine]:
        """An engine no other thread is using."""
        with self._lock:
            engine = self._idle.pop() if self._idle else None
        if engine is None:
            engine = self._setup.engine(self._program)
        yield engine
        with self._lock:  # after an exception it is dropped: its state is not known
            self._idle.append(engine)

    def _costs(self, objective: Floats) -> Iterator[Floats]:
        """Objectives as costs to minimise, all `[n]` coefficients of a row, brought to one size.

        The factor is a power of two: no coefficient is rounded, and an objective means the same at any scale.
        """
        program = self._program
        rest = np.abs(program.costs).max()
        for start in range(0, len(objective), _BLOCK):
            part = objective[start : start + _BLOCK]
            largest = np.maximum(np.maximum(part.max(axis=1), -part.min(axis=1)), rest)
            shifts = _SIZE - np.frexp(largest)[1]
            first, second = np.ldexp(1.0, shifts // 2), np.ldexp(1.0, shifts - shifts // 2)  # 2**1083 is no float64
            first, second = first[:, None], second[:, None]
            if self._setup.sense == "max":
                first = -first
            scaled = part * first
            scaled *= second
            if not self._all_learned:
                learned, scaled = scaled, program.costs * first
                scaled *= second
                scaled[:, program.learned] = learned
            yield from scaled

    def _right_sides(self, name: str, given: Sequence[Any] | None, rows: slice, count: int) -> list[Floats] | None:
        who, size = self._setup.who, rows.stop - rows.start
        if given is None:
            if np.isnan(self._program.row_upper[rows]).any():
                raise InstanceError(
                    f"{who}: {name} missing: A_{name[2:]} has {size} rows",
                    hint=f"give {name}=... to imle.layer for all rows, or to the call, one per row",
                )
            return None
        if size == 0:
            raise InstanceError(f"{who}: {name}: expected A_{name[2:]} beside it, found {name} alone")
        if len(given) != count:
            raise InstanceError(f"{who}: {name}: expected one vector per row, {count} in all, found {len(given)}")
        per = f"row of A_{name[2:]}"
        return [arrays.vector(f"{who}: {name}", b, size, per, row=n) for n, b in enumerate(given)]

    def _rows(self, count: int, below: list[Floats] | None, equal: list[Floats] | None) -> Iterator[Rows]:
        """Least and greatest values of the constraint rows, for every row of the batch."""
        program = self._program
        fixed = program.row_lower, program.row_upper
        if below is None and equal is None:
            yield from repeat(fixed, count)  # the same arrays: engines compare those by identity first
            return
        rows = slice(program.b_ub_rows, program.b_ub_rows + program.b_eq_rows)
        for n in range(count):
            lower, upper = fixed[0].copy(), fixed[1].copy()
            if below is not None:
                upper[: program.b_ub_rows] = below[n]
            if equal is not None:
                lower[rows] = upper[rows] = equal[n]
            yield lower, upper


class _Answers:
    """Outcomes of a batch, collected row by row. What all rows have in common is done once, at the end.

    Args:
        objective: `[N, k]`.
        program: the feasible set.
        all_learned: whether objectives have one coefficient per variable, in their order.
    """

    def __init__(self, objective: Floats, program: LinearProgram, all_learned: bool) -> None:
        self._objective = objective
        self._program = program
        self._all_learned = all_learned
        self._lower, self._upper = program.lower[program.learned], program.upper[program.learned]
        self._solutions = np.zeros_like(objective)
        self._status: list[SolveStatus] = []
        self._messages: dict[int, str] = {}
        self._rest = np.full(len(objective), program.offset)  # what variables that are not learned add
        self._none: list[int] = []

    def add(self, outcome: Outcome) -> None:
        """The outcome of the next row."""
        n = len(self._status)
        status, point, message = outcome
        self._status.append(status)
        if status != SolveStatus.OPTIMAL:
            self._messages[n] = message
        if point is None:
            self._none.append(n)
            return
        if not self._all_learned:
            self._rest[n] += point @ self._program.costs
            point = point[self._program.learned]
        row = self._solutions[n]
        np.maximum(point, self._lower, out=row)  # engines step over bounds within a tolerance
        np.minimum(row, self._upper, out=row)

    def result(self, events: Counter[str]) -> SolveResult:
        """All rows in the protocol's form."""
        self._solutions += 0.0  # -0.0 becomes 0.0
        values = np.einsum("ij,ij->i", self._solutions, self._objective) + self._rest
        values[self._none] = np.nan
        return SolveResult(
            self._solutions,
            status=np.array(self._status, dtype=np.int8),
            values=values,
            messages=self._messages,
            counters=dict(events),
        )


class Unbound:
    """A solver whose instance comes with every row; there is nothing to solve until it does.

    Args:
        who: for messages.
        missing: what was expected and not found.
        parameters: what to give, for the hint.
    """

    objective_shape: Shape = (None,)

    def __init__(self, who: str, missing: str, parameters: str) -> None:
        self._who = who
        self._missing = missing
        self._parameters = parameters

    def solve(self, objective: NDArray[np.float64], **rows: Any) -> SolveResult:
        """Say that the instance is missing.

        Raises:
            InstanceError: always.
        """
        raise InstanceError(
            f"{self._who}: {self._missing}",
            hint=f"give {self._parameters} to imle.layer for all rows, or to the call, one per row",
        )

    def close(self) -> None:
        """Nothing to free."""


def without_instance(who: str) -> Unbound:
    """What a solver over matrices or files is before it has any."""
    return Unbound(who, "expected A_ub, A_eq, one pair of bounds per variable or model, found none of them", "them")
