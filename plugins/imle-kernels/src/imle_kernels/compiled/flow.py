"""Minimum-cost flow by the primal network simplex method, with flows and costs in floats.

The basis is a spanning tree with a root; it is kept strongly feasible (Cunningham, A network simplex method,
Mathematical Programming 11, 1976), so that pivots without any flow cannot go round in circles. Artificial arcs between
the root and each node make the first tree. Their cost is a unit above all others: costs are pairs, compared by that
unit first, which loses no digit of the others, as a large number in its place would.
"""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Floats, Longs, Masks, compiled

LOWER, UPPER, FREE, BASIC, GONE = 0, 1, 2, 3, 4
"""Where an arc is: at an end of its range; at 0, without ends; in the tree; or artificial, and not needed any more."""
PARENT, ARC, DEPTH, FIRST, NEXT, BEFORE, UNIT = 0, 1, 2, 3, 4, 5, 6
"""What is known of a node of the tree: node and arc above it, depth, first child, next and previous sibling, and the
part of its price that artificial arcs make."""
OPTIMAL, UNBOUNDED, UNFINISHED = 0, 1, 2
EPSILON = 1e-9
"""Reduced costs up to this size are zero; costs are a thousand or so in size, see `imle_linear.prepared`."""


@compiled
def plant(tails: Longs, heads: Longs, lower: Floats, upper: Floats, flow: Floats, state: Masks, tree: Longs) -> None:
    """The first tree: all arcs at an end of their range, and an artificial arc for each node but the last, the root.

    Args:
        tails, heads: `[E + V - 1]`; those of artificial arcs, which come last, are written.
        lower, upper: `[E + V - 1]` likewise.
        flow: `[E + V - 1]` written.
        state: `[E + V - 1]` written.
        tree: `[7, V]` written.
    """
    nodes = tree.shape[1]
    root, arcs = nodes - 1, len(flow) - nodes + 1
    excess = np.zeros(nodes)
    for e in range(arcs):
        if lower[e] > -np.inf:
            state[e], flow[e] = LOWER, lower[e]
        elif upper[e] < np.inf:
            state[e], flow[e] = UPPER, upper[e]
        else:
            state[e], flow[e] = FREE, 0.0
        excess[tails[e]] -= flow[e]
        excess[heads[e]] += flow[e]
    tree[:] = -1
    tree[DEPTH, root] = tree[UNIT, root] = 0
    for v in range(root):
        e = arcs + v
        if excess[v] >= 0.0:
            tails[e], heads[e] = v, root
        else:
            tails[e], heads[e] = root, v
        lower[e], upper[e], flow[e], state[e] = 0.0, np.inf, abs(excess[v]), BASIC
        tree[PARENT, v], tree[ARC, v] = root, e
        hang(tree, v, root)


@compiled
def hang(tree: Longs, v: int, parent: int) -> None:
    """Make a node the first child of another."""
    first = tree[FIRST, parent]
    tree[NEXT, v], tree[BEFORE, v] = first, -1
    if first >= 0:
        tree[BEFORE, first] = v
    tree[FIRST, parent] = v


@compiled
def cut(tree: Longs, v: int, parent: int) -> None:
    """Make a node no child of another any more."""
    before, after = tree[BEFORE, v], tree[NEXT, v]
    if before >= 0:
        tree[NEXT, before] = after
    else:
        tree[FIRST, parent] = after
    if after >= 0:
        tree[BEFORE, after] = before


@compiled
def price(tree: Longs, tails: Longs, costs: Floats, prices: Floats, top: int) -> None:
    """Depths and prices of a node and all below it, so that arcs of the tree have reduced cost 0.

    Args:
        tree: `[7, V]`; depths and units are written.
        tails: see `plant`.
        costs: `[E]` without those of artificial arcs, which are one unit.
        prices: `[V]` written.
        top: the node; the prices of its parent hold already.
    """
    v = top
    while True:
        parent, e = tree[PARENT, v], tree[ARC, v]
        if parent >= 0:
            sign = 1 if tails[e] == v else -1
            artificial = e >= len(costs)
            prices[v] = prices[parent] + (0.0 if artificial else sign * costs[e])
            tree[UNIT, v] = tree[UNIT, parent] + (sign if artificial else 0)
            tree[DEPTH, v] = tree[DEPTH, parent] + 1
        if tree[FIRST, v] >= 0:
            v = tree[FIRST, v]
            continue
        while v != top and tree[NEXT, v] < 0:
            v = tree[PARENT, v]
        if v == top:
            return
        v = tree[NEXT, v]


