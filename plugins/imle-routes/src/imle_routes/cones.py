"""For which costs a closed tour is best, as far as the constraints of Dantzig, Fulkerson and Johnson (1954) tell."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.errors import ObjectiveError
from imle.solvers import NormalCones
from imle.solvers.compiled import Flags, Floats, Longs
from imle_routes.plugin import TSP
from imle_routes.ways import Ways


def normal_cones(ways: Ways, solutions: NDArray[Any], visits: Flags) -> NormalCones:
    """Degrees of all nodes that are visited, and sets of nodes that a tour visits one after the other.

    Of k nodes there are about k^2 / 2 such sets, among which a tour takes as many ways as it may: one less than nodes.

    Args:
        ways: between the nodes.
        solutions: `[N, *shape]` closed tours.
        visits: `[N, n]` the nodes they visit.

    Raises:
        ObjectiveError: a solution is no tour of these nodes; with its row.
    """
    count, shape = len(solutions), solutions.shape[1:]
    flat = solutions.reshape(count, math.prod(shape))
    free = np.zeros(flat.shape, np.bool_)
    found = []
    for row in range(count):
        nodes = np.flatnonzero(visits[row])
        there = (ways.entry >= 0) & visits[row] & visits[row][:, None]
        free[row, ways.entry[there]] = True
        order = _order(ways, flat[row], free[row], there, nodes)
        if order is None:
            raise ObjectiveError(f"{TSP.id}: solution: expected a tour of the nodes to visit, found none", row=row)
        found.append((_sets(order), _degrees(ways, there, nodes, flat.shape[1])))
    most = max((len(sets) for sets, _ in found), default=0), max((len(own) for _, own in found), default=0)
    inequalities = np.zeros((count, most[0], flat.shape[1]), np.bool_)
    equations = np.zeros((count, most[1], flat.shape[1]))
    for row, (sets, degrees) in enumerate(found):
        for number, members in enumerate(sets):
            inside = ways.entry[np.ix_(members, members)]
            inequalities[row, number, inside[inside >= 0]] = True
        equations[row, : len(degrees)] = degrees
    chosen = flat == 1
    return NormalCones(
        inequalities.reshape(count, most[0], *shape).astype(np.float64),
        equations.reshape(count, most[1], *shape),
        (~chosen | ~free).reshape(solutions.shape),
        (chosen | ~free).reshape(solutions.shape),
    )


def _order(ways: Ways, solution: NDArray[Any], free: Flags, there: Flags, nodes: Longs) -> list[int] | None:
    """The nodes as a tour visits them; None if it is none."""
    taken = np.zeros(there.shape, np.bool_)
    taken[there] = solution[ways.entry[there]] == 1
    outside = solution[~free].any() or ((solution != 0) & (solution != 1)).any()
    each = 1 if ways.directed else 2
    if outside or (ways.mirrored and (taken != taken.T).any()):
        return None
    if len(nodes) < 2:
        return None if taken.any() else nodes.tolist()
    if (taken.sum(axis=0)[nodes] != each).any() or (taken.sum(axis=1)[nodes] != each).any():
        return None
    order = [int(nodes[0])]
    before, node = -1, order[0]
    for _ in range(len(nodes) - 1):
        following = [other for other in np.flatnonzero(taken[node]).tolist() if ways.directed or other != before]
        before, node = node, following[0]
        order.append(node)
    return order if len(set(order)) == len(nodes) else None


def _sets(order: list[int]) -> list[list[int]]:
    """Nodes in a row, but for the first: other sets are the rest of one of these, and say the same."""
    k = len(order)
    return [order[start : start + size] for size in range(2, k - 1) for start in range(1, k - size + 1)]


def _degrees(ways: Ways, there: Flags, nodes: Longs, size: int) -> Floats:
    """`[q, size]` that every node is left once and entered once, or has two edges; and that there and back are one."""
    rows: list[Floats] = []
    for node in nodes.tolist():
        out, back = ways.entry[node, there[node]], ways.entry[there[:, node], node]
        equations = [out, back] if ways.directed else [np.concatenate([out, back])]
        rows += [np.isin(np.arange(size), own).astype(np.float64) for own in equations]
    if ways.mirrored:
        for one, other in np.argwhere(np.triu(there)).tolist():
            pair = np.zeros(size)
            pair[ways.entry[one, other]], pair[ways.entry[other, one]] = 1.0, -1.0
            rows.append(pair)
    return np.array(rows).reshape(-1, size)
