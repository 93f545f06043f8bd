"""Bidirectional Dijkstra per row, for graphs too large to sweep. Costs >= 0.

Two searches meet: side 0 goes from the source along arcs, side 1 from the target against them. All arrays have one row
per side. Only what a search touched is reset after it, so a solve costs what it explores and not what the graph holds.
Predecessors change on strict improvement only, which keeps them acyclic through arcs of cost zero.

The path is simple, in floating point too: apart from the meeting node, each of its nodes was expanded by one side, and
no node is expanded by both. Once one side has expanded a node with labels f and b, best <= f + b, and no later key of
that side is less than its label: so the other side never pushes the node, or stops before it pops.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imle.solvers.compiled import Flags, Floats, Ints, Longs, Masks, compiled
from imle_networkx.kernels import Arcs
from imle_networkx.kernels.lanes import bounded, follow


class Frontiers(NamedTuple):
    """What two searches have reached, a row each.

    Attributes:
        labels: `[2, nodes]` cost of the best path found, infinite where there is none.
        via, by: `[2, nodes]` the node a label came from, and the item of the arc.
        keys, heap: `[2, arcs + 1]` nodes to expand; stale entries are skipped when they come up.
        touched, counts: `[2, nodes]` nodes with a finite label, and `[2]` how many.
    """

    labels: Floats
    via: Ints
    by: Ints
    keys: Floats
    heap: Ints
    touched: Ints
    counts: Longs


@compiled
def bidirectional(
    objective: Floats,
    solutions: Masks,
    values: Floats,
    found: Flags,
    negatives: Longs,
    node_costs: bool,
    sources: Longs,
    targets: Longs,
    start: Ints,
    node: Ints,
    item: Ints,
) -> None:
    """Solve `[N, items]` costs row by row; costs below zero count as zero.

    Args:
        objective, solutions, values, found, negatives, sources, targets: see `imle_networkx.kernels`.
        node_costs: whether items are nodes, so that the source is paid for too.
        start, node, item: `[2, ...]`, the `Arcs` by tail, then those by head.
    """
    nodes, entries = start.shape[1] - 1, node.shape[1] + 1  # an entry per improvement, and no arc improves twice
    labels, touched, counts = np.full((2, nodes), np.inf), np.empty((2, nodes), np.int32), np.empty(2, np.int64)
    via, by = np.empty((2, nodes), np.int32), np.empty((2, nodes), np.int32)
    keys, heap = np.empty((2, entries)), np.empty((2, entries), np.int32)
    both = Frontiers(labels, via, by, keys, heap, touched, counts)
    for row in range(len(objective)):
        costs = objective[row]
        below = 0
        for cost in costs:  # also brings the row into the cache, which the search reads in random order
            below += cost < 0.0
        negatives[row] = below
        source, target = sources[row], targets[row]
        meeting = search(costs, source, target, Arcs(start, node, item), both)
        found[row] = meeting >= 0
        if meeting >= 0:
            values[row] = follow(costs, source if node_costs else -1, meeting, source, via[0], by[0], solutions[row])
            values[row] += follow(costs, -1, meeting, target, via[1], by[1], solutions[row])
        for side in range(2):
            for k in range(counts[side]):
                labels[side, touched[side, k]] = np.inf


@compiled
def search(costs: Floats, source: int, target: int, arcs: Arcs, both: Frontiers) -> int:
    """Label both sides until no better path can exist; returns the node where they meet, or -1."""
    labels, via, by, keys, heap, touched, counts = both
    start, node, item = arcs
    for side, end in enumerate((source, target)):
        labels[side, end] = 0.0
        touched[side, 0] = end
        counts[side] = 1
        push(keys[side], heap[side], 0, 0.0, end)
    sizes = np.ones(2, np.int64)
    best, meeting = (0.0, source) if source == target else (np.inf, -1)
    while sizes[0] > 0 and sizes[1] > 0 and keys[0, 0] + keys[1, 0] < best:
        side = 0 if sizes[0] <= sizes[1] else 1  # the side that grows slower explores less
        mine, theirs, ends, items = labels[side], labels[1 - side], node[side], item[side]
        rest = keys[1 - side, 0]  # what a path that has not met the other side yet still has to pay
        key, here = keys[side, 0], heap[side, 0]
        size, count = drop(keys[side], heap[side], sizes[side]), counts[side]
        first = start[side, here] if key <= mine[here] else start[side, here + 1]
        for arc in range(first, start[side, here + 1]):
            other = ends[arc]
            label = key + bounded(costs[items[arc]], 0.0)
            if not label < mine[other]:
                continue
            if mine[other] == np.inf:
                touched[side, count] = other
                count += 1
            mine[other], via[side, other], by[side, other] = label, here, items[arc]
            if label + theirs[other] < best:
                best, meeting = label + theirs[other], other
            if label + rest < best:
                size = push(keys[side], heap[side], size, label, other)
        sizes[side], counts[side] = size, count
    return meeting


@compiled
def push(keys: Floats, nodes: Ints, size: int, key: float, node: int) -> int:
    """Add an entry to a 4-ary min-heap of `size` entries; returns the new size.

    It is half as deep as a binary one, and children share a cache line.
    """
    place = size
    while place > 0:
        parent = (place - 1) // 4
        if keys[parent] <= key:
            break
        keys[place], nodes[place] = keys[parent], nodes[parent]
        place = parent
    keys[place], nodes[place] = key, node
    return size + 1


@compiled
def drop(keys: Floats, nodes: Ints, size: int) -> int:
    """Remove the least entry, which is at position 0; returns the new size."""
    size -= 1
    key, node = keys[size], nodes[size]
    place = 0
    child = 1
    while child < size:
        least = child
        for other in range(child + 1, min(child + 4, size)):
            if keys[other] < keys[least]:
                least = other
        if keys[least] >= key:
            break
        keys[place], nodes[place] = keys[least], nodes[least]
        place = least
        child = 4 * place + 1
    keys[place], nodes[place] = key, node
    return size