@compiled
def simplex(
    tails: Longs,
    heads: Longs,
    lower: Floats,
    upper: Floats,
    costs: Floats,
    flow: Floats,
    state: Masks,
    tree: Longs,
    prices: Floats,
    pivots: int,
) -> int:
    """Pivot until no arc with a reduced cost of the wrong sign is left, or so many times; call again to go on.

    Args:
        tails, heads, lower, upper, flow, state, tree: see `plant`; the latter three are changed.
        costs: `[E]`.
        prices: `[V]` written.
        pivots: how many at most.

    Returns:
        `OPTIMAL` (feasible, if no artificial arc has flow), `UNBOUNDED` or `UNFINISHED`.
    """
    root, arcs = tree.shape[1] - 1, len(costs)
    prices[root] = 0.0
    price(tree, tails, costs, prices, root)
    block = max(16, int(np.sqrt(arcs)))
    place = 0
    for _ in range(pivots):
        entering, best_unit, best, seen, looked = -1, 0, EPSILON, 0, 0
        while looked < arcs:  # the worst arc of a block, or of the first one after it that has any
            e = place
            place = place + 1 if place + 1 < arcs else 0
            looked += 1
            seen += 1
            if state[e] < BASIC and lower[e] < upper[e]:
                unit = tree[UNIT, heads[e]] - tree[UNIT, tails[e]]
                reduced = costs[e] - prices[tails[e]] + prices[heads[e]]
                if state[e] == UPPER or (state[e] == FREE and (unit > 0 or (unit == 0 and reduced > 0.0))):
                    unit, reduced = -unit, -reduced
                if -unit > best_unit or (-unit == best_unit and -reduced > best):
                    entering, best_unit, best = e, -unit, -reduced
            if seen == block:
                if entering >= 0:
                    break
                seen = 0
        if entering < 0:
            return OPTIMAL
        unit = tree[UNIT, heads[entering]] - tree[UNIT, tails[entering]]
        reduced = costs[entering] - prices[tails[entering]] + prices[heads[entering]]
        more = state[entering] == LOWER or (state[entering] == FREE and (unit < 0 or (unit == 0 and reduced < 0.0)))
        if not pivot(tails, heads, lower, upper, flow, state, tree, entering, more):
            return UNBOUNDED
        if state[entering] == BASIC:
            v = tails[entering]
            price(tree, tails, costs, prices, v if tree[ARC, v] == entering else heads[entering])
    return UNFINISHED


@compiled
def pivot(
    tails: Longs,
    heads: Longs,
    lower: Floats,
    upper: Floats,
    flow: Floats,
    state: Masks,
    tree: Longs,
    entering: int,
    more: bool,
) -> bool:
    """Send flow around the cycle that an arc closes, and change the tree; False if nothing stops it.

    Args:
        tails, heads, lower, upper, flow, state, tree: see `plant`.
        entering: the arc.
        more: whether its flow grows.
    """
    first, second = (tails[entering], heads[entering]) if more else (heads[entering], tails[entering])
    join, other = first, second
    while join != other:
        if tree[DEPTH, join] >= tree[DEPTH, other]:
            join = tree[PARENT, join]
        else:
            other = tree[PARENT, other]
    # down from the join to `first`, over the arc, and up from `second`: of arcs that block, the last one leaves
    delta, out, on_first = upper[entering] - lower[entering], -1, False
    v = first
    while v != join:
        e = tree[ARC, v]
        room = flow[e] - lower[e] if tails[e] == v else upper[e] - flow[e]
        if room < delta:
            delta, out, on_first = room, v, True
        v = tree[PARENT, v]
    v = second
    while v != join:
        e = tree[ARC, v]
        room = upper[e] - flow[e] if tails[e] == v else flow[e] - lower[e]
        if room <= delta and room < np.inf:
            delta, out, on_first = room, v, False
        v = tree[PARENT, v]
    if delta == np.inf:
        return False
    delta = max(delta, 0.0)
    v = first
    while v != join:
        flow[tree[ARC, v]] += -delta if tails[tree[ARC, v]] == v else delta
        v = tree[PARENT, v]
    v = second
    while v != join:
        flow[tree[ARC, v]] += delta if tails[tree[ARC, v]] == v else -delta
        v = tree[PARENT, v]
    if out < 0:
        state[entering] = UPPER if more else LOWER
        flow[entering] = upper[entering] if more else lower[entering]
        return True
    flow[entering] += delta if more else -delta
    leaving = tree[ARC, out]
    down = (tails[leaving] == out) == on_first  # whether its flow has fallen
    state[leaving] = LOWER if down else UPPER
    flow[leaving] = lower[leaving] if down else upper[leaving]
    if leaving >= len(flow) - tree.shape[1] + 1:
        state[leaving] = GONE
    state[entering] = BASIC
    # what hangs below the leaving arc hangs below the entering one from now on
    v, above, arc = (first, second, entering) if on_first else (second, first, entering)
    while True:
        parent, old = tree[PARENT, v], tree[ARC, v]
        cut(tree, v, parent)
        hang(tree, v, above)
        tree[PARENT, v], tree[ARC, v] = above, arc
        if v == out:
            return True
        above, arc, v = v, old, parent
