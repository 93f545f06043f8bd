"""Many rows at once, one per SIMD lane: the layout `[position, lane]` and the two operations everything is made of.

A label is the cost of the best path found so far. Rows of a batch share the graph and differ only in costs, so one
pass over the graph relaxes all lanes of an arc with a few vector instructions.

The labels at the fixpoint do not depend on the order of relaxation, nor on the other lanes: `x + w` is monotone in
floating point too, hence the fixpoint is unique, bit for bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imle.solvers.compiled import Floats, Ints, Longs, Masks, compiled


@compiled
def bounded(cost: float, floor: float) -> float:
    """The cost the search sees: raised to the floor; NaN closes the arc, so that it can never hang a loop."""
    if cost >= floor:
        return cost
    return floor if cost < floor else np.inf


@compiled
def load(objective: Floats, first: int, lanes: int, floor: float, costs: Floats, negatives: Longs) -> None:
    """Transpose rows `first, first + 1, ...` into `costs[item * lanes + lane]`, counting entries below the floor."""
    for lane in range(lanes):
        row = objective[first + lane]
        below = 0
        for item in range(row.size):
            cost = row[item]
            below += cost < floor
            costs[item * lanes + lane] = bounded(cost, floor)
        negatives[first + lane] = below


@compiled
def relax(labels: Floats, at: int, before: int, costs: Floats, item: int, lanes: int) -> bool:
    """Lower the labels of position `at` to those of `before` plus the costs of `item`. True if any lane changed."""
    new = labels[at * lanes : (at + 1) * lanes]
    old = labels[before * lanes : (before + 1) * lanes]
    cost = costs[item * lanes : (item + 1) * lanes]
    changed = False
    for lane in range(lanes):
        label = old[lane] + cost[lane]
        changed |= label < new[lane]
        new[lane] = label if label < new[lane] else new[lane]
    return changed


class Trail(NamedTuple):
    """How a path is found and kept, `[positions]` each.

    Attributes:
        seen: the last row whose search came here.
        after, by: the next position, and the item that is paid on the way there.
        queue: positions to go on from.
    """

    seen: Longs
    after: Ints
    by: Ints
    queue: Ints


@compiled
def blank(positions: int) -> Trail:
    """Of no row yet."""
    after, by, queue = np.empty(positions, np.int32), np.empty(positions, np.int32), np.empty(positions, np.int32)
    return Trail(np.full(positions, -1, np.int64), after, by, queue)


@compiled
def follow(costs: Floats, paid: int, place: int, end: int, after: Ints, by: Ints, solution: Masks) -> float:
    """Write the items of a path that `trace` has found, from a place to its end, and return their value.

    `paid` is an item that is paid at the place itself, or -1.
    """
    value = 0.0
    if paid >= 0:
        solution[paid] = 1
        value = costs[paid]
    while place != end:
        solution[by[place]] = 1
        value += costs[by[place]]
        place = after[place]
    return value
