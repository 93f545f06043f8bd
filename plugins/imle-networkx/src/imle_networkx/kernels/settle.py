"""Dijkstra's method as a part of other methods: it goes on from labels that are there already."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imle.solvers.compiled import Floats, Ints, compiled
from imle_networkx.kernels.bidirectional import drop, push


class Search(NamedTuple):
    """What a search has reached.

    Attributes:
        labels: `[nodes]` cost of the best way found, infinite where there is none; minus infinity closes a node.
        via, by: `[nodes]` the node a label came from, and the item of the arc.
        keys, heap: `[nodes + arcs]` nodes to expand; stale entries are skipped when they come up.
    """

    labels: Floats
    via: Ints
    by: Ints
    keys: Floats
    heap: Ints


@compiled
def unreached(nodes: int, arcs: int) -> Search:
    """Room for a search."""
    via, by = np.empty(nodes, np.int32), np.empty(nodes, np.int32)
    return Search(np.full(nodes, np.inf), via, by, np.empty(nodes + arcs), np.empty(nodes + arcs, np.int32))


@compiled
def settle(
    search: Search, size: int, costs: Floats, height: Floats, start: Ints, node: Ints, item: Ints, end: int
) -> None:
    """Lower labels to the costs of the cheapest ways, until `end` is reached or nothing is left.

    Args:
        search: labels, of which `size` are in the heap.
        costs: `[items]`.
        height: `[nodes]`; an arc costs as much more as it leads up, and what is below zero by rounding counts as zero.
        start, node, item: see `Arcs`.
    """
    labels, via, by, keys, heap = search
    while size > 0:
        key, here = keys[0], heap[0]
        size = drop(keys, heap, size)
        if key > labels[here]:
            continue
        if here == end:
            return
        for arc in range(start[here], start[here + 1]):
            other = node[arc]
            label = key + max(costs[item[arc]] + height[other] - height[here], 0.0)
            if label < labels[other]:
                labels[other], via[other], by[other] = label, here, item[arc]
                size = push(keys, heap, size, label, other)
