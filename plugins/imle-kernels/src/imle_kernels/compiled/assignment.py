"""Rectangular assignment by row reduction and shortest augmenting paths.

The method is Jonker and Volgenant's (A shortest augmenting path algorithm for dense and sparse linear assignment
problems, Computing 38, 1987), without the steps that need as many rows as columns: column prices start at zero and only
fall while a column is assigned, which keeps the free columns of a wide matrix at price zero, as optimality demands.
"""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Flags, Floats, Longs, compiled

SWEEPS = 2
"""Rounds of row reduction; after two, augmenting paths are the faster way to place what is left."""


def assign(costs: Floats, choice: Longs, found: Flags) -> None:
    """`assign_padded` for matrices without padding; all arguments as there."""
    sizes = np.empty((len(costs), 2), np.int64)
    sizes[:] = costs.shape[1:]
    assign_padded(costs, sizes, choice, found)


@compiled
def assign_padded(costs: Floats, sizes: Longs, choice: Longs, found: Flags) -> None:
    """Assign each row of each matrix to a column of its own, at the least cost.

    Args:
        costs: `[N, n, m]`; infinite where a pair is not allowed.
        sizes: `[N, 2]` how many rows and columns of each matrix there are, the rows no more than the columns; the rest
            is padding.
        choice: `[N, n]` the column of each row, -1 for padding; written where `found`.
        found: `[N]` whether there is an assignment.
    """
    batch, n, m = costs.shape
    owner = np.empty(m, np.int64)
    prices = np.empty(m)
    free = np.empty(n, np.int64)
    labels, via, order = np.empty(m), np.empty(m, np.int64), np.empty(m, np.int64)
    for b in range(batch):
        left, columns = sizes[b, 0], sizes[b, 1]
        owner[:columns] = -1
        prices[:columns] = 0.0
        choice[b] = -1
        for row in range(left):
            free[row] = row
        for _ in range(SWEEPS):
            left = reduce_rows(costs[b], free, left, prices[:columns], choice[b], owner)
        found[b] = True
        for k in range(left):
            if not augment(costs[b], free[k], prices[:columns], choice[b], owner, labels, via, order):
                found[b] = False
                break


@compiled
def reduce_rows(costs: Floats, free: Longs, left: int, prices: Floats, choice: Longs, owner: Longs) -> int:
    """Let each free row take its best column, whose price falls until the second best is as good.

    Rows that lose their column, and rows without a second best, are free afterwards: their number is returned.
    """
    still = 0
    for k in range(left):
        row = free[k]
        best, second, column = np.inf, np.inf, -1
        for j in range(len(prices)):
            reduced = costs[row, j] - prices[j]
            if reduced < second:
                if reduced < best:
                    best, second, column = reduced, best, j
                else:
                    second = reduced
        if second == np.inf or (second == best and owner[column] >= 0):
            free[still] = row  # with nothing to gain, rows would take turns; a path settles it
            still += 1
            continue
        loser = owner[column]
        prices[column] -= second - best
        owner[column], choice[row] = row, column
        if loser >= 0:
            choice[loser] = -1
            free[still] = loser
            still += 1
    return still


@compiled
def augment(
    costs: Floats, start: int, prices: Floats, choice: Longs, owner: Longs, labels: Floats, via: Longs, order: Longs
) -> bool:
    """Assign one more row, along the shortest path of reassignments to a free column; False if there is none.

    Args:
        costs: `[n, m]`.
        start: the row, which is free.
        prices, choice, owner: the assignment so far, and the prices that prove it optimal.
        labels: room for the length of the shortest path to each column.
        via: room for the row each path comes from.
        order: room for columns: settled ones come first.
    """
    m = len(prices)
    for j in range(m):
        labels[j], via[j], order[j] = np.inf, start, j
    row, length, settled, end = start, 0.0, 0, -1
    while end < 0:
        # distances are measured in reduced costs, in which a row's own column is free
        own = costs[row, choice[row]] - prices[choice[row]] if row != start else 0.0
        shortest, place = np.inf, -1
        for k in range(settled, m):
            j = order[k]
            label = length + (costs[row, j] - prices[j] - own)
            if label < labels[j]:
                labels[j], via[j] = label, row
            if labels[j] < shortest or (labels[j] == shortest and shortest < np.inf and owner[j] < 0):
                shortest, place = labels[j], k
        if place < 0:
            return False
        column = order[place]
        order[place], order[settled] = order[settled], column
        settled += 1
        length = shortest
        if owner[column] < 0:
            end = column
        else:
            row = owner[column]
    for k in range(settled - 1):  # the last one is the end of the path, whose price stays
        prices[order[k]] += labels[order[k]] - length
    while True:
        row = via[end]
        owner[end] = row
        choice[row], end = end, choice[row]
        if row == start:
            return True
