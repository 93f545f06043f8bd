"""Knapsack with one capacity or several."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imle.errors import InstanceError
from imle.solvers import BasePrepared, BaseSolver, RowResults, SolveResult, SolveStatus, missing_instance
from imle.solvers.cancellation import raise_if_cancelled
from imle.solvers.compiled import Flags, Floats
from imle_kernels.packing import PackingProblem, Searches, warm
from imle_kernels.plugin import KNAPSACK
from imle_linear.arrays import finite, refuse_negative, row_by_row, together

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

    def prepare(self, weights: Any = None, capacity: Any = None) -> PreparedKnapsack:
        """Bind to weights and capacity, where all rows share them.

        Args:
            weights: `[m, n]` what each of n items takes of each of m capacities, or `[n]` if there is one; not
                negative, fractions welcome. None if they are given per row when solving.
            capacity: `[m]`, or a number for all; likewise.

        Raises:
            InstanceError: another shape, or numbers that are negative or not finite.
        """
        packing = None
        if weights is not None:
            matrix = _matrix(weights)
            refuse_negative(
                _WEIGHTS,
                matrix.reshape(np.shape(weights)),
                "replace an item of negative weight by the choice to leave it",
            )
            packing = PackingProblem.of(matrix[None])
        warm()
        limits = None
        if capacity is not None:
            limits = _limits(capacity, None if packing is None else packing.weights.shape[2])
            refuse_negative(_CAPACITY, np.atleast_1d(limits), "not even the empty set would fit")
        return PreparedKnapsack(self, packing, limits)


@dataclass(frozen=True, eq=False)
class PreparedKnapsack(BasePrepared):
    """Weights, and capacities (a number or `[m]`), if all rows share them."""

    solver: KnapsackSolver
    packing: PackingProblem | None
    capacity: Floats | None

    @property
    def objective_shape(self) -> tuple[int | None]:
        """`(n,)`; of any size as long as the weights are not known."""
        return (None if self.packing is None else self.packing.weights.shape[1],)

    def solve(
        self, objective: Floats, *, weights: Sequence[Any] | None = None, capacity: Sequence[Any] | None = None
    ) -> SolveResult:
        """Find a best set per row.

        Args:
            objective: `[N, n]` values of the items.
            weights: `[N, m, n]` or `[N, n]`, instead of the fixed ones. A negative one makes its row an error.
            capacity: `[N]` numbers or `[N, m]`, likewise. A negative one makes its row infeasible.

        Returns:
            0/1 masks `[N, n]`.

        Raises:
            InstanceError: weights or a capacity are missing, or not of the right shape; names the row.
            ObjectiveError: another number of values.
        """
        packing, negative = self._packing(weights, np.shape(objective))
        rows = RowResults(KNAPSACK.id, "max", objective, (packing.weights.shape[1],))
        for row, message in negative.items():
            rows.end(row, SolveStatus.ERROR, message)
        limits = self._capacities(capacity, packing, len(objective))
        rooms = packing.rooms(limits)
        rooms = np.tile(rooms, (len(objective), 1)) if len(rooms) < len(objective) else rooms
        for row in rows.open[(rooms[rows.open] < 0).any(axis=1)].tolist():
            place = int(np.argmax(rooms[row] < 0))
            message = f"capacity {limits[row, place]:g} at [{place}] is negative: not even the empty set fits"
            rows.end(row, SolveStatus.INFEASIBLE, message)
        for row in np.flatnonzero(_too_large(rows.objective)).tolist():
            rows.end(row, SolveStatus.ERROR, "values add up to infinity")
        self._search(packing.weights, rooms, rows)
        return rows.result((rows.objective * rows.solutions).sum(axis=1))

    def _packing(self, given: Sequence[Any] | None, shape: tuple[int, ...]) -> tuple[PackingProblem, Mapping[int, str]]:
        """The weights of all rows, or of each; and what is wrong with rows of which some are negative."""
        if given is None:
            if self.packing is None:
                raise missing_instance(KNAPSACK.id, "weights missing", "weights=...")
            return self.packing, {}
        matrices = _matrices(given, shape[0])
        if len(shape) == 2 and matrices.shape[2] != shape[1]:
            raise InstanceError(
                f"{_WEIGHTS}: expected {shape[1]} columns, one per value, found {matrices.shape[2]} in each row"
            )
        negative = {}
        for row in np.flatnonzero((matrices < 0).any(axis=(1, 2))).tolist():
            i, item = np.argwhere(matrices[row] < 0)[0].tolist()
            negative[row] = f"weight {matrices[row, i, item]:g} at [{i}, {item}] is negative"
        return PackingProblem.of(np.maximum(matrices, 0.0)), negative

    def _capacities(self, given: Sequence[Any] | None, packing: PackingProblem, count: int) -> Floats:
        """Capacities of each row, `[N, m]`; if all rows share weights and capacities, `[1, m]`."""
        each, _, m = packing.weights.shape
        if given is None:
            if self.capacity is None:
                raise missing_instance(KNAPSACK.id, "capacity missing", "capacity=...")
            return np.broadcast_to(_limits(self.capacity, m), (each, m))
        _refuse_count(_CAPACITY, given, count)
        found = together(_CAPACITY, given)
        if found is None or found.shape not in ((count,), (count, m)) or not np.isfinite(found).all():
            found = np.array(row_by_row(given, lambda own: np.broadcast_to(_limits(own, m), (m,))))
        return np.broadcast_to(found if found.ndim == 2 else found[:, None], (count, m))

    def _search(self, weights: Floats, rooms: Floats, rows: RowResults) -> None:
        """Run the kernel on the rows that have not failed; on those with large trees in slices."""
        todo = rows.open
        weights = weights if len(weights) == 1 else weights[todo]
        searches = Searches.of(rows.objective[todo], weights, rooms[todo])
        nodes = self.solver.node_limit or _UNLIMITED
        seconds = math.inf if self.solver.time_limit is None else self.solver.time_limit
        most = min(_SLICE, max(_LEAST, _SLICE * _ITEMS // weights.shape[1]))
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


def _matrix(weights: Any) -> Floats:
    """Weights `[m, n]` of one instance."""
    matrix = finite(_WEIGHTS, weights)
    if matrix.ndim not in (1, 2) or not matrix.size:
        raise InstanceError(f"{_WEIGHTS}: expected shape [m, n] or [n], found {list(matrix.shape)}")
    return np.atleast_2d(matrix)


def _matrices(given: Sequence[Any], count: int) -> Floats:
    """Weights `[N, m, n]` of the rows of a batch."""
    _refuse_count(_WEIGHTS, given, count)
    found = together(_WEIGHTS, given)
    if found is not None and found.ndim in (2, 3) and found.size and np.isfinite(found).all():
        return found if found.ndim == 3 else found[:, None]
    matrices = row_by_row(given, _matrix)
    for row, matrix in enumerate(matrices):
        if matrix.shape != matrices[0].shape:
            shapes = f"{list(matrices[0].shape)} as in row 0, found {list(matrix.shape)}"
            raise InstanceError(f"{_WEIGHTS}: expected shape {shapes}", row=row)
    return np.array(matrices)


def _refuse_count(where: str, given: Sequence[Any], count: int) -> None:
    if len(given) != count:
        raise InstanceError(f"{where}: expected one per row, {count} in all, found {len(given)}")


def _limits(capacity: Any, count: int | None) -> Floats:
    """One capacity for all rows of weights, or one for each of `count`; None is any number of them."""
    limits = finite(_CAPACITY, capacity)
    if limits.ndim > 1 or limits.shape not in ((), (count or limits.size,)):
        raise InstanceError(
            f"{_CAPACITY}: expected a number or shape [{'m' if count is None else count}], one per row of weights, "
            f"found shape {list(limits.shape)}"
        )
    return limits


def _too_large(objective: Floats) -> Flags:
    with np.errstate(over="ignore"):
        total: Floats = np.abs(objective).sum(axis=1)
    return ~np.isfinite(total)
