"""Minimum spanning trees by Borůvka's method: every component takes its cheapest edge, until there is one component.

No sorting: a round is one pass over the edges that still join two components, and there are at most log2(nodes) rounds.
"""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Floats, Ints, Masks, compiled


@compiled
def spanning_trees(objective: Floats, nodes: int, tails: Ints, heads: Ints, solutions: Masks) -> None:
    """Solve `[N, E]` objectives over one connected graph.

    Args:
        objective, tails, heads, solutions: see `imle_networkx.kernels`. Of equal edges the first one is the cheaper,
            so that there is one best tree.
        nodes: how many there are.
    """
    rows, edges = objective.shape
    tail, head, item = np.empty(edges, np.int32), np.empty(edges, np.int32), np.empty(edges, np.int32)
    cost = np.empty(edges)
    best, least = np.empty(nodes, np.int32), np.empty(nodes)
    other, label = np.empty(nodes, np.int32), np.empty(nodes, np.int32)
    for row in range(rows):
        live = 0
        for edge in range(edges):
            if tails[edge] != heads[edge]:
                tail[live], head[live], item[live] = tails[edge], heads[edge], edge
                cost[live] = objective[row, edge]
                live += 1
        components = nodes
        while components > 1:
            best[:components] = -1
            least[:components] = np.inf
            for place in range(live):  # in the order of edges: the first of equal ones stays
                for end in (tail[place], head[place]):
                    if cost[place] < least[end] or best[end] < 0:
                        least[end], best[end] = cost[place], place
            components = contract(components, best, tail, head, item, other, label, solutions[row])
            kept = 0
            for place in range(live):
                one, two = label[tail[place]], label[head[place]]
                if one != two:
                    tail[kept], head[kept], item[kept], cost[kept] = one, two, item[place], cost[place]
                    kept += 1
            live = kept


@compiled
def contract(
    components: int, best: Ints, tail: Ints, head: Ints, item: Ints, other: Ints, label: Ints, solution: Masks
) -> int:
    """Join every component to the one its best edge leads to; fills `label` with their new numbers, and counts them."""
    for one in range(components):
        place = best[one]
        solution[item[place]] = 1
        other[one] = head[place] if tail[place] == one else tail[place]
    for one in range(components):  # two components that chose the same edge are the only cycles there are
        if other[other[one]] == one and one < other[one]:
            other[one] = one
    count = 0
    for one in range(components):
        if other[one] == one:
            label[one] = count
            count += 1
    for one in range(components):
        root = one
        while other[root] != root:
            root = other[root]
        step = one
        while other[step] != root and step != root:  # shorter ways for those that come later
            after = other[step]
            other[step] = root
            step = after
        label[one] = label[root]
    return count
