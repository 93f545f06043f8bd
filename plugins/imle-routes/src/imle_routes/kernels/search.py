"""Branch and bound for the best undirected tour, with bounds from 1-trees.

A 1-tree is a spanning tree of all nodes but node 0, and two edges of node 0: a tour is one in which every node has two
edges. Potentials of nodes are added to the costs of their edges, which changes all tours by as much, and raise the
cheapest 1-tree towards the cheapest tour (Held and Karp, The traveling-salesman problem and minimum spanning trees,
Operations Research 18, 1970; Part II, Mathematical Programming 1, 1971), by subgradient steps of Polyak's length. Then
an edge is required in one branch and forbidden in the other (as Volgenant and Jonker, A branch and bound algorithm for
the symmetric traveling salesman problem based on the 1-tree relaxation, EJOR 9, 1982). In each branch, edges that are
too dear for a better tour are forbidden, nodes with two required edges lose all others, nodes with two edges left need
both, and no edge closes a circle too early.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imle.solvers.compiled import Floats, Longs, compiled

FIRST_ASCENT, ASCENT = 300, 40
"""Subgradient steps at the root, and at any other node of the search."""
PATIENCE = 5
"""Steps without a better bound after which steps get shorter."""
MOMENTUM = 0.3
"""Weight of the step before: degrees swing about two."""
LEVEL, REQUIRED, TRAIL, NODES, CONSISTENT, IMPROVED = 0, 1, 2, 3, 4, 5
"""Places of `counts`: open branchings (-1 where all is done), required edges, entries of the trail, nodes searched,
whether what is required and forbidden may leave a tour, whether the search has found the best tour itself."""
UPPER, LOWER, TOLERANCE = 0, 1, 2
"""Places of `values`: the best tour so far, what no tour is below, and what is no improvement."""


class TourSearch(NamedTuple):
    """A search that can be interrupted and goes on where it was.

    Attributes:
        weights: `[m, m]` symmetric costs of edges.
        edges: `[m, m]` symmetric: the cost of an edge that may be chosen or not, infinity for a forbidden one, minus
            infinity for a required one.
        potentials: `[m]` of the best bound of the branch at hand.
        required, left: `[m]` how many edges of a node are required, and how many are not forbidden.
        far: `[m]` the other end of the path of required edges that ends at a node; itself if there is none.
        trail: `[entries, 4]` what has been required (with the ends of its path) or forbidden (-1, -1), to be undone.
        branchings: `[levels, 4]` edges, length of the trail before, and whether this is the second branch.
        bounds: `[levels]` what the bound was when these were branched on.
        tour: `[m]` the best tour that the search has found.
        counts: see `LEVEL` and the others.
        values: see `UPPER` and the others.
    """

    weights: Floats
    edges: Floats
    potentials: Floats
    required: Longs
    left: Longs
    far: Longs
    trail: Longs
    branchings: Longs
    bounds: Floats
    tour: Longs
    counts: Longs
    values: Floats


class Tree(NamedTuple):
    """A 1-tree, `[m]` each.

    Attributes:
        parent: the tree's other end of the edge by which a node was reached; of node 0 its dearer neighbour.
        order: nodes as they were reached, without node 0; its nearer neighbour is the last entry.
        degree: how many edges a node has.
    """

    parent: Longs
    order: Longs
    degree: Longs


@compiled
def begin(search: TourSearch, pairs: Longs) -> None:
    """Forbid edges of infinite cost, and require some.

    Args:
        search: arrays of zeros, but for `weights`, and `values`, which holds the cost of a tour that is known.
        pairs: `[k, 2]` the edges that tours have to have.
    """
    weights, edges = search.weights, search.edges
    m = len(weights)
    search.counts[CONSISTENT] = 1
    search.values[LOWER] = -np.inf
    for i in range(m):
        search.far[i] = i
        for j in range(m):
            edges[i, j] = weights[i, j] if i != j else np.inf
            if edges[i, j] < np.inf:
                search.left[i] += 1
    for k in range(len(pairs)):
        if not require(search, pairs[k, 0], pairs[k, 1]):
            search.counts[CONSISTENT] = 0


@compiled
def go_on(search: TourSearch, nodes: int) -> None:
    """Search on, for so many nodes at the most."""
    m = len(search.weights)
    counts, values = search.counts, search.values
    tree = Tree(np.empty(m, np.int64), np.empty(m, np.int64), np.empty(m, np.int64))
    for _ in range(nodes):
        if counts[LEVEL] < 0:
            return
        counts[NODES] += 1
        bound = np.inf
        if counts[CONSISTENT] and propagate(search):
            bound = ascend(search, tree, FIRST_ASCENT if counts[NODES] == 1 else ASCENT)
        if bound >= values[UPPER] - values[TOLERANCE]:
            next_branch(search)
            continue
        one, two = branching_edge(search, tree)
        level = counts[LEVEL]
        search.branchings[level, 0], search.branchings[level, 1] = one, two
        search.bounds[level] = bound
        forbid_dear(search, tree, bound)
        search.branchings[level, 2], search.branchings[level, 3] = counts[TRAIL], 0
        counts[LEVEL] += 1
        counts[CONSISTENT] = require(search, one, two)
    lower = np.inf if counts[LEVEL] else values[LOWER]
    for level in range(counts[LEVEL]):
        if search.branchings[level, 3] == 0 or level == counts[LEVEL] - 1:
            lower = min(lower, search.bounds[level])
    if counts[LEVEL] >= 0:
        values[LOWER] = max(values[LOWER], lower)


@compiled
def next_branch(search: TourSearch) -> None:
    """Leave a branch that is done for the next one; the level is -1 if there is none."""
    counts = search.counts
    while counts[LEVEL] > 0:
        level = counts[LEVEL] - 1
        undo(search, search.branchings[level, 2])
        if search.branchings[level, 3] == 0:
            search.branchings[level, 3] = 1
            forbid(search, search.branchings[level, 0], search.branchings[level, 1])
            counts[CONSISTENT] = 1
            return
        counts[LEVEL] -= 1
    counts[LEVEL] = -1


@compiled
def ascend(search: TourSearch, tree: Tree, steps: int) -> float:
    """Raise the bound of the branch at hand; `tree` is the 1-tree of the best one, whose potentials stay.

    Returns:
        what no tour of this branch costs less than; infinity if there is none.
    """
    m = len(search.weights)
    values = search.values
    own = search.potentials.copy()
    now = Tree(np.empty(m, np.int64), np.empty(m, np.int64), np.empty(m, np.int64))
    before = np.full(m, 2, np.int64)
    best, factor, stalled = -np.inf, 1.0, 0
    for _ in range(steps):
        bound = one_tree(search, own, now)
        if bound == np.inf:
            return np.inf
        if bound > best or best == -np.inf:
            best, stalled = bound, 0
            search.potentials[:] = own
            tree.parent[:], tree.order[:], tree.degree[:] = now.parent, now.order, now.degree
        else:
            stalled += 1
            if stalled == PATIENCE:
                factor, stalled = factor / 2, 0
        if best >= values[UPPER] - values[TOLERANCE]:
            return best
        norm = 0
        for node in range(m):
            norm += (now.degree[node] - 2) ** 2
        if norm == 0:
            keep_tour(search, now)
            return np.inf  # it is the best one of this branch
        above = values[UPPER] - bound if values[UPPER] < np.inf else 0.1 * abs(bound) + values[TOLERANCE] * 1e6
        step = factor * above / norm
        for node in range(m):
            swing = (1 - MOMENTUM) * (now.degree[node] - 2) + MOMENTUM * (before[node] - 2)
            own[node] += step * swing
            before[node] = now.degree[node]
        if step * m < 1e-3 * values[TOLERANCE]:
            break
    return best


@compiled
def one_tree(search: TourSearch, potentials: Floats, tree: Tree) -> float:
    """The cheapest 1-tree by Prim's method; returns its cost, less what potentials add to every tour."""
    edges, weights = search.edges, search.weights
    m = len(potentials)
    parent, order, degree = tree
    nearest, rest = np.full(m, np.inf), np.arange(m)
    degree[:] = 0
    total = 0.0
    node, left = 1, m - 2
    rest[0], rest[1] = m - 1, 0  # nodes to be reached come first: all but 0 and 1
    parent[1] = -1
    order[0] = 1
    for k in range(left):
        rest[k] = k + 2
    for reached in range(1, m - 1):
        best, place = np.inf, -1
        row, own = edges[node], potentials[node]
        for k in range(left):
            other = rest[k]
            cost = row[other] + potentials[other] + own
            if cost < nearest[other]:
                nearest[other] = cost
                parent[other] = node
            if nearest[other] < best:
                best, place = nearest[other], k
        if place < 0:
            return np.inf
        node = rest[place]
        left -= 1
        rest[place] = rest[left]
        order[reached] = node
        degree[node] += 1
        degree[parent[node]] += 1
        total += weights[node, parent[node]] + potentials[node] + potentials[parent[node]]
    first, second = -1, -1
    for node in range(1, m):
        cost = edges[0, node] + potentials[node]
        if first < 0 or cost < edges[0, first] + potentials[first]:
            first, second = node, first
        elif second < 0 or cost < edges[0, second] + potentials[second]:
            second = node
    if edges[0, second] == np.inf or edges[0, first] == np.inf:
        return np.inf
    order[m - 1], parent[0] = first, second
    degree[0] = 2
    for node in (first, second):
        degree[node] += 1
        total += weights[0, node] + potentials[0] + potentials[node]
    return float(total - 2 * potentials.sum())


