"""Best tours by dynamic programming over sets of visited nodes.

The method is Bellman's, and Held and Karp's (A dynamic programming approach to sequencing problems, Journal of SIAM 10,
1962): the cheapest way to visit a set and end at one of its nodes comes from the same set without that node. Rows are
solved several at a time, one per SIMD lane: they all take the same steps.
"""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Flags, Floats, Longs, compiled

LANES = 8
"""Rows solved together: 512 bits of float64."""


@compiled
def held_karp(distances: Floats, orders: Longs, found: Flags) -> None:
    """Find a best tour of each row, from node 0.

    Args:
        distances: `[N, m, m]`; there has to be room for `2**(m - 1) * (m - 1)` numbers of all lanes.
        orders: `[N, m]` the nodes in the order of the tour; written where `found`.
        found: `[N]` whether there is a tour.
    """
    rows, nodes, _ = distances.shape
    n = nodes - 1  # the nodes besides the first one
    own = np.empty((nodes * nodes, LANES))
    least = np.full(((1 << n) * n, LANES), np.inf)  # of the ways that visit a set and end at a node of it
    best = np.empty(LANES)
    for first in range(0, rows, LANES):
        lanes = min(LANES, rows - first)
        for lane in range(LANES):
            row = first + min(lane, lanes - 1)
            for tail in range(nodes):
                for head in range(nodes):
                    own[tail * nodes + head, lane] = distances[row, tail, head]
        for visited in range(1, 1 << n):
            for last in range(n):
                if visited >> last & 1 == 0:
                    continue
                before = visited & ~(1 << last)
                for lane in range(LANES):
                    best[lane] = own[last + 1, lane] if before == 0 else np.inf
                for previous in range(n):
                    if before >> previous & 1:
                        so_far, step = before * n + previous, (previous + 1) * nodes + last + 1
                        for lane in range(LANES):
                            best[lane] = min(least[so_far, lane] + own[step, lane], best[lane])
                for lane in range(LANES):
                    least[visited * n + last, lane] = best[lane]
        for lane in range(lanes):
            found[first + lane] = read_back(least[:, lane], distances[first + lane], orders[first + lane])


@compiled
def read_back(least: Floats, distances: Floats, order: Longs) -> bool:
    """Follow the cheapest ways back from the end of the tour; False if there is none."""
    n = len(order) - 1
    order[0] = 0
    visited, after = (1 << n) - 1, 0
    for place in range(n, 0, -1):
        cheapest, chosen = np.inf, -1
        for last in range(n):
            if visited >> last & 1:
                total = least[visited * n + last] + distances[last + 1, after]
                if total < cheapest:
                    cheapest, chosen = total, last
        if chosen < 0:
            return False
        order[place] = chosen + 1
        visited &= ~(1 << chosen)
        after = chosen + 1
    return True
