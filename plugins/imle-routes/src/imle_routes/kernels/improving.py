"""Good tours fast: nearest neighbours, then moves of segments until none helps. They make branch and bound short."""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Floats, Longs, compiled

STARTS = 10
"""Nodes, evenly spread, from which a tour begins."""
LONGEST = 3
"""Nodes of a segment that is moved elsewhere."""


@compiled
def good_tour(distances: Floats, order: Longs) -> float:
    """Write a tour of which no part can be moved or reversed at a gain, the best of several.

    Args:
        distances: `[m, m]`, infinite where there is no way.
        order: `[m]` written.

    Returns:
        what it costs: infinity if none was found that keeps to what is allowed.
    """
    m = len(order)
    finite = closed_over(distances)
    own = np.empty(m, np.int64)
    best = np.inf
    for start in range(0, m, max(1, m // STARTS)):
        nearest_neighbours(finite, start, own)
        for _ in range(m):  # a few do; round-off must not let moves take turns for ever
            moved = move_segments(finite, own)
            if not (reverse_segments(finite, own) or moved):
                break
        total = length(finite, own)
        if total < best:
            best = total
            order[:] = own
    return length(distances, order)


@compiled
def closed_over(distances: Floats) -> Floats:
    """The same distances, with a large number instead of infinity: one such way is dearer than any tour without."""
    m = len(distances)
    lowest, highest = np.inf, -np.inf
    for i in range(m):
        for j in range(m):
            if distances[i, j] < np.inf and i != j:
                lowest, highest = min(lowest, distances[i, j]), max(highest, distances[i, j])
    large = highest + m * (highest - lowest) + 1.0 if highest >= lowest else 1.0
    finite = distances.copy()
    for i in range(m):
        for j in range(m):
            if finite[i, j] == np.inf:
                finite[i, j] = large
    return finite


@compiled
def length(distances: Floats, order: Longs) -> float:
    """What a tour costs."""
    total = float(distances[order[-1], order[0]])
    for place in range(len(order) - 1):
        total += distances[order[place], order[place + 1]]
    return total


@compiled
def nearest_neighbours(distances: Floats, start: int, order: Longs) -> None:
    """Go on to the nearest node that has not been visited."""
    m = len(order)
    for node in range(m):
        order[node] = node
    order[0], order[start] = start, 0
    for place in range(1, m):
        nearest = place
        for other in range(place + 1, m):
            if distances[order[place - 1], order[other]] < distances[order[place - 1], order[nearest]]:
                nearest = other
        order[place], order[nearest] = order[nearest], order[place]


@compiled
def move_segments(distances: Floats, order: Longs) -> bool:
    """Or-opt: move up to three nodes elsewhere, in their order; whether that has helped."""
    m = len(order)
    helped = False
    for size in range(1, min(LONGEST, m - 3) + 1):
        for _ in range(m):
            # the tour is turned so that the segment stands at its beginning
            first, last, after, before = order[0], order[size - 1], order[size], order[m - 1]
            gain = distances[before, first] + distances[last, after] - distances[before, after]
            best, place = 1e-12 * abs(gain), -1
            for k in range(size, m - 1):
                tail, head = order[k], order[k + 1]
                saved = gain + distances[tail, head] - distances[tail, first] - distances[last, head]
                if saved > best:
                    best, place = saved, k
            if place >= 0:
                segment = order[:size].copy()
                for k in range(size, place + 1):
                    order[k - size] = order[k]
                order[place + 1 - size : place + 1] = segment
                helped = True
            head = order[0]
            for k in range(m - 1):
                order[k] = order[k + 1]
            order[m - 1] = head
    return helped


@compiled
def reverse_segments(distances: Floats, order: Longs) -> bool:
    """2-opt: walk a segment backwards, its ways included; whether that has helped."""
    m = len(order)
    helped = False
    for i in range(m - 2):
        before, first = order[i], order[i + 1]
        turned = 0.0  # what the ways inside cost more backwards
        best, place = 0.0, -1
        for k in range(i + 2, m):
            last, after = order[k], order[(k + 1) % m]
            turned += distances[last, order[k - 1]] - distances[order[k - 1], last]
            if after == before:
                continue
            old = distances[before, first] + distances[last, after]
            saved = old - distances[before, last] - distances[first, after] - turned
            if saved > best + 1e-12 * abs(old):
                best, place = saved, k
        if place >= 0:
            order[i + 1 : place + 1] = order[i + 1 : place + 1][::-1].copy()
            helped = True
    return helped