@compiled
def keep_tour(search: TourSearch, tree: Tree) -> None:
    """Keep a 1-tree that is a tour, if it is the best so far."""
    parent, order = tree.parent, tree.order
    m = len(parent)
    sides = np.full((m, 2), -1)
    for place in range(m + 1):
        if place < m - 1:
            node = order[place]
            other = parent[node]
        else:
            node, other = 0, (order[m - 1] if place == m - 1 else parent[0])
        if other >= 0:
            sides[node, 0 if sides[node, 0] < 0 else 1] = other
            sides[other, 0 if sides[other, 0] < 0 else 1] = node
    total = 0.0
    node, before = 0, -1
    tour = np.empty(m, np.int64)
    for place in range(m):
        tour[place] = node
        after = sides[node, 1] if sides[node, 0] == before else sides[node, 0]
        total += search.weights[node, after]
        node, before = after, node
    if total < search.values[UPPER]:
        search.values[UPPER] = total
        search.counts[IMPROVED] = 1
        search.tour[:] = tour


@compiled
def forbid_dear(search: TourSearch, tree: Tree, bound: float) -> None:
    """Forbid edges with which no tour is better than the best one: they would take the place of a cheaper one."""
    edges, potentials = search.edges, search.potentials
    parent, order = tree.parent, tree.order
    m = len(parent)
    room = search.values[UPPER] - search.values[TOLERANCE] - bound
    if room == np.inf:
        return
    dearest = np.full((m, m), -np.inf)  # edge on the way between two nodes of the tree
    for place in range(1, m - 1):
        node = order[place]
        above = parent[node]
        step = edges[node, above] + potentials[node] + potentials[above]
        for earlier in range(place):
            other = order[earlier]
            worst = max(step, dearest[above, other])
            dearest[node, other] = worst
            dearest[other, node] = worst
            cost = edges[node, other] + potentials[node] + potentials[other]
            if other != above and cost < np.inf and cost - worst >= room:
                forbid(search, node, other)
    first, second = order[m - 1], parent[0]
    worst = edges[0, second] + potentials[second]
    for node in range(1, m):
        cost = edges[0, node] + potentials[node]
        if node not in (first, second) and -np.inf < cost < np.inf and cost - worst >= room:
            forbid(search, 0, node)


