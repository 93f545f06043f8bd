"""Minimum spanning arborescences by the method of Chu, Liu and Edmonds, in the form of Tarjan.

Every node takes its cheapest arc; cycles are contracted, with the cost of their own arcs taken off the arcs that enter
them, and opened again at the end. Arcs into a node are kept in a skew heap whose costs are lowered lazily, and nodes in
a union-find that can be rolled back: O(arcs * log nodes) per row.

If the root is free, one more node has an arc to every node. Arcs are compared by (how many of these extra arcs, cost),
so one of them is used, whatever costs are; there is no big number that would round small ones away.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imle.solvers.compiled import Floats, Ints, Longs, Masks, compiled


class Heaps(NamedTuple):
    """Skew heaps of arcs, `[arcs]` each.

    Attributes:
        extra, cost: what arcs are compared by.
        extra_off, cost_off: what is still to be taken off in the whole heap below an arc, itself included.
        left, right: the arcs below, -1 for none.
    """

    extra: Longs
    cost: Floats
    extra_off: Longs
    cost_off: Floats
    left: Ints
    right: Ints


class Contractions(NamedTuple):
    """What has become one node, in the order in which that happened; room for as many nodes as there are.

    Attributes:
        above: union-find: minus the size, or the node above.
        joined, before: nodes that went below another one, and minus their sizes.
        node, time: of each cycle, what it became, and how many joins there were before.
        start, arcs: of each cycle, where its arcs begin.
    """

    above: Ints
    joined: Ints
    before: Ints
    node: Ints
    time: Ints
    start: Ints
    arcs: Ints


@compiled
def arborescences(objective: Floats, nodes: int, root: int, tails: Ints, heads: Ints, solutions: Masks) -> None:
    """Solve `[N, E]` objectives over one graph in which the root reaches every node.

    Args:
        objective, tails, heads, solutions: see `imle_networkx.kernels`.
        nodes: how many there are.
        root: where the arborescence starts, or -1 if any node may be the root.
    """
    rows, edges = objective.shape
    free = root < 0
    count = nodes + 1 if free else nodes
    top = nodes if free else root
    size = edges + nodes if free else edges
    tail = np.append(tails, np.full(size - edges, nodes, np.int32))
    head = np.append(heads, np.arange(size - edges).astype(np.int32))
    extra, cost = np.empty(size, np.int64), np.empty(size)
    extra_off, cost_off = np.empty(size, np.int64), np.empty(size)
    left, right = np.empty(size, np.int32), np.empty(size, np.int32)
    heaps = Heaps(extra, cost, extra_off, cost_off, left, right)
    heap, entering = np.empty(count, np.int32), np.empty(count, np.int32)
    above, joined, before = np.empty(count, np.int32), np.empty(count, np.int32), np.empty(count, np.int32)
    node_of, time, start = np.empty(count, np.int32), np.empty(count, np.int32), np.zeros(count + 1, np.int32)
    contractions = Contractions(above, joined, before, node_of, time, start, np.empty(2 * count, np.int32))
    for row in range(rows):
        extra[:] = 0
        extra[edges:] = 1
        cost[:edges] = objective[row]
        cost[edges:] = 0.0
        extra_off[:] = 0
        cost_off[:] = 0.0
        left[:] = -1
        right[:] = -1
        heap[:] = -1
        for arc in range(size):
            if tail[arc] != head[arc] and head[arc] != top:
                heap[head[arc]] = merge(heap[head[arc]], arc, heaps)
        cycles, joins = contract(top, tail, head, heap, heaps, contractions, entering)
        expand(cycles, joins, head, contractions, entering)
        for node in range(count):
            if node != top and entering[node] < edges:
                solutions[row, entering[node]] = 1


@compiled
def contract(
    top: int, tail: Ints, head: Ints, heap: Ints, heaps: Heaps, contractions: Contractions, entering: Ints
) -> tuple[int, int]:
    """Choose an arc into each node but the root, cycles becoming nodes; returns the numbers of cycles and joins."""
    above, joined, before, cycle_node, cycle_time, cycle_start, cycle_arcs = contractions
    count, cycles, joins = len(above), 0, 0
    above[:] = -1
    seen = np.full(count, -1, np.int32)
    seen[top] = top
    path, taken = np.empty(count, np.int32), np.empty(count, np.int32)
    for start in range(count):
        node = find(above, start)
        length = 0
        while seen[node] < 0:
            arc = heap[node]
            settle(arc, heaps)
            while find(above, tail[arc]) == node:  # inside what has been contracted
                heap[node] = merge(heaps.left[arc], heaps.right[arc], heaps)
                arc = heap[node]
                settle(arc, heaps)
            rest = merge(heaps.left[arc], heaps.right[arc], heaps)
            if rest >= 0:
                heaps.extra_off[rest] -= heaps.extra[arc]
                heaps.cost_off[rest] -= heaps.cost[arc]
            heap[node] = rest
            path[length], taken[length] = node, arc
            length += 1
            seen[node] = start
            node = find(above, tail[arc])
            if seen[node] == start:  # a cycle: its nodes become one
                end, time = length, joins
                cycle = -1
                while True:
                    length -= 1
                    member = path[length]
                    cycle = merge(cycle, heap[member], heaps)
                    one, two = find(above, node), find(above, member)
                    if one == two:
                        break
                    if above[one] > above[two]:
                        one, two = two, one
                    joined[joins], before[joins] = two, above[two]
                    joins += 1
                    above[one] += above[two]
                    above[two] = one
                node = find(above, node)
                heap[node] = cycle
                seen[node] = -1
                cycle_node[cycles], cycle_time[cycles] = node, time
                first = cycle_start[cycles]
                for place in range(length, end):
                    cycle_arcs[first + place - length] = taken[place]
                cycles += 1
                cycle_start[cycles] = first + end - length
        for place in range(length):
            entering[find(above, head[taken[place]])] = taken[place]
    return cycles, joins


@compiled
def expand(cycles: int, joins: int, head: Ints, contractions: Contractions, entering: Ints) -> None:
    """Open cycles again, the last one first: its own arcs enter all of its nodes but the one entered already."""
    above, joined, before, cycle_node, cycle_time, cycle_start, cycle_arcs = contractions
    for number in range(cycles - 1, -1, -1):
        while joins > cycle_time[number]:
            joins -= 1
            two = joined[joins]
            above[above[two]] -= before[joins]
            above[two] = before[joins]
        arc = entering[cycle_node[number]]
        for place in range(cycle_start[number], cycle_start[number + 1]):
            entering[find(above, head[cycle_arcs[place]])] = cycle_arcs[place]
        entering[find(above, head[arc])] = arc


@compiled
def find(above: Ints, node: int) -> int:
    """What a node has been contracted into; paths stay as they are, so that joins can be rolled back."""
    while above[node] >= 0:
        node = above[node]
    return node


@compiled
def settle(arc: int, heaps: Heaps) -> None:
    """Apply what is still to be taken off the costs of this heap, here, and leave it to the heaps below."""
    extra, cost, extra_off, cost_off, left, right = heaps
    if extra_off[arc] != 0 or cost_off[arc] != 0.0:
        extra[arc] += extra_off[arc]
        cost[arc] += cost_off[arc]
        for below in (left[arc], right[arc]):
            if below >= 0:
                extra_off[below] += extra_off[arc]
                cost_off[below] += cost_off[arc]
        extra_off[arc] = 0
        cost_off[arc] = 0.0


@compiled
def merge(one: int, two: int, heaps: Heaps) -> int:
    """Merge two skew heaps, -1 being the empty one. Of equal arcs the earlier one is the cheaper."""
    if one < 0:
        return two
    if two < 0:
        return one
    settle(one, heaps)
    settle(two, heaps)
    if cheaper(two, one, heaps):
        one, two = two, one
    left, right = heaps.left, heaps.right
    whole = one
    while True:
        after = right[one]
        right[one] = left[one]
        if after < 0:
            left[one] = two
            return whole
        settle(after, heaps)
        if cheaper(two, after, heaps):
            after, two = two, after
        left[one] = after
        one = after


@compiled
def cheaper(one: int, two: int, heaps: Heaps) -> bool:
    """Compare by extra arcs, cost, number."""
    extra, cost = heaps.extra, heaps.cost
    if extra[one] != extra[two]:
        return bool(extra[one] < extra[two])
    if cost[one] != cost[two]:
        return bool(cost[one] < cost[two])
    return one < two
