"""Knapsacks for the kernel: weights in whole numbers where they can be, so that sums are exact; searches in slices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from imle.solvers.compiled import Flags, Floats, Longs, read_only
from imle_kernels.compiled.knapsack import fill_up, pack
from imle_linear.whole import WholeRow, whole_row

_EXACT = 2.0**53


@dataclass(frozen=True, eq=False)
class PackingProblem:
    """What n items take of m capacities.

    Attributes:
        weights: `[n, m]`, read-only, not negative; each column in a unit of its own.
        rows: `[m]` what makes whole numbers of a capacity; None where weights have no small common denominator.
    """

    weights: Floats
    rows: tuple[WholeRow | None, ...]

    @classmethod
    def of(cls, weights: Floats) -> PackingProblem:
        """Weights `[m, n]` as a user gives them."""
        rows = tuple(_whole(own) for own in weights)
        own = [row.coefficients if row else given for row, given in zip(rows, weights, strict=True)]
        return cls(read_only(np.array(own, np.float64).reshape(weights.shape).T), rows)

    def room(self, capacity: Floats) -> Floats:
        """Capacities `[m]` in the units of the weights; what nobody can fill is no limit.

        Capacities of weights that are not whole may be exceeded by the round-off of a sum.
        """
        most = self.weights.sum(axis=0)
        limits = [row.ends(-np.inf, own)[1] if row else own for row, own in zip(self.rows, capacity, strict=True)]
        slack = [0.0 if row else (len(self.weights) + 3) * 2.0**-52 for row in self.rows]
        room: Floats = np.minimum(np.array(limits, np.float64), most) * (1.0 + np.array(slack))
        return room


def _whole(weights: Floats) -> WholeRow | None:
    row = whole_row(np.arange(len(weights)), weights)
    return row if row is not None and row.coefficients.sum(dtype=np.float64) < _EXACT else None


@dataclass(frozen=True, eq=False)
class Searches:
    """N searches that can be interrupted and go on.

    Attributes:
        values: `[N, n]` of the items, read-only.
        weights: `[n, m]`.
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
        return cls(read_only(values), weights, read_only(rooms), *empty)

    def go_on(self, part: slice, nodes: int) -> None:
        """Search on in these rows, for so many nodes per row."""
        state = self.taken[part], self.level[part], self.best[part], self.solutions[part]
        pack(self.values[part], self.weights, self.rooms[part], nodes, *state)

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
    searches = Searches.of(np.ones((1, 1)), read_only(np.ones((1, 1))), np.zeros((1, 1)))
    searches.go_on(slice(0, 1), 1)
    searches.fill_up()
