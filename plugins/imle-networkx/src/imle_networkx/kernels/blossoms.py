"""Matchings of the greatest weight in any graph, by Edmonds' blossom method on whole numbers.

Every node has a dual, and so has every blossom, a set of an odd number of nodes that is matched within itself but for
one, its base. Twice the weight of an edge never exceeds the duals of its ends plus twice those of the blossoms that
hold both; where it is equal, the edge is tight, and only tight edges are matched. A matching is best once the duals of
nodes that are not matched are zero (Edmonds 1965; Galil, "Efficient algorithms for finding maximum matching in
graphs", ACM Computing Surveys 1986).

Duals start as low as a pass over the nodes makes them, which matches most of the nodes. Every other node is the root of
a tree that alternates between outer nodes, which are an even number of edges away from it, and inner ones. Duals of
outer nodes fall and those of inner ones rise, until an edge becomes tight that grows the tree, closes an odd cycle (a
new blossom) or ends at a free node, until an inner blossom has no dual left (it opens), or an outer node has none (it
may as well be the free one). As there is one tree at a time, all the duals in it are even, or all are odd.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imle.solvers.compiled import Longs, Masks, compiled
from imle_networkx.kernels import variable

_HUGE = 2**62
_FREE, _OUTER, _INNER = 0, 1, 2


class Forest(NamedTuple):
    """A matching, its duals and its blossoms. Blossoms are numbered after the nodes, and a node is the simplest one.

    Attributes:
        mate: `[nodes]` the link from a node to its partner, or -1.
        dual: `[sets]`.
        top: `[nodes]` the outermost blossom that holds a node.
        label: `[sets]` of outermost blossoms.
        entry: `[sets]` the link that brings the tree into a blossom; -1 at the root.
        base, parent, child: `[sets]` the node not matched within, the blossom around (or -1), the part with the base.
        after, before, bridge: `[sets]` the neighbours in the cycle of `parent`, and the link to the one after.
        start, end, chain: `[sets]`, `[sets]`, `[nodes]`: the nodes of a blossom are start, chain[start], ... to end.
        spare: `[sets]` numbers that no blossom has; `spare[0]` tells how many.
        queue: `[nodes + 1]` outer nodes whose edges are still to be read; the last entry tells how many came in.
        stack, way: `[2 * sets]` and `[sets]` room.
    """

    mate: Longs
    dual: Longs
    top: Longs
    label: Masks
    entry: Longs
    base: Longs
    parent: Longs
    child: Longs
    after: Longs
    before: Longs
    bridge: Longs
    start: Longs
    end: Longs
    chain: Longs
    spare: Longs
    queue: Longs
    stack: Longs
    way: Longs


@compiled
def heaviest_matchings(weights: Longs, ends: Longs, start: Longs, link: Longs, solutions: Masks) -> None:
    """Solve `[N, E]` weights over one graph. Edges of no weight, or less, are never chosen.

    Args:
        weights: below 2**52, or all of them from 2**59 to 2**59 + 2**53: so no sum of duals and weights overflows.
        ends, start, link: `Graph.ends`, and two fields of `Graph.links`; int64 as all that kernels here pass on to each
            other, so that each is compiled once.
        solutions: see `imle_networkx.kernels`.
    """
    nodes = start.size - 1
    forest = blank(nodes)
    best, best_link = np.empty(nodes, np.int64), np.empty(nodes, np.int64)
    rival, rival_link = np.empty(nodes, np.int64), np.empty(nodes, np.int64)
    for row in range(len(weights)):
        weight = weights[row]
        begin(weight, ends, start, link, forest)
        for root in range(nodes):
            if forest.mate[root] < 0 and forest.dual[root] > 0:
                grow(weight, ends, start, link, root, forest, best, best_link, rival, rival_link)
        for node in range(nodes):
            if forest.mate[node] >= 0:
                solutions[row, forest.mate[node] >> 1] = 1


@compiled
def blank(nodes: int) -> Forest:
    """Room for any graph of so many nodes: of nested odd sets there are fewer than half as many."""
    sets = nodes + nodes // 2 + 1
    mate, top, chain = np.empty(nodes, np.int64), np.empty(nodes, np.int64), np.empty(nodes, np.int64)
    entry, base, parent = np.empty(sets, np.int64), np.empty(sets, np.int64), np.empty(sets, np.int64)
    child, after, before = np.empty(sets, np.int64), np.empty(sets, np.int64), np.empty(sets, np.int64)
    bridge, start, end = np.empty(sets, np.int64), np.empty(sets, np.int64), np.empty(sets, np.int64)
    spare, queue = np.empty(sets, np.int64), np.empty(nodes + 1, np.int64)
    stack, way = np.empty(2 * sets, np.int64), np.zeros(sets, np.int64)
    dual, label = np.empty(sets, np.int64), np.empty(sets, np.int8)
    return Forest(
        mate, dual, top, label, entry, base, parent, child, after, before, bridge, start, end, chain, spare, queue,
        stack, way,
    )  # fmt: skip


@compiled
def begin(weight: Longs, ends: Longs, start: Longs, link: Longs, forest: Forest) -> None:
    """No blossoms; low duals, and a first matching of edges that are tight."""
    nodes = start.size - 1
    mate, dual = forest.mate, forest.dual
    mate[:] = -1
    forest.parent[:] = -1
    for node in range(nodes):
        forest.top[node] = forest.base[node] = forest.start[node] = forest.end[node] = node
    forest.spare[0] = len(forest.spare) - nodes
    for place in range(1, forest.spare[0] + 1):
        forest.spare[place] = len(forest.spare) - place
    for node in range(nodes):
        highest = 0
        for place in range(start[node], start[node + 1]):
            highest = max(highest, weight[link[place] >> 1])
        dual[node] = highest
    for node in range(nodes):
        lowest, tight = 0, -1
        for place in range(start[node], start[node + 1]):
            way = link[place]
            needed = 2 * weight[way >> 1] - dual[ends[way]]
            if weight[way >> 1] > 0 and (needed > lowest or (needed == lowest and mate[ends[way]] < 0)):
                lowest, tight = needed, way
        if mate[node] < 0:
            dual[node] = lowest
            if tight >= 0 and mate[ends[tight]] < 0:
                mate[node], mate[ends[tight]] = tight, tight ^ 1


@compiled
def grow(
    weight: Longs,
    ends: Longs,
    start: Longs,
    link: Longs,
    root: int,
    forest: Forest,
    best: Longs,
    best_link: Longs,
    rival: Longs,
    rival_link: Longs,
) -> None:
    """Grow a tree until its root is matched, or another node is free in its place that may be.

    The duals of outer nodes have fallen by `fallen` in all, so that what `best` and `rival` keep does not change: the
    least of dual[outer] + fallen - 2 * weight over links to a node from outer ones, and of dual[outer] + dual[node] +
    2 * fallen - 2 * weight over links from an outer node to outer ones of other blossoms.
    """
    nodes = start.size - 1
    dual, top, label, queue = forest.dual, forest.top, forest.label, forest.queue
    label[:] = _FREE
    best_link[:] = -1
    rival_link[:] = -1
    queue[nodes] = 0
    read = 0
    fallen = variable(0)
    become_outer(top[root], forest.mate[root], forest)  # entered by no link
    while True:
        while read < queue[nodes]:
            node = queue[read]
            read += 1
            for place in range(start[node], start[node + 1]):
                way = link[place]
                other = ends[way]
                if weight[way >> 1] <= 0 or top[other] == top[node]:
                    continue
                key = dual[node] + fallen - 2 * weight[way >> 1]
                if label[top[other]] == _OUTER:
                    key += dual[other] + fallen
                    if rival_link[node] < 0 or key < rival[node]:
                        rival[node], rival_link[node] = key, way
                elif best_link[other] < 0 or key < best[other]:
                    best[other], best_link[other] = key, way
        change, kind, at = _HUGE, 0, root
        for node in range(nodes):
            blossom = top[node]
            if label[blossom] == _OUTER:
                if dual[node] < change:
                    change, kind, at = dual[node], 1, node
                if rival_link[node] >= 0 and top[ends[rival_link[node]]] == blossom:  # they are in one blossom by now
                    find_rival(weight, ends, start, link, node, fallen, forest, rival, rival_link)
                if rival_link[node] >= 0 and rival[node] - 2 * fallen < 2 * change:
                    change, kind, at = (rival[node] - 2 * fallen) >> 1, 2, node
            elif label[blossom] == _FREE and best_link[node] >= 0 and best[node] + dual[node] - fallen < change:
                change, kind, at = best[node] + dual[node] - fallen, 3, node
        for blossom in range(nodes, len(label)):
            if label[blossom] == _INNER and dual[blossom] < change:
                change, kind, at = dual[blossom], 4, blossom
        for node in range(nodes):
            if label[top[node]] == _OUTER:
                dual[node] -= change
            elif label[top[node]] == _INNER:
                dual[node] += change
        for blossom in range(nodes, len(label)):
            if label[blossom] == _OUTER:
                dual[blossom] += change
            elif label[blossom] == _INNER:
                dual[blossom] -= change
        fallen += change
        if kind == 1:
            augment(ends, at, forest.mate[root], forest)  # by no link
            return
        if kind == 2:
            shrink(ends, rival_link[at], forest)
        elif kind == 3:
            way, blossom = best_link[at], top[at]
            onward = forest.mate[forest.base[blossom]]
            if onward < 0:
                rebase(ends, blossom, at, forest)
                forest.mate[at] = way ^ 1
                augment(ends, ends[way ^ 1], way, forest)
                return
            label[blossom], forest.entry[blossom] = _INNER, way
            become_outer(top[ends[onward]], onward, forest)
        else:
            open_up(ends, at, forest)


@compiled
def find_rival(
    weight: Longs,
    ends: Longs,
    start: Longs,
    link: Longs,
    node: int,
    fallen: int,
    forest: Forest,
    rival: Longs,
    rival_link: Longs,
) -> None:
    """The best link from an outer node to outer nodes of other blossoms."""
    rival_link[node] = -1
    for place in range(start[node], start[node + 1]):
        way = link[place]
        other = ends[way]
        blossom = forest.top[other]
        if weight[way >> 1] > 0 and forest.label[blossom] == _OUTER and blossom != forest.top[node]:
            key = forest.dual[node] + forest.dual[other] + 2 * fallen - 2 * weight[way >> 1]
            if rival_link[node] < 0 or key < rival[node]:
                rival[node], rival_link[node] = key, way


@compiled
def become_outer(blossom: int, way: int, forest: Forest) -> None:
    """Make a blossom outer, entered by a link, and note its nodes down to be read."""
    forest.label[blossom], forest.entry[blossom] = _OUTER, way
    enqueue(blossom, forest)


@compiled
def enqueue(blossom: int, forest: Forest) -> None:
    """Note the nodes of a blossom down to be read."""
    queue = forest.queue
    last = len(queue) - 1
    node = forest.start[blossom]
    while True:
        queue[queue[last]] = node
        queue[last] += 1
        if node == forest.end[blossom]:
            return
        node = forest.chain[node]


@compiled
def put_into(blossom: int, part: int, forest: Forest) -> None:
    """Write that the nodes of a part have this outermost blossom."""
    node = forest.start[part]
    while True:
        forest.top[node] = blossom
        if node == forest.end[part]:
            return
        node = forest.chain[node]


@compiled
def shrink(ends: Longs, way: int, forest: Forest) -> None:
    """Make a blossom of the odd cycle that a tight link between two outer blossoms closes."""
    top, label, entry = forest.top, forest.label, forest.entry
    after, before, bridge = forest.after, forest.before, forest.bridge
    one, two = top[ends[way ^ 1]], top[ends[way]]
    meeting = common_ancestor(ends, one, two, forest)
    part, following, onward = one, two, way
    while True:  # from the near side up to where both sides meet: that is against the order of the cycle
        after[part], before[following], bridge[part] = following, part, onward
        if part == meeting:
            break
        following, onward = part, entry[part]
        part = top[ends[onward ^ 1]]
    part = two
    while part != meeting:  # and from the far side, with it
        onward = entry[part]
        following = top[ends[onward ^ 1]]
        after[part], before[following], bridge[part] = following, part, onward ^ 1
        part = following
    blossom = forest.spare[forest.spare[0]]
    forest.spare[0] -= 1
    forest.dual[blossom], forest.parent[blossom] = 0, -1
    forest.base[blossom], forest.child[blossom] = forest.base[meeting], meeting
    label[blossom], entry[blossom] = _OUTER, entry[meeting]
    forest.start[blossom] = forest.start[meeting]
    last = -1
    while True:
        if label[part] == _INNER:
            enqueue(part, forest)
        put_into(blossom, part, forest)
        label[part], forest.parent[part] = _FREE, blossom
        if last >= 0:
            forest.chain[last] = forest.start[part]
        last = forest.end[part]
        part = after[part]
        if part == meeting:
            break
    forest.end[blossom] = last


@compiled
def common_ancestor(ends: Longs, one: int, two: int, forest: Forest) -> int:
    """The outer blossom where the ways of two others to the root meet."""
    way = forest.way
    blossom = one
    while True:
        way[blossom] = 1
        if forest.entry[blossom] < 0:
            break
        blossom = grandparent(ends, blossom, forest)
    meeting = two
    while way[meeting] == 0:
        meeting = grandparent(ends, meeting, forest)
    blossom = one
    while True:
        way[blossom] = 0
        if forest.entry[blossom] < 0:
            return meeting
        blossom = grandparent(ends, blossom, forest)


@compiled
def grandparent(ends: Longs, blossom: int, forest: Forest) -> int:
    """The outer blossom two steps closer to the root."""
    inner = forest.top[ends[forest.entry[blossom] ^ 1]]
    outer: int = forest.top[ends[forest.entry[inner] ^ 1]]
    return outer


@compiled
def open_up(ends: Longs, blossom: int, forest: Forest) -> None:
    """Dissolve an inner blossom: the part that is entered and the even way from it to the base stay in the tree."""
    after, before, bridge, label = forest.after, forest.before, forest.bridge, forest.label
    way, last = forest.entry[blossom], forest.child[blossom]
    part = last
    while True:
        put_into(part, part, forest)
        label[part], forest.parent[part] = _FREE, -1
        part = after[part]
        if part == last:
            break
    part = forest.top[ends[way]]
    onward = distance(part, last, after) % 2 == 0
    while True:
        label[part], forest.entry[part] = _INNER, way
        if part == last:
            break
        outer = after[part] if onward else before[part]
        become_outer(outer, bridge[part] if onward else bridge[outer] ^ 1, forest)
        part = after[outer] if onward else before[outer]
        way = bridge[outer] if onward else bridge[part] ^ 1
    label[blossom] = _FREE
    forest.spare[0] += 1
    forest.spare[forest.spare[0]] = blossom


@compiled
def distance(part: int, last: int, after: Longs) -> int:
    """Steps around a cycle."""
    steps = 0
    while part != last:
        part = after[part]
        steps += 1
    return steps


@compiled
def augment(ends: Longs, node: int, way: int, forest: Forest) -> None:
    """Match an outer node by a link (-1 leaves it free), and swap what is matched from there to the root."""
    while True:
        blossom = forest.top[node]
        rebase(ends, blossom, node, forest)
        forest.mate[node] = way
        if forest.entry[blossom] < 0:
            return
        inner = forest.top[ends[forest.entry[blossom] ^ 1]]
        way = forest.entry[inner]
        node = ends[way]
        rebase(ends, inner, node, forest)
        forest.mate[node] = way ^ 1
        node = ends[way ^ 1]


@compiled
def rebase(ends: Longs, blossom: int, node: int, forest: Forest) -> None:
    """Match a blossom within itself but for this node, which becomes its base."""
    after, before, bridge, mate, stack = forest.after, forest.before, forest.bridge, forest.mate, forest.stack
    stack[0], stack[1] = blossom, node
    size = 2
    while size > 0:
        size -= 2
        blossom, node = stack[size], stack[size + 1]
        if forest.base[blossom] == node:
            continue
        part = node
        while forest.parent[part] != blossom:
            part = forest.parent[part]
        stack[size], stack[size + 1] = part, node
        size += 2
        last = forest.child[blossom]
        forest.child[blossom], forest.base[blossom] = part, node
        onward = distance(part, last, after) % 2 == 0
        while part != last:
            one = after[part] if onward else before[part]
            part = after[one] if onward else before[one]
            way = bridge[one] if onward else bridge[part] ^ 1
            mate[ends[way ^ 1]], mate[ends[way]] = way, way ^ 1
            stack[size], stack[size + 1] = one, ends[way ^ 1]
            stack[size + 2], stack[size + 3] = part, ends[way]
            size += 4
