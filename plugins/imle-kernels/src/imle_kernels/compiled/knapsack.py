"""Multi-dimensional knapsack by depth-first branch and bound.

The bound is a surrogate relaxation (Glover, Operations Research 16, 1968): the constraints, each divided by its
capacity, are added up with multipliers, which leaves one constraint, whose linear relaxation is solved greedily
(Dantzig, Operations Research 5, 1957). Any multipliers give a valid bound; good ones come from a few subgradient steps
on the Lagrangian dual, whose best value is that of the linear relaxation of all constraints.
"""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Flags, Floats, Longs, compiled

MOST_STEPS = 256
"""Subgradient steps are as many as there are items, up to this. Measured on 32 x 3 and 100 x 5: many items make large
trees, which good multipliers shrink, and few items make trees that are not worth many steps."""

ROUND_OFF = 1e-12
"""Of sums of surrogate weights, relative."""


@compiled
def pack(
    values: Floats,
    weights: Floats,
    capacities: Floats,
    budget: int,
    taken: Flags,
    level: Longs,
    best: Floats,
    solutions: Floats,
) -> None:
    """Search each row until it is done or its budget of nodes is spent; call again to go on.

    Args:
        values: `[N, n]`.
        weights: `[N, n, m]`, or `[1, n, m]` if all rows have the same, not negative.
        capacities: `[N, m]`, not negative.
        budget: nodes per row.
        taken: `[N, n]` the branch to go on with, in the order of the search; False at first.
        level: `[N]` the length of that branch, 0 at first; -1 when the row is done.
        best: `[N]` value of the best set so far; 0 at first.
        solutions: `[N, n]` 0/1, the best set so far; 0 at first.
    """
    rows, n = values.shape
    m = weights.shape[2]
    scaled = np.empty((n, m))
    items, ratios = np.empty(n, np.int64), np.empty(n)
    value, weight, surrogate = np.empty(n), np.empty((n, m)), np.empty(n)
    gained, room, left = np.empty(n + 1), np.empty((n + 1, m)), np.empty(n + 1)
    chosen = np.empty(n, np.bool_)
    for row in range(rows):
        if level[row] < 0:
            continue
        own = weights[row if len(weights) > 1 else 0]
        count, multipliers = ordered(values[row], own, capacities[row], items, scaled, ratios)
        for k in range(count):
            item = items[k]
            value[k], surrogate[k] = values[row, item], 0.0
            for i in range(m):
                weight[k, i] = own[item, i]
                surrogate[k] += multipliers[i] * scaled[item, i]
        gained[0], room[0], left[0] = 0.0, capacities[row], surrogate_room(multipliers)
        at, value_found = search(
            value[:count], weight, surrogate, budget, taken[row], level[row], best[row], chosen, gained, room, left
        )
        if value_found > best[row]:
            best[row] = value_found
            solutions[row] = 0.0
            for k in range(count):
                solutions[row, items[k]] = 1.0 if chosen[k] else 0.0
        level[row] = at


@compiled
def fill_up(
    values: Floats,
    weights: Floats,
    capacities: Floats,
    taken: Flags,
    level: Longs,
    best: Floats,
    solutions: Floats,
    bounds: Floats,
) -> None:
    """For rows whose search has not ended: bound what it has left, and add to its branch what still fits, in order.

    A search of fewer nodes than items has seen no whole set. Arguments are those of `pack`; a search that is to go on
    must not be given what this writes, as ties would then depend on where it was cut.

    Args:
        bounds: `[N]` written: no set is worth more.
    """
    rows, n = values.shape
    m = weights.shape[2]
    scaled = np.empty((n, m))
    items, ratios = np.empty(n, np.int64), np.empty(n)
    for row in range(rows):
        if level[row] < 0:
            continue
        own = weights[row if len(weights) > 1 else 0]
        count, multipliers = ordered(values[row], own, capacities[row], items, scaled, ratios)
        value, surrogate = np.empty(count), np.zeros(count)
        for k in range(count):
            value[k] = values[row, items[k]]
            for i in range(m):
                surrogate[k] += multipliers[i] * scaled[items[k], i]
        room, found, chosen = capacities[row].copy(), 0.0, np.zeros(n)
        left, most = surrogate_room(multipliers), best[row]
        for k in range(count):
            item = items[k]
            if k == level[row]:
                most = max(most, bound(k, value, surrogate, found, left))
            take = taken[row, k] if k < level[row] else (own[item] <= room).all()
            if take:
                if k < level[row]:  # what the search comes back to: the same without this item
                    most = max(most, bound(k + 1, value, surrogate, found, left))
                room -= own[item]
                found += values[row, item]
                left -= surrogate[k]
                chosen[item] = 1.0
        bounds[row] = most
        if found > best[row]:
            best[row] = found
            solutions[row] = chosen


@compiled
def surrogate_room(multipliers: Floats) -> float:
    """The capacity of the surrogate constraint, and a little more: round-off of its weights must not cut off sets."""
    return float(multipliers.sum() * (1.0 + ROUND_OFF))


@compiled
def ordered(
    values: Floats, weights: Floats, capacity: Floats, items: Longs, scaled: Floats, ratios: Floats
) -> tuple[int, Floats]:
    """Write the candidates in the order of the search, which branches are told in; how many, and the multipliers."""
    count = candidates(values, weights, capacity, items, scaled)
    multipliers = dual(values, scaled, items[:count], capacity)
    sort(values, scaled, multipliers, items[:count], ratios)
    return count, multipliers


