"""Bellman-Ford in SIMD lanes, for acyclic graphs (any sign of cost, one pass) and for small ones (costs >= 0).

Sweeps go through the nodes in a given order, alternately forwards and backwards, and visit only nodes with a changed
predecessor. In topological order the first sweep reaches the fixpoint. Elsewhere every visit that goes on lowers a
label, and with costs >= 0 only finitely many sums can be labels, so the loop ends.
"""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Flags, Floats, Ints, Longs, Masks, compiled
from imle_networkx.kernels import Arcs
from imle_networkx.kernels.lanes import Trail, blank, follow, load, relax


@compiled
def sweep(
    objective: Floats,
    solutions: Masks,
    values: Floats,
    found: Flags,
    negatives: Longs,
    floor: float,
    node_costs: bool,
    sources: Longs,
    targets: Longs,
    order: Ints,
    start: Ints,
    node: Ints,
    item: Ints,
    width: int,
) -> None:
    """Solve `[N, items]` costs, `width` rows at a time.

    Args:
        objective, solutions, values, found, negatives, sources, targets, width: see `imle_networkx.kernels`.
        floor: smallest cost the search sees: 0, or -inf for an acyclic graph.
        node_costs: whether items are nodes, so that the source is paid for too.
        order: `[nodes]`, the order of the sweeps; topological if the graph is acyclic.
        start, node, item: `[2, ...]`, the `Arcs` by tail, then those by head.
    """
    rows, items = objective.shape
    nodes = order.size
    out, into = Arcs(start[0], node[0], item[0]), Arcs(start[1], node[1], item[1])
    labels = np.empty(nodes * width)
    costs = np.empty(items * width)
    dirty = np.zeros(nodes, np.bool_)
    trail = blank(nodes)
    for first in range(0, rows, width):
        lanes = min(width, rows - first)
        load(objective, first, lanes, floor, costs, negatives)
        labels[:] = np.inf
        for lane in range(lanes):
            source = sources[first + lane]
            labels[source * lanes + lane] = costs[source * lanes + lane] if node_costs else 0.0
            for arc in range(out.start[source], out.start[source + 1]):
                dirty[out.node[arc]] = True
        settle(labels, costs, dirty, order, out, into, lanes)
        for lane in range(lanes):
            row = first + lane
            source, target = sources[row], targets[row]
            found[row] = trace(labels, costs, lanes, lane, source, target, into, row, trail)
            if found[row]:
                paid = source if node_costs else -1
                values[row] = follow(objective[row], paid, source, target, trail.after, trail.by, solutions[row])


@compiled
def settle(labels: Floats, costs: Floats, dirty: Flags, order: Ints, out: Arcs, into: Arcs, lanes: int) -> None:
    """Relax arcs until no label changes. Leaves `dirty` all False."""
    last = order.size - 1
    forwards = True
    active = True
    while active:
        active = False
        for k in range(order.size):
            head = order[k if forwards else last - k]
            if not dirty[head]:
                continue
            dirty[head] = False
            changed = False
            for arc in range(into.start[head], into.start[head + 1]):
                changed |= relax(labels, head, into.node[arc], costs, into.item[arc], lanes)
            if changed:
                active = True
                for arc in range(out.start[head], out.start[head + 1]):
                    dirty[out.node[arc]] = True
        forwards = not forwards


@compiled
def trace(
    labels: Floats, costs: Floats, lanes: int, lane: int, source: int, target: int, into: Arcs, row: int, trail: Trail
) -> bool:
    """Search backwards along tight arcs, breadth first, from target to source.

    An arc is tight if its label and cost make the label of its head. Every label at the fixpoint has a tight arc, but
    tight arcs of cost zero form cycles: hence a search that visits a node once instead of a walk. Of several shortest
    paths it takes one with the fewest arcs.
    """
    seen, after, by, queue = trail
    if not labels[target * lanes + lane] < np.inf:
        return False
    queue[0] = target
    seen[target] = row
    first, end = 0, 1
    while first < end:
        head = queue[first]
        first += 1
        if head == source:
            return True
        label = labels[head * lanes + lane]
        for arc in range(into.start[head], into.start[head + 1]):
            tail, paid = into.node[arc], into.item[arc]
            if seen[tail] != row and labels[tail * lanes + lane] + costs[paid * lanes + lane] == label:
                seen[tail] = row
                after[tail] = head
                by[tail] = paid
                queue[end] = tail
                end += 1
    return False
