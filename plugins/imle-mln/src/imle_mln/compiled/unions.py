"""Which nodes of a graph are connected: sets that are united, edge by edge (Galler and Fischer 1964)."""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Flags, Longs, compiled


@compiled
def double_cover(n: int, first: Longs, second: Longs, equal: Flags) -> Longs:
    """Components of the graph of n atoms and their opposites, which are n to 2 n - 1.

    Args:
        n: how many atoms there are.
        first, second: `[e]` atoms that are tied.
        equal: `[e]` whether to each other, or each to the other's opposite.

    Returns:
        `[2 n]` one node of its component for each node: the first.
    """
    parent = np.arange(2 * n)
    for edge in range(len(first)):
        one, other = first[edge], second[edge]
        if equal[edge]:
            unite(parent, one, other)
            unite(parent, one + n, other + n)
        else:
            unite(parent, one, other + n)
            unite(parent, one + n, other)
    for node in range(2 * n):
        parent[node] = parent[parent[node]]  # roots come before what hangs from them
    return parent


@compiled
def unite(parent: Longs, one: int, other: int) -> None:
    """Hang the one root from the other that comes first; paths are halved on the way to them."""
    while parent[one] != one:
        parent[one] = parent[parent[one]]
        one = parent[one]
    while parent[other] != other:
        parent[other] = parent[parent[other]]
        other = parent[other]
    if one < other:
        parent[other] = one
    else:
        parent[one] = other