@compiled
def branching_edge(search: TourSearch, tree: Tree) -> tuple[int, int]:
    """An edge of the 1-tree at a node with too many, whose replacement is the dearest."""
    edges, potentials = search.edges, search.potentials
    parent, order, degree = tree
    m = len(parent)
    below = np.empty(m, np.bool_)
    best, one, two = -np.inf, -1, -1
    for place in range(m + 1):
        if place < m - 1:
            node = order[place]
            other = parent[node]
            if other < 0:
                continue
        else:
            node, other = 0, (order[m - 1] if place == m - 1 else parent[0])
        cost = edges[node, other]
        if max(degree[node], degree[other]) < 3 or abs(cost) == np.inf:
            continue
        cost += potentials[node] + potentials[other]
        cheapest = np.inf
        if node == 0:
            for third in range(1, m):
                if third not in (order[m - 1], parent[0]):
                    cheapest = min(cheapest, edges[0, third] + potentials[0] + potentials[third])
        else:
            below[:] = False
            below[node] = True
            for later in range(place + 1, m - 1):
                below[order[later]] = below[parent[order[later]]]
            for inside in range(1, m):
                if below[inside]:
                    for outside in range(1, m):
                        if not below[outside] and not (inside == node and outside == other):
                            cheapest = min(cheapest, edges[inside, outside] + potentials[inside] + potentials[outside])
        if cheapest - cost > best:
            best, one, two = cheapest - cost, node, other
    return one, two


