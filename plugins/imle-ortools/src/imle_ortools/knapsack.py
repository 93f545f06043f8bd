"""Knapsack with one capacity or several."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError, OptionError
from imle.plugins.parameters import check_type
from imle.solvers import ArrayKind, Sense, SolveResult, SolveStatus
from imle.solvers.stopping import refuse_given_up
from imle_ortools.arrays import check_positive, numbers, refuse_negative
from imle_ortools.kernels.compiling import read_only
from imle_ortools.kernels.knapsack import fill_up, pack
from imle_ortools.plugin import KNAPSACK
from imle_ortools.rows import Rows, check_shape

Floats = NDArray[np.float64]

SLACK = 1e-12
"""Sums of weights may exceed a capacity by this share of it: 0.1 + 0.2 is to fit into 0.3."""

_UNLIMITED = 2**62
_SLICE = 20_000
"""Nodes between two looks at the clock and at Ctrl-C: a few milliseconds."""


@dataclass(frozen=True)
class KnapsackSolver:
    """The most valuable set of items whose weights stay within every capacity, as a 0/1 mask.

    Args:
        time_limit: seconds per row; None for no limit. Time is not deterministic, so neither are rows that run out.
        node_limit: nodes of the search per row; None for no limit. Rows that run out are deterministic.

    A row that runs out of either is `feasible`, with the best set so far, or the branch at hand filled up greedily if
    that is better. Items of value zero or less are not taken.
    Exact up to the rounding of float64. Several best sets: one of them, the same one every time.

    Raises:
        OptionError: a limit that is not positive.
    """

    time_limit: float | None = None
    node_limit: int | None = None

    sense: ClassVar[Sense] = "max"
    array: ClassVar[ArrayKind] = "numpy"

    def __post_init__(self) -> None:
        for option in KNAPSACK.options:
            check_type(KNAPSACK.id, option, getattr(self, option.name))
        check_positive(KNAPSACK.id, "time_limit", self.time_limit)
        if self.node_limit is not None and self.node_limit < 1:
            raise OptionError(f"{KNAPSACK.id}: node_limit: expected an int >= 1 or None, found {self.node_limit}")

    def prepare(self, weights: Any, capacity: Any = None) -> PreparedKnapsack:
        """Bind to weights and, where all rows share it, to the capacity.

        Args:
            weights: `[m, n]` what each of n items takes of each of m capacities, or `[n]` if there is one; not
                negative, fractions welcome.
            capacity: `[m]`, or a number for all; None if it is given per row when solving.

        Raises:
            InstanceError: another shape, or numbers that are negative or not finite.
        """
        matrix = numbers(KNAPSACK.id, "weights", weights)
        if matrix.ndim not in (1, 2) or not matrix.size:
            raise InstanceError(f"{KNAPSACK.id}: weights: expected shape [m, n] or [n], found {list(matrix.shape)}")
        refuse_negative(KNAPSACK.id, "weights", matrix, "replace an item of negative weight by the choice to leave it")
        matrix = np.atleast_2d(matrix)
        if capacity is None:
            return PreparedKnapsack(self, read_only(matrix.T), None)
        limits = _limits(capacity, len(matrix))
        refuse_negative(KNAPSACK.id, "capacity", limits, "not even the empty set would fit")
        return PreparedKnapsack(self, read_only(matrix.T), limits)


@dataclass(frozen=True, eq=False)
class PreparedKnapsack:
    """Weights `[n, m]` and the capacities `[m]` that hold for all rows, if any."""

    solver: KnapsackSolver
    weights: Floats
    capacity: Floats | None

    @property
    def objective_shape(self) -> tuple[int]:
        """`(n,)`."""
        return (len(self.weights),)

    def solve(
        self, objective: Floats, *, hint: Floats | None = None, capacity: Sequence[Any] | None = None
    ) -> SolveResult:
        """Find a best set per row.

        Args:
            objective: `[N, n]` values of the items.
            hint: not used; a solve costs less than checking one.
            capacity: `[N]` numbers or `[N, m]`, instead of the fixed ones. A negative one makes its row infeasible.

        Returns:
            0/1 masks `[N, n]`.

        Raises:
            InstanceError: a capacity is missing, or not of the right shape; names the row.
            ObjectiveError: another number of values.
        """
        del hint
        check_shape(KNAPSACK.id, "values", objective, self.objective_shape)
        limits = self._capacities(len(objective), capacity)
        rows = Rows.of(objective)
        for row in rows.open[(limits[rows.open] < 0).any(axis=1)]:
            place = int(np.argmax(limits[row] < 0))
            message = f"capacity {limits[row, place]:g} at [{place}] is negative: not even the empty set fits"
            rows.fail(int(row), SolveStatus.INFEASIBLE, message)
        for row in rows.open[_too_large(objective[rows.open])]:
            rows.fail(int(row), SolveStatus.ERROR, "values add up to infinity")
        self._search(objective, limits, rows)
        return rows.result()

    def close(self) -> None:
        """Nothing to free."""

    def _capacities(self, count: int, given: Sequence[Any] | None) -> Floats:
        if given is None:
            if self.capacity is None:
                raise InstanceError(
                    f"{KNAPSACK.id}: capacity missing",
                    hint="give capacity=... to imle.layer for all rows, or to the call, one per row",
                )
            return np.tile(self.capacity, (count, 1))
        if len(given) != count:
            raise InstanceError(f"{KNAPSACK.id}: capacity: expected one per row, {count} in all, found {len(given)}")
        limits = np.empty((count, self.weights.shape[1]))
        for row, own in enumerate(given):
            try:
                limits[row] = _limits(own, self.weights.shape[1])
            except InstanceError as error:
                raise InstanceError(error.message, hint=error.hint, row=row) from None
        return limits

    def _search(self, objective: Floats, limits: Floats, rows: Rows) -> None:
        """Run the kernel on the rows that have not failed; on those with large trees in slices."""
        todo = rows.open
        count, items = len(todo), objective.shape[1]
        data = read_only(objective[todo]), self.weights, read_only(limits[todo] * (1.0 + SLACK))
        taken, level = np.zeros((count, items), np.bool_), np.zeros(count, np.int64)
        best, solutions = np.zeros(count), np.zeros((count, items))
        nodes = self.solver.node_limit or _UNLIMITED
        seconds = math.inf if self.solver.time_limit is None else self.solver.time_limit
        first = min(nodes, _SLICE)
        pack(*data, first, taken, level, best, solutions)
        for k in np.flatnonzero(level >= 0):
            deadline, spent, one = time.monotonic() + seconds, first, slice(int(k), int(k) + 1)
            while level[k] >= 0 and spent < nodes and time.monotonic() < deadline:
                refuse_given_up()
                step = min(nodes - spent, _SLICE)
                pack(data[0][one], data[1], data[2][one], step, taken[one], level[one], best[one], solutions[one])
                spent += step
        fill_up(*data, taken, level, best, solutions)
        rows.solutions[todo] = solutions
        rows.values[todo] = (objective[todo] * solutions).sum(axis=1)
        for row in todo[level >= 0]:
            rows.fail(int(row), SolveStatus.FEASIBLE, "stopped at a limit with the best set so far")


def _limits(capacity: Any, count: int) -> Floats:
    limits = numbers(KNAPSACK.id, "capacity", capacity)
    if limits.shape not in ((), (count,)):
        raise InstanceError(
            f"{KNAPSACK.id}: capacity: expected a number or shape [{count}], one per row of weights, "
            f"found shape {list(limits.shape)}"
        )
    return np.broadcast_to(limits, (count,)).copy()


def _too_large(objective: Floats) -> NDArray[np.bool_]:
    with np.errstate(over="ignore"):
        total: Floats = np.abs(objective).sum(axis=1)
    return ~np.isfinite(total)
