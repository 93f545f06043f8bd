"""Minimum cuts by Dinic's method, on whole numbers: so the order of work decides nothing about ties."""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Ints, Longs, Masks, compiled


@compiled
def minimum_cuts(
    capacities: Longs,
    directed: bool,
    source: int,
    target: int,
    tails: Ints,
    heads: Ints,
    start: Ints,
    node: Ints,
    link: Ints,
    solutions: Masks,
) -> None:
    """Solve `[N, E]` capacities over one graph.

    Args:
        capacities: not negative, and at most 2**61; those of the links that leave the source sum up to less.
        directed: whether edges lead from tail to head only.
        source, target: node numbers.
        tails, heads, solutions: see `imle_networkx.kernels`. Ones are written for the edges from the side of the source
            to the other one; of equal cuts it is the one with the fewest nodes on the side of the source.
        start, node, link: `Arcs` by tail; link 2e leads from the tail of edge e to its head, link 2e + 1 back.
    """
    rows, edges = capacities.shape
    nodes = start.size - 1
    room = np.empty(2 * edges, np.int64)
    level, queue = np.empty(nodes, np.int32), np.empty(nodes, np.int32)
    current, path = np.empty(nodes, np.int32), np.empty(nodes, np.int32)
    for row in range(rows):
        for edge in range(edges):
            room[2 * edge] = capacities[row, edge]
            room[2 * edge + 1] = 0 if directed else capacities[row, edge]
        while levels(source, target, start, node, link, room, level, queue):
            current[:] = start[:nodes]
            push(source, target, start, node, link, room, level, current, path)
        for edge in range(edges):
            inside, outside = level[tails[edge]] >= 0, level[heads[edge]] < 0
            if (inside and outside) or (not directed and not inside and not outside):
                solutions[row, edge] = 1


@compiled
def levels(
    source: int, target: int, start: Ints, node: Ints, link: Ints, room: Longs, level: Ints, queue: Ints
) -> bool:
    """Number nodes by their distance from the source, up to the target; False if it is out of reach."""
    level[:] = -1
    level[source] = 0
    queue[0] = source
    first, end = 0, 1
    while first < end:
        here = queue[first]
        first += 1
        for place in range(start[here], start[here + 1]):
            there = node[place]
            if level[there] < 0 and room[link[place]] > 0:
                level[there] = level[here] + 1
                if there == target:
                    return True
                queue[end] = there
                end += 1
    return False


@compiled
def push(
    source: int, target: int, start: Ints, node: Ints, link: Ints, room: Longs, level: Ints, current: Ints, path: Ints
) -> None:
    """Fill all shortest ways from source to target: a search in depth that goes on where a way has become full."""
    length = 0
    here = source
    while True:
        if here == target:
            least = room[link[path[0]]]
            for step in range(1, length):
                least = min(least, room[link[path[step]]])
            back = 0
            for step in range(length - 1, -1, -1):
                used = link[path[step]]
                room[used] -= least
                room[used ^ 1] += least
                if room[used] == 0:
                    back = step
            length = back
            here = source if length == 0 else node[path[length - 1]]
        place = current[here]
        last = start[here + 1]
        while place < last and not (room[link[place]] > 0 and level[node[place]] == level[here] + 1):
            place += 1
        current[here] = place
        if place < last:
            path[length] = place
            length += 1
            here = node[place]
        elif length == 0:
            return
        else:
            level[here] = -2  # leads nowhere
            length -= 1
            here = source if length == 0 else node[path[length - 1]]