@compiled
def propagate(search: TourSearch) -> bool:
    """Draw conclusions until there are no more; False if no tour is left."""
    m = len(search.weights)
    edges, required, left = search.edges, search.required, search.left
    changed = True
    while changed:
        changed = False
        for node in range(m):
            if left[node] < 2 or required[node] > 2:
                return False
            if required[node] == 2 and left[node] > 2:
                changed = True
                for other in range(m):
                    if abs(edges[node, other]) < np.inf:
                        forbid(search, node, other)
            elif left[node] == 2 and required[node] < 2:
                changed = True
                for other in range(m):
                    if abs(edges[node, other]) < np.inf and not require(search, node, other):
                        return False
    return True


@compiled
def forbid(search: TourSearch, one: int, two: int) -> None:
    """Forbid an edge that was neither forbidden nor required."""
    search.edges[one, two] = np.inf
    search.edges[two, one] = np.inf
    search.left[one] -= 1
    search.left[two] -= 1
    note(search, one, two, -1, -1)


@compiled
def require(search: TourSearch, one: int, two: int) -> bool:
    """Require an edge that was neither forbidden nor required; False if that leaves no tour."""
    m = len(search.weights)
    far, required, counts = search.far, search.required, search.counts
    if required[one] == 2 or required[two] == 2 or search.edges[one, two] == np.inf:
        return False
    if far[one] == two and counts[REQUIRED] < m - 1:  # a circle
        return False
    search.edges[one, two] = -np.inf
    search.edges[two, one] = -np.inf
    required[one] += 1
    required[two] += 1
    counts[REQUIRED] += 1
    first, last = far[one], far[two]
    note(search, one, two, first, last)
    far[first], far[last] = last, first
    if counts[REQUIRED] < m - 1 and abs(search.edges[first, last]) < np.inf:
        forbid(search, first, last)
    return True


@compiled
def note(search: TourSearch, one: int, two: int, first: int, last: int) -> None:
    """Write what has been done to the trail."""
    entry = search.trail[search.counts[TRAIL]]
    entry[0], entry[1], entry[2], entry[3] = one, two, first, last
    search.counts[TRAIL] += 1


@compiled
def undo(search: TourSearch, entries: int) -> None:
    """Take back what has been done since the trail had so many entries."""
    counts = search.counts
    while counts[TRAIL] > entries:
        counts[TRAIL] -= 1
        entry = search.trail[counts[TRAIL]]
        one, two, first, last = entry[0], entry[1], entry[2], entry[3]
        search.edges[one, two] = search.weights[one, two]
        search.edges[two, one] = search.weights[one, two]
        if first < 0:
            search.left[one] += 1
            search.left[two] += 1
        else:
            search.required[one] -= 1
            search.required[two] -= 1
            counts[REQUIRED] -= 1
            search.far[first], search.far[last] = one, two
