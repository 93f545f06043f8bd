"""Cheapest walks of at most H arcs, for several rows at once in SIMD lanes.

`label[h, v]` is the cost of the cheapest walk from the source to v with at most h arcs: a table of H passes over the
arcs. A walk is traced back along arcs that make the labels, with as few arcs as possible. Where cycles cost nothing or
more it is a path; otherwise it may visit a node twice, which is reported.
"""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Floats, Ints, Longs, Masks, compiled
from imle_networkx.kernels.lanes import load

UNREACHED, PATH, WALK = 0, 1, 2
"""What is found for a row: nothing of finite cost, a path, or a walk that visits a node twice."""


@compiled
def cheapest_walks(
    objective: Floats,
    source: int,
    target: int,
    hops: int,
    start: Ints,
    tail: Ints,
    item: Ints,
    width: int,
    solutions: Masks,
    found: Masks,
) -> None:
    """Solve `[N, E]` costs over one graph.

    Args:
        objective: costs of any sign.
        source, target: node numbers, not the same.
        hops: the most arcs a walk may have, at least 1.
        start, tail, item: arcs by head in CSR form, and the edge each belongs to.
        width: rows solved together; affects speed only.
        solutions: `[N, E]`, zeros; ones are written for the edges of paths.
        found: `[N]`, see above.
    """
    rows, edges = objective.shape
    nodes = start.size - 1
    labels = np.empty((hops + 1, nodes * width))
    costs = np.empty(edges * width)
    seen, negatives = np.full(nodes, -1, np.int64), np.empty(rows, np.int64)
    for first in range(0, rows, width):
        lanes = min(width, rows - first)
        load(objective, first, lanes, -np.inf, costs, negatives)
        labels[0, :] = np.inf
        labels[0, source * lanes : (source + 1) * lanes] = 0.0
        last = hops
        for hop in range(1, hops + 1):
            if not extend(labels[hop - 1], labels[hop], costs, start, tail, item, lanes):
                last = hop
                break
        for lane in range(lanes):
            row = first + lane
            if not labels[last, target * lanes + lane] < np.inf:
                found[row] = UNREACHED
            elif trace(labels, costs, lanes, lane, source, target, last, start, tail, item, row, seen, solutions[row]):
                found[row] = PATH
            else:
                found[row] = WALK
                solutions[row, :] = 0


@compiled
def extend(before: Floats, after: Floats, costs: Floats, start: Ints, tail: Ints, item: Ints, lanes: int) -> bool:
    """Allow one arc more; False if that changes nothing."""
    changed = False
    for head in range(start.size - 1):
        old = before[head * lanes : (head + 1) * lanes]
        new = after[head * lanes : (head + 1) * lanes]
        new[:] = old
        for arc in range(start[head], start[head + 1]):
            other = before[tail[arc] * lanes : (tail[arc] + 1) * lanes]
            cost = costs[item[arc] * lanes : (item[arc] + 1) * lanes]
            for lane in range(lanes):
                label = other[lane] + cost[lane]
                new[lane] = label if label < new[lane] else new[lane]
        for lane in range(lanes):
            changed |= new[lane] < old[lane]
    return changed


@compiled
def trace(
    labels: Floats,
    costs: Floats,
    lanes: int,
    lane: int,
    source: int,
    target: int,
    hop: int,
    start: Ints,
    tail: Ints,
    item: Ints,
    stamp: int,
    seen: Longs,
    solution: Masks,
) -> bool:
    """Write the walk from source to target; False if it visits a node twice."""
    node = target
    while True:
        if seen[node] == stamp:
            return False
        seen[node] = stamp
        place = node * lanes + lane
        label = labels[hop, place]
        while hop > 0 and labels[hop - 1, place] == label:
            hop -= 1
        if hop == 0:
            return True  # only the source has a label there
        for arc in range(start[node], start[node + 1]):
            if labels[hop - 1, tail[arc] * lanes + lane] + costs[item[arc] * lanes + lane] == label:
                solution[item[arc]] = 1
                node = tail[arc]
                break
        hop -= 1
