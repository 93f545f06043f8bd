"""Several paths between two nodes: the cheapest ones that differ, or the cheapest ones that share nothing.

The k cheapest paths by Yen's method (Management Science 1971) with Lawler's way to look at every set of paths once
(1972): after each path, the cheapest one is searched that leaves it at each of its nodes. Searches know the distances
to the target, as A* does. Disjoint paths are a flow: each one is the cheapest way through what is left, where edges may
be taken back (Suurballe 1974).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imle.solvers.compiled import Floats, Ints, Longs, compiled
from imle_networkx.kernels import variable
from imle_networkx.kernels.bidirectional import push
from imle_networkx.kernels.settle import Search, settle, unreached


class PathList(NamedTuple):
    """Paths from the source.

    Attributes:
        nodes, edges: `[k, nodes]`.
        length: `[k]` in edges.
        leaves: `[k]` where each path leaves the one that it was derived from.
        cost: `[k]`.
    """

    nodes: Ints
    edges: Ints
    length: Longs
    leaves: Longs
    cost: Floats


@compiled
def cheapest_several(
    objective: Floats,
    count: int,
    source: int,
    target: int,
    order: Ints,
    start: Ints,
    node: Ints,
    item: Ints,
    solutions: Ints,
    found: Longs,
) -> None:
    """Solve `[N, E]` costs over one graph.

    Args:
        objective: costs are not negative, or there is an order.
        count: how many paths.
        source, target: node numbers, not the same.
        order: `[nodes]` node numbers in topological order; empty for graphs with cycles.
        start, node, item: `[2, ...]`, the `Arcs` by tail, then those by head.
        solutions: `[N, k, E]` 0/1 masks of each path, the cheapest one first; or `[N, 1, E]` their sum. Zeros come in.
        found: `[N]` how many paths there are, at most `count`.
    """
    nodes = start.shape[1] - 1
    taken, open_ones = blank(count, nodes), blank(count, nodes)
    height = unreached(nodes, node.shape[1])
    search = unreached(nodes, node.shape[1])
    banned = np.full(objective.shape[1], -1, np.int64)
    turn = 0
    for row in range(len(objective)):
        costs = objective[row]
        measure(costs, target, order, start, node, item, height)
        if height.labels[source] == np.inf:
            continue
        here, length, cost = source, 0, 0.0
        while here != target:
            taken.nodes[0, length], taken.edges[0, length] = here, height.by[here]
            cost += costs[height.by[here]]
            here = height.via[here]
            length += 1
        taken.nodes[0, length] = target
        taken.length[0], taken.leaves[0], taken.cost[0] = length, 0, cost
        done, waiting = variable(1), variable(0)
        while done < count:
            last = done - 1
            for place in range(taken.leaves[last], taken.length[last]):
                turn += 1
                for other in range(done):
                    if same_start(taken, last, other, place):
                        banned[taken.edges[other, place]] = turn
                if leave(
                    costs, taken, last, place, banned, turn, height.labels, start[0], node[0], item[0], target, search
                ):
                    waiting = keep(costs, taken, last, place, target, search, open_ones, waiting, count - done)
            if waiting == 0:
                break
            best = int(np.argmin(open_ones.cost[:waiting]))
            copy(open_ones, best, taken, done)
            waiting -= 1
            copy(open_ones, waiting, open_ones, best)
            done += 1
        found[row] = done
        for path in range(done):
            for place in range(taken.length[path]):
                solutions[row, min(path, solutions.shape[1] - 1), taken.edges[path, place]] += 1


@compiled
def blank(count: int, nodes: int) -> PathList:
    """Room for paths."""
    rows, edges = np.empty((count, nodes), np.int32), np.empty((count, nodes), np.int32)
    return PathList(rows, edges, np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count))


@compiled
def copy(paths: PathList, one: int, others: PathList, other: int) -> None:
    """Write a path in another place."""
    others.length[other], others.leaves[other] = paths.length[one], paths.leaves[one]
    others.cost[other] = paths.cost[one]
    for place in range(paths.length[one]):
        others.nodes[other, place], others.edges[other, place] = paths.nodes[one, place], paths.edges[one, place]
    others.nodes[other, paths.length[one]] = paths.nodes[one, paths.length[one]]


@compiled
def measure(costs: Floats, target: int, order: Ints, start: Ints, node: Ints, item: Ints, height: Search) -> None:
    """Distances to the target, and the ways to it; costs may have any sign if there is a topological order."""
    labels = height.labels
    labels[:] = np.inf
    labels[target] = 0.0
    if order.size == 0:
        size = push(height.keys, height.heap, variable(0), 0.0, target)
        settle(height, size, costs, np.zeros(labels.size), start[1], node[1], item[1], variable(-1))
        return
    for place in range(order.size - 1, -1, -1):
        here = order[place]
        for arc in range(start[0, here], start[0, here + 1]):
            label = costs[item[0, arc]] + labels[node[0, arc]]
            if label < labels[here]:
                labels[here], height.via[here], height.by[here] = label, node[0, arc], item[0, arc]


@compiled
def same_start(paths: PathList, one: int, other: int, place: int) -> bool:
    """Whether another path goes further, and has the same first edges."""
    if paths.length[other] <= place:
        return False
    step = 0
    while step < place and paths.edges[other, step] == paths.edges[one, step]:
        step += 1
    return step == place


@compiled
def leave(
    costs: Floats,
    paths: PathList,
    path: int,
    place: int,
    banned: Longs,
    turn: int,
    height: Floats,
    start: Ints,
    node: Ints,
    item: Ints,
    target: int,
    search: Search,
) -> bool:
    """Search the cheapest way to the target that leaves a path at a place by an edge that is not banned."""
    labels = search.labels
    labels[:] = np.inf
    for step in range(place + 1):
        labels[paths.nodes[path, step]] = -np.inf
    here, size = paths.nodes[path, place], variable(0)
    for arc in range(start[here], start[here + 1]):
        other = node[arc]
        label = max(costs[item[arc]] + height[other] - height[here], 0.0)
        if banned[item[arc]] != turn and label < labels[other]:
            labels[other], search.via[other], search.by[other] = label, here, item[arc]
            size = push(search.keys, search.heap, size, label, other)
    settle(search, size, costs, height, start, node, item, target)
    found: bool = labels[target] < np.inf
    return found


@compiled
def keep(
    costs: Floats,
    paths: PathList,
    path: int,
    place: int,
    target: int,
    search: Search,
    open_ones: PathList,
    waiting: int,
    most: int,
) -> int:
    """Note the path down that a search has found; returns how many are waiting, the cheapest `most` of them."""
    nodes, edges, here, length = open_ones.nodes[waiting], open_ones.edges[waiting], target, place
    while here != paths.nodes[path, place]:
        here = search.via[here]
        length += 1
    nodes[place] = paths.nodes[path, place]
    for step in range(place):
        nodes[step], edges[step] = paths.nodes[path, step], paths.edges[path, step]
    here = target
    for step in range(length, place, -1):
        nodes[step], edges[step - 1] = here, search.by[here]
        here = search.via[here]
    cost = 0.0
    for step in range(length):
        cost += costs[edges[step]]
    open_ones.length[waiting], open_ones.leaves[waiting], open_ones.cost[waiting] = length, place, cost
    if waiting < most:
        return waiting + 1
    worst = int(np.argmax(open_ones.cost[:waiting]))
    if cost < open_ones.cost[worst]:
        copy(open_ones, waiting, open_ones, worst)
    return waiting


@compiled
def cheapest_disjoint(
    objective: Floats,
    directed: bool,
    count: int,
    source: int,
    target: int,
    order: Ints,
    start: Ints,
    node: Ints,
    item: Ints,
    link_start: Ints,
    link_node: Ints,
    link: Ints,
    solutions: Ints,
    found: Longs,
) -> None:
    """Solve `[N, E]` costs over one graph, for paths that share no edge.

    Args:
        objective, count, source, target, order, start, node, item, solutions, found: as above; paths come in no order.
        directed: whether edges lead from tail to head only.
        link_start, link_node, link: `Graph.links`.
    """
    nodes = start.shape[1] - 1
    search, height = unreached(nodes, link.size), unreached(nodes, node.shape[1])
    cost, used = np.empty(2 * objective.shape[1]), np.empty(objective.shape[1], np.int32)
    walk, stops, at = np.empty(nodes, np.int32), np.empty(nodes, np.int32), np.full(nodes, -1, np.int32)
    for row in range(len(objective)):
        measure(objective[row], target, order, start, node, item, height)
        used[:] = -1
        for edge in range(used.size):
            cost[2 * edge], cost[2 * edge + 1] = objective[row, edge], np.inf if directed else objective[row, edge]
        labels = search.labels
        while found[row] < count:
            labels[:] = np.inf
            labels[source] = 0.0
            size = push(search.keys, search.heap, variable(0), 0.0, source)
            settle(search, size, cost, height.labels, link_start, link_node, link, target)
            if labels[target] == np.inf or height.labels[source] == np.inf:
                break
            for here in range(nodes):
                height.labels[here] -= min(labels[here], labels[target])
            here = target
            while here != source:
                way = search.by[here]
                edge = way >> 1
                if used[edge] < 0:
                    used[edge], cost[way], cost[way ^ 1] = way, np.inf, -objective[row, edge]
                else:  # it is taken back
                    used[edge], cost[2 * edge] = -1, objective[row, edge]
                    cost[2 * edge + 1] = np.inf if directed else objective[row, edge]
                here = search.via[here]
            found[row] += 1
        for path in range(found[row]):
            here, length = source, 0
            while here != target:
                at[here], stops[length] = length, here
                arc = link_start[here]
                while used[link[arc] >> 1] != link[arc]:
                    arc += 1
                walk[length], here = link[arc], link_node[arc]
                used[link[arc] >> 1] = -1
                length += 1
                if at[here] >= 0:  # around a cycle, which costs nothing
                    first = at[here]
                    while length > first:
                        length -= 1
                        at[stops[length]] = -1
            for place in range(length):
                at[stops[place]] = -1
                solutions[row, min(path, solutions.shape[1] - 1), walk[place] >> 1] += 1