@compiled
def candidates(values: Floats, weights: Floats, capacity: Floats, items: Longs, scaled: Floats) -> int:
    """Write the items worth taking that fit alone, and their weights as shares of the capacities; return how many."""
    count = 0
    for j in range(len(values)):
        good = values[j] > 0.0
        for i in range(len(capacity)):
            good &= weights[j, i] <= capacity[i]
            scaled[j, i] = weights[j, i] / capacity[i] if capacity[i] > 0.0 else 0.0
        if good:
            items[count] = j
            count += 1
    return count


@compiled
def dual(values: Floats, scaled: Floats, items: Longs, capacity: Floats) -> Floats:
    """Multipliers of the constraints: near-optimal Lagrange multipliers of the linear relaxation. `[m]`."""
    m = len(capacity)
    current = np.zeros(m)
    if m < 2:
        current[:] = 1.0
        return current
    total = 0.0
    loads = np.zeros(m)
    for j in items:
        total += values[j]
        for i in range(m):
            loads[i] += scaled[j, i]
    # about the value that one unit of capacity is worth
    start = total / (m * (1.0 + loads.max()))
    current[:] = start
    best, lowest = current.copy(), np.inf
    slope = np.empty(m)
    for step in range(min(len(items), MOST_STEPS)):
        dual_value = current.sum()
        slope[:] = 1.0
        for j in items:
            gain = values[j]
            for i in range(m):
                gain -= current[i] * scaled[j, i]
            if gain > 0.0:
                dual_value += gain
                for i in range(m):
                    slope[i] -= scaled[j, i]
        if dual_value < lowest:
            lowest = dual_value
            best[:] = current
        norm = np.sqrt((slope * slope).sum())
        if norm == 0.0:
            break
        for i in range(m):
            current[i] = max(0.0, current[i] - m * start * slope[i] / (norm * (1.0 + step)))
    if best.sum() == 0.0:
        best[:] = 1.0
    return best


@compiled
def sort(values: Floats, scaled: Floats, multipliers: Floats, items: Longs, ratios: Floats) -> None:
    """Sort items by value per surrogate weight, the best first; equal ones stay in order."""
    for k in range(len(items)):
        cost = 0.0
        for i in range(len(multipliers)):
            cost += multipliers[i] * scaled[items[k], i]
        ratios[k] = -values[items[k]] / cost if cost > 0.0 else -np.inf
    order = np.argsort(ratios[: len(items)], kind="mergesort")
    items[:] = items[order]


@compiled
def search(
    value: Floats,
    weight: Floats,
    surrogate: Floats,
    budget: int,
    taken: Flags,
    level: int,
    best: float,
    chosen: Flags,
    gained: Floats,
    room: Floats,
    left: Floats,
) -> tuple[int, float]:
    """Go on with a branch; item k is decided at level k, taking it first.

    Sums are kept per level, never subtracted back, so that rounding does not add up over the search.

    Args:
        value, weight, surrogate: `[k]`, `[k, m]`, `[k]` in the order of the search.
        budget: nodes to expand.
        taken, level, best: where the search stands.
        chosen: written with the best set, if a better one is found.
        gained, room, left: value, capacities and surrogate capacity at each level; level 0 is given.

    Returns:
        the level reached, or -1 if the search is complete; and the best value.
    """
    count, m = len(value), weight.shape[1]
    for k in range(level):
        descend(k, taken[k], value, weight, surrogate, gained, room, left)
    k, promising = level, False
    for _ in range(budget):
        if k < count and (promising or bound(k, value, surrogate, gained[k], left[k]) > best):
            fits = True
            for i in range(m):
                fits &= weight[k, i] <= room[k, i]
            taken[k] = fits
            descend(k, fits, value, weight, surrogate, gained, room, left)
            promising = fits  # an item that fits is part of the bound, which stays as it is
            k += 1
            continue
        if k == count and gained[k] > best:
            best = gained[k]
            chosen[:count] = taken[:count]
        k -= 1
        while k >= 0 and not taken[k]:
            k -= 1
        if k < 0:
            return -1, best
        taken[k] = False
        descend(k, False, value, weight, surrogate, gained, room, left)
        k, promising = k + 1, False
    return k, best


@compiled
def descend(
    k: int, take: bool, value: Floats, weight: Floats, surrogate: Floats, gained: Floats, room: Floats, left: Floats
) -> None:
    """Write the sums of level k + 1."""
    share = 1.0 if take else 0.0
    gained[k + 1] = gained[k] + share * value[k]
    left[k + 1] = left[k] - share * surrogate[k]
    for i in range(weight.shape[1]):
        room[k + 1, i] = room[k, i] - share * weight[k, i]


@compiled
def bound(k: int, value: Floats, surrogate: Floats, gained: float, left: float) -> float:
    """The most that items from k on can add, if they may be cut: greedy, by value per surrogate weight."""
    most = gained
    for j in range(k, len(value)):
        if surrogate[j] > left:
            most += value[j] * (left / surrogate[j])
            break
        most += value[j]
        left -= surrogate[j]
    return most
