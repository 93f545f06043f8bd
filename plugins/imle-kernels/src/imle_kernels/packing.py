"""Knapsacks for the kernel: weights in whole numbers where they can be, so that sums are exact; searches in slices."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np

from imle.solvers.compiled import Flags, Floats, Longs, Masks, read_only
from imle_kernels.compiled.knapsack import fill_up, pack
from imle_kernels.compiled.units import LARGE, OTHER, REAL, in_units, rooms
from imle_linear.whole import WholeRow, whole_row


@dataclass(frozen=True, eq=False)
class PackingProblem:
    """What n items take of m capacities, in all rows of a batch (W is 1) or in each of them.

    Attributes:
        weights: `[W, n, m]`, read-only, not negative; each constraint in a unit of its own, see `in_units`.
        denominators, divisors, kinds: `[W, m]` what the units are.
        others: by row and constraint, what makes whole numbers of capacities where the kernel leaves that open.
    """

    weights: Floats
    denominators: Longs
    divisors: Longs
    kinds: Masks
    others: dict[tuple[int, int], WholeRow] = field(default_factory=dict)

    @classmethod
    def of(cls, weights: Floats) -> PackingProblem:
        """Weights `[W, m, n]` as a user gives them."""
        count, m, n = weights.shape
        units, kinds = np.empty((count, n, m)), np.empty((count, m), np.int8)
        denominators, divisors = np.empty((count, m), np.int64), np.empty((count, m), np.int64)
        in_units(read_only(weights), units, denominators, divisors, kinds)
        others = {}
        for row, i in np.argwhere(kinds == OTHER).tolist():
            whole = whole_row(np.arange(n), weights[row, i])
            if whole is None or whole.coefficients.sum(dtype=np.float64) >= LARGE:
                kinds[row, i], units[row, :, i] = REAL, weights[row, i]
            else:
                others[row, i], units[row, :, i] = whole, whole.coefficients
        return cls(read_only(units), denominators, divisors, kinds, others)

    def rooms(self, capacities: Floats) -> Floats:
        """Capacities `[N, m]` in the units of the weights; what nobody can fill is no limit.

        Capacities of weights that are not whole may be exceeded by the round-off of a sum.
        """
        found = np.empty(capacities.shape)
        rooms(read_only(capacities), self.weights, self.denominators, self.divisors, self.kinds, found)
        for (row, i), whole in self.others.items():
            most = self.weights[row, :, i].sum()
            for n in range(len(found)) if len(self.weights) == 1 else (row,):
                found[n, i] = min(whole.ends(-np.inf, float(capacities[n, i]))[1], most)
        return found


@dataclass(frozen=True, eq=False)
class Searches:
    """N searches that can be interrupted and go on.

    Attributes:
        values: `[N, n]` of the items, read-only.
        weights: `[1, n, m]`, or `[N, n, m]` where they differ from row to row, read-only.
        rooms: `[N, m]`, read-only, not negative.
        taken: `[N, n]` where each search stands.
        level: `[N]` likewise; -1 where it is done.
        best: `[N]` value of the best set so far.
        solutions: `[N, n]` 0/1, that set.
    """

    values: Floats
    weights: Floats
    rooms: Floats
    taken: Flags
    level: Longs
    best: Floats
    solutions: Floats

    @classmethod
    def of(cls, values: Floats, weights: Floats, rooms: Floats) -> Searches:
        """Searches that have not begun."""
        count = len(values)
        empty = np.zeros(values.shape, np.bool_), np.zeros(count, np.int64), np.zeros(count), np.zeros(values.shape)
        return cls(read_only(values), read_only(weights), read_only(rooms), *empty)

    def go_on(self, part: slice, nodes: int) -> None:
        """Search on in these rows, for so many nodes per row."""
        weights = self.weights if len(self.weights) == 1 else self.weights[part]
        state = self.taken[part], self.level[part], self.best[part], self.solutions[part]
        pack(self.values[part], weights, self.rooms[part], nodes, *state)

    @property
    def open(self) -> Longs:
        """Searches that are not done."""
        return np.flatnonzero(self.level >= 0)

    def fill_up(self) -> Floats:
        """Complete the sets at hand of searches that are not done, which then must not go on: `[N]` upper bounds."""
        bounds = self.best.copy()
        fill_up(self.values, self.weights, self.rooms, self.taken, self.level, self.best, self.solutions, bounds)
        return bounds


@cache
def warm() -> None:
    """Load or compile the kernels: that is no part of any time limit."""
    packing = PackingProblem.of(np.ones((1, 1, 1)))
    searches = Searches.of(np.ones((1, 1)), packing.weights, packing.rooms(np.zeros((1, 1))))
    searches.go_on(slice(0, 1), 1)
    searches.fill_up()
