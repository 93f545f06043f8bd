"""Cheapest paths of at most H arcs under costs of any sign.

`label[h, v]` is the cost of the cheapest walk from the source to v with at most h arcs: a table of H passes over the
arcs, for several rows at once in SIMD lanes. A walk is traced back along arcs that make the labels, with as few arcs as
possible. Where cycles cost nothing or more it is a path; otherwise it may visit a node twice.

Such a node becomes *critical*: labels then remember which critical nodes a walk has visited, so that it visits them at
most once, and walks are found anew. As soon as the cheapest walk is a path, it is the cheapest path, because all paths
are among the walks (decremental state space relaxation: Righini and Salani 2008; Boland, Dethridge and Dumitrescu
2006). Labels double with every critical node.
"""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Flags, Floats, Ints, Longs, Masks, compiled


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
    cyclic: Flags,
) -> None:
    """Solve `[N, E]` costs over one graph in which the target is within reach; rows in which a cycle pays stay open.

    Args:
        objective, width, solutions: see `imle_networkx.kernels`; costs are finite, of any sign.
        source, target: node numbers, not the same.
        hops: the most arcs a walk may have, at least 1.
        start, tail, item: `Arcs` by head.
        cyclic: `[N]`, whether the cheapest walk visits a node twice.
    """
    nodes = start.size - 1
    labels = np.empty((hops + 1, 1, nodes, width))
    walk, by = np.empty(hops + 1, np.int32), np.empty(hops + 1, np.int32)
    count, bit = np.empty(nodes, np.int32), np.zeros(nodes, np.int64)
    for first in range(0, len(objective), width):
        lanes = min(width, len(objective) - first)
        if lanes < width:  # the last ones
            labels = np.empty((hops + 1, 1, nodes, lanes))
        costs = np.ascontiguousarray(objective[first : first + lanes].T)
        labels[0] = np.inf
        labels[0, 0, source] = 0.0
        last = 1
        while extend(labels[last - 1, 0], labels[last, 0], costs, start, tail, item) and last < hops:
            last += 1
        for lane in range(lanes):
            row = first + lane
            length = trace(labels[: last + 1, :, :, lane], objective[row], target, start, tail, item, bit, walk, by)
            cyclic[row] = most_visited(walk, length, count) >= 0
            if not cyclic[row]:
                erase_cycles(objective[row], walk, by, length, count, solutions[row])


@compiled
def extend(before: Floats, after: Floats, costs: Floats, start: Ints, tail: Ints, item: Ints) -> bool:
    """Allow one arc more; False if that changes no label, `[nodes, lanes]`."""
    changed = False
    for head in range(start.size - 1):
        old, new = before[head], after[head]
        new[:] = old
        for arc in range(start[head], start[head + 1]):
            other, cost = before[tail[arc]], costs[item[arc]]
            for lane in range(new.size):
                label = other[lane] + cost[lane]
                new[lane] = label if label < new[lane] else new[lane]
        for lane in range(new.size):
            changed |= new[lane] < old[lane]
    return changed


@compiled
def cheapest_paths(
    objective: Floats,
    rows: Longs,
    source: int,
    target: int,
    hops: int,
    start: Ints,
    tail: Ints,
    item: Ints,
    limit: int,
    stopped: Masks,
    solutions: Masks,
    excess: Floats,
) -> None:
    """Solve the rows in which cycles pay, one after the other.

    Args:
        objective, source, target, hops, start, tail, item, solutions: as above.
        rows: the numbers of the rows to solve.
        limit: the most labels a row may take.
        stopped: `[1]`, zero; as soon as another thread writes something else, the kernel returns, and the rest of what
            it writes is of no use.
        excess: `[N]`, zeros; where the limit strikes, the most that the path found costs more than the cheapest one.
            It is then the cheapest walk that was found, without its cycles.
    """
    nodes = start.size - 1
    walk, by = np.empty(hops + 1, np.int32), np.empty(hops + 1, np.int32)
    count = np.empty(nodes, np.int32)
    for row in rows:
        costs = objective[row]
        bit = np.zeros(nodes, np.int64)
        critical = 0
        while True:
            masks = 1 << critical
            labels = walks(costs, source, hops, start, tail, item, bit, masks, stopped)
            if stopped[0]:
                return
            length = trace(labels, costs, target, start, tail, item, bit, walk, by)
            worst = most_visited(walk, length, count)
            if worst < 0 or critical >= 40 or 2 * masks * (hops + 1) * nodes > limit:
                value = erase_cycles(costs, walk, by, length, count, solutions[row])
                if worst >= 0:
                    excess[row] = value - labels[hops, :, target].min()
                break
            bit[worst] = masks
            critical += 1


@compiled
def walks(
    costs: Floats, source: int, hops: int, start: Ints, tail: Ints, item: Ints, bit: Longs, masks: int, stopped: Masks
) -> Floats:
    """Labels `[hops + 1, masks, nodes]`: cheapest walks by number of arcs and set of critical nodes visited.

    They are not complete if `stopped[0]` is not zero.
    """
    nodes = start.size - 1
    labels = np.full((hops + 1, masks, nodes), np.inf)
    labels[0, bit[source], source] = 0.0
    for hop in range(1, hops + 1):
        for mask in range(masks):
            if stopped[0]:
                return labels
            for head in range(nodes):
                best = labels[hop - 1, mask, head]
                if bit[head] == 0 or mask & bit[head]:
                    before = mask ^ bit[head]
                    for arc in range(start[head], start[head + 1]):
                        new = labels[hop - 1, before, tail[arc]] + costs[item[arc]]
                        if new < best:
                            best = new
                labels[hop, mask, head] = best
    return labels


@compiled
def trace(
    labels: Floats, costs: Floats, target: int, start: Ints, tail: Ints, item: Ints, bit: Longs, walk: Ints, by: Ints
) -> int:
    """Write the nodes of the cheapest walk, from the target back to the source, and its edges; returns its length."""
    hop = labels.shape[0] - 1
    mask = 0
    for other in range(labels.shape[1]):
        if labels[hop, other, target] < labels[hop, mask, target]:
            mask = other
    node = target
    length = 0
    walk[0] = node
    while True:
        label = labels[hop, mask, node]
        while hop > 0 and labels[hop - 1, mask, node] == label:
            hop -= 1
        if hop == 0:
            return length
        before = mask ^ bit[node]
        for arc in range(start[node], start[node + 1]):
            if labels[hop - 1, before, tail[arc]] + costs[item[arc]] == label:
                by[length] = item[arc]
                length += 1
                node = tail[arc]
                walk[length] = node
                break
        mask = before
        hop -= 1


@compiled
def most_visited(walk: Ints, length: int, count: Ints) -> int:
    """The node a walk visits most often, the one with the lowest number of several; -1 if it is a path."""
    for place in range(length + 1):
        count[walk[place]] = 0
    worst = -1
    for place in range(length + 1):
        node = walk[place]
        count[node] += 1
        if count[node] > 1 and (
            worst < 0 or count[node] > count[worst] or (count[node] == count[worst] and node < worst)
        ):
            worst = node
    return worst


@compiled
def erase_cycles(costs: Floats, walk: Ints, by: Ints, length: int, last: Ints, solution: Masks) -> float:
    """Write the walk without its cycles, and return its cost."""
    for place in range(length + 1):
        last[walk[place]] = place  # the last visit wins
    value = 0.0
    place = last[walk[0]]
    while place < length:
        solution[by[place]] = 1
        value += costs[by[place]]
        place = last[walk[place + 1]]
    return value
