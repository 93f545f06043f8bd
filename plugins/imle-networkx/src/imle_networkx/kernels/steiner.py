"""Cheapest trees that join some nodes, the terminals, by dynamic programming over sets of them.

`labels[set, node]` is the cost of the cheapest tree that joins a node to a set of terminals. It is made of two such
trees that meet in the node, for two parts of the set, or of one for the same set in another node and the way from there
(Dreyfus and Wagner 1971; Erickson, Monma and Veinott 1987). The last terminal is the node that is asked for in the end.
"""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Floats, Ints, Masks, compiled
from imle_networkx.kernels import variable
from imle_networkx.kernels.bidirectional import push
from imle_networkx.kernels.settle import Search, settle, unreached


@compiled
def steiner_trees(
    objective: Floats, terminals: Ints, start: Ints, node: Ints, item: Ints, stopped: Masks, solutions: Masks
) -> None:
    """Solve `[N, E]` costs over one graph in which all terminals are connected.

    Args:
        objective, start, node, item, solutions: see `imle_networkx.kernels`; costs are not negative, edges undirected.
        terminals: `[T]` at least two node numbers, all different.
        stopped: `[1]`, zero; as soon as another thread writes something else, the kernel returns.
    """
    nodes, sets, root = start.size - 1, 1 << (terminals.size - 1), terminals[-1]
    labels, height = np.empty((sets, nodes)), np.zeros(nodes)
    via, by = np.empty((sets, nodes), np.int32), np.empty((sets, nodes), np.int32)
    room = unreached(nodes, node.size)
    todo, places = np.empty(2 * terminals.size, np.int32), np.empty(2 * terminals.size, np.int32)
    for row in range(len(objective)):
        labels[:] = np.inf
        for bit in range(terminals.size - 1):
            labels[1 << bit, terminals[bit]] = 0.0
            via[1 << bit, terminals[bit]] = -1
        for joined in range(1, sets):
            if stopped[0]:
                return
            own = labels[joined]
            part = (joined - 1) & joined
            while part > joined ^ part:  # each pair of parts once
                one, two = labels[part], labels[joined ^ part]
                for here in range(nodes):
                    label = one[here] + two[here]
                    if label < own[here]:
                        own[here], via[joined, here] = label, -1 - part
                part = (part - 1) & joined
            size = variable(0)
            for here in range(nodes):
                if own[here] < np.inf:
                    size = push(room.keys, room.heap, size, own[here], here)
            search = Search(own, via[joined], by[joined], room.keys, room.heap)
            settle(
                search, size, objective[row], height, start, node, item, variable(root if joined == sets - 1 else -1)
            )
        todo[0], places[0] = sets - 1, root
        size = 1
        while size > 0:
            size -= 1
            joined, here = todo[size], places[size]
            while via[joined, here] >= 0:
                solutions[row, by[joined, here]] = 1
                here = via[joined, here]
            part = -1 - via[joined, here]
            if part > 0:
                todo[size], todo[size + 1] = part, joined ^ part
                places[size], places[size + 1] = here, here
                size += 2
        prune(terminals, start, node, item, room, solutions[row])


@compiled
def cells(
    objective: Floats, terminals: Ints, start: Ints, node: Ints, item: Ints, labels: Floats, owner: Ints, by: Ints
) -> None:
    """The terminal that is closest to each node of each row, and the way to it.

    Args:
        objective, terminals, start, node, item: as above.
        labels, owner, by: `[N, nodes]` the cost of the way, the place of the terminal among all (-1 where there is no
            way) and the first edge of the way.
    """
    nodes = start.size - 1
    room, height = unreached(nodes, node.size), np.zeros(nodes)
    for row in range(len(objective)):
        labels[row] = np.inf
        owner[row] = -1
        size = variable(0)
        for place in range(terminals.size):
            labels[row, terminals[place]] = 0.0
            owner[row, terminals[place]] = place
            size = push(room.keys, room.heap, size, 0.0, terminals[place])
        search = Search(labels[row], room.via, by[row], room.keys, room.heap)
        settle(search, size, objective[row], height, start, node, item, variable(-1))
        for first in range(nodes):
            here = first
            while owner[row, here] < 0 and labels[row, here] < np.inf:
                here = room.via[here]
            found = owner[row, here]
            here = first
            while owner[row, here] != found:
                owner[row, here] = found
                here = room.via[here]


@compiled
def prune(terminals: Ints, start: Ints, node: Ints, item: Ints, room: Search, solution: Masks) -> None:
    """Leave of a connected subgraph with all terminals a tree whose leaves are terminals."""
    nodes = start.size - 1
    queue, via, by, needed = room.heap, room.via, room.by, np.zeros(nodes, np.bool_)
    root = terminals[-1]
    via[:] = -1
    via[root] = root
    queue[0] = root
    count, first = 1, 0
    while first < count:
        here = queue[first]
        first += 1
        for arc in range(start[here], start[here + 1]):
            other = node[arc]
            if solution[item[arc]] == 1 and via[other] < 0:
                via[other], by[other] = here, item[arc]
                queue[count] = other
                count += 1
    solution[:] = 0
    for terminal in terminals:
        needed[terminal] = True
    for place in range(count - 1, 0, -1):
        here = queue[place]
        if needed[here]:
            solution[by[here]] = 1
            needed[via[here]] = True
