"""Knapsack with one capacity or several."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imle.errors import InstanceError
from imle.solvers import BasePrepared, BaseSolver, RowResults, SolveResult, SolveStatus, missing_instance
from imle.solvers.cancellation import raise_if_cancelled
from imle.solvers.compiled import Flags, Floats
from imle_kernels.packing import PackingProblem, Searches, warm
from imle_kernels.plugin import KNAPSACK
from imle_linear.arrays import finite, refuse_negative

_WEIGHTS, _CAPACITY = f"{KNAPSACK.id}: weights", f"{KNAPSACK.id}: capacity"
_UNLIMITED = 2**62
_SLICE, _LEAST, _ITEMS = 20_000, 500, 100
"""Nodes between two looks at the clock and at Ctrl-C: a few milliseconds up to so many items, then in proportion
fewer; below the least, going on with a search would cost more than the search."""
_BLOCK = 64
"""Rows whose searches begin in one call of the kernel."""


@dataclass(frozen=True)
class KnapsackSolver(BaseSolver, spec=KNAPSACK):
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

    def prepare(self, weights: Any, capacity: Any = None) -> PreparedKnapsack:
        """Bind to weights and, where all rows share it, to the capacity.

        Args:
            weights: `[m, n]` what each of n items takes of each of m capacities, or `[n]` if there is one; not
                negative, fractions welcome.
            capacity: `[m]`, or a number for all; None if it is given per row when solving.

        Raises:
            InstanceError: another shape, or numbers that are negative or not finite.
        """
        matrix = finite(_WEIGHTS, weights)
        if matrix.ndim not in (1, 2) or not matrix.size:
            raise InstanceError(f"{_WEIGHTS}: expected shape [m, n] or [n], found {list(matrix.shape)}")
        refuse_negative(_WEIGHTS, matrix, "replace an item of negative weight by the choice to leave it")
        packing = PackingProblem.of(np.atleast_2d(matrix))
        warm()
        if capacity is None:
            return PreparedKnapsack(self, packing, None)
        limits = _limits(capacity, len(packing.rows))
        refuse_negative(_CAPACITY, limits, "not even the empty set would fit")
        return PreparedKnapsack(self, packing, packing.room(limits))


@dataclass(frozen=True, eq=False)
class PreparedKnapsack(BasePrepared):
    """Weights, and the room `[m]` that all rows have, if they share it."""

    solver: KnapsackSolver
    packing: PackingProblem
    room: Floats | None

    @property
    def objective_shape(self) -> tuple[int]:
        """`(n,)`."""
        return (len(self.packing.weights),)

    def solve(self, objective: Floats, *, capacity: Sequence[Any] | None = None) -> SolveResult:
        """Find a best set per row.

        Args:
            objective: `[N, n]` values of the items.
            capacity: `[N]` numbers or `[N, m]`, instead of the fixed ones. A negative one makes its row infeasible.

        Returns:
            0/1 masks `[N, n]`.

        Raises:
            InstanceError: a capacity is missing, or not of the right shape; names the row.
            ObjectiveError: another number of values.
        """
        rows = RowResults(KNAPSACK.id, "max", objective, self.objective_shape)
        rooms = self._rooms(len(objective), capacity)
        for row in rows.open[(rooms[rows.open] < 0).any(axis=1)]:
            assert capacity is not None  # negative ones that hold for all rows are refused
            place = int(np.argmax(rooms[row] < 0))
            limit = np.broadcast_to(finite(_CAPACITY, capacity[row]), rooms[row].shape)[place]
            message = f"capacity {limit:g} at [{place}] is negative: not even the empty set fits"
            rows.end(int(row), SolveStatus.INFEASIBLE, message)
        for row in np.flatnonzero(_too_large(rows.objective)):
            rows.end(int(row), SolveStatus.ERROR, "values add up to infinity")
        self._search(rooms, rows)
        return rows.result((rows.objective * rows.solutions).sum(axis=1))

    def _rooms(self, count: int, given: Sequence[Any] | None) -> Floats:
        """What each row has of each capacity, `[N, m]`."""
        if given is None:
            if self.room is None:
                raise missing_instance(KNAPSACK.id, "capacity missing", "capacity=...")
            return np.tile(self.room, (count, 1))
        if len(given) != count:
            raise InstanceError(f"{_CAPACITY}: expected one per row, {count} in all, found {len(given)}")
        rooms = np.empty((count, len(self.packing.rows)))
        for row, own in enumerate(given):
            try:
                rooms[row] = self.packing.room(_limits(own, rooms.shape[1]))
            except InstanceError as error:
                raise InstanceError(error.message, hint=error.hint, row=row) from None
        return rooms

    def _search(self, rooms: Floats, rows: RowResults) -> None:
        """Run the kernel on the rows that have not failed; on those with large trees in slices."""
        todo = rows.open
        weights = self.packing.weights
        searches = Searches.of(rows.objective[todo], weights, rooms[todo])
        nodes = self.solver.node_limit or _UNLIMITED
        seconds = math.inf if self.solver.time_limit is None else self.solver.time_limit
        most = min(_SLICE, max(_LEAST, _SLICE * _ITEMS // len(weights)))
        first = min(nodes, most)
        for start in range(0, len(todo), _BLOCK):
            raise_if_cancelled()
            searches.go_on(slice(start, start + _BLOCK), first)
        for k in searches.open.tolist():
            deadline, spent = time.monotonic() + seconds, first
            while searches.level[k] >= 0 and spent < nodes and time.monotonic() < deadline:
                raise_if_cancelled()
                step = min(nodes - spent, most)
                searches.go_on(slice(k, k + 1), step)
                spent += step
        bounds = searches.fill_up()
        rows.solutions[todo] = searches.solutions
        for k, row in zip(searches.open, todo[searches.open], strict=True):
            rows.bounds[row] = bounds[k]
            rows.end(int(row), SolveStatus.FEASIBLE, "stopped at a limit with the best set so far")


def _limits(capacity: Any, count: int) -> Floats:
    limits = finite(_CAPACITY, capacity)
    if limits.shape not in ((), (count,)):
        raise InstanceError(
            f"{_CAPACITY}: expected a number or shape [{count}], one per row of weights, "
            f"found shape {list(limits.shape)}"
        )
    return np.broadcast_to(limits, (count,)).copy()


def _too_large(objective: Floats) -> Flags:
    with np.errstate(over="ignore"):
        total: Floats = np.abs(objective).sum(axis=1)
    return ~np.isfinite(total)
