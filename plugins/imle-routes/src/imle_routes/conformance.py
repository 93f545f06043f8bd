"""What `imle check` checks the solvers on; imported by checks and by nothing else.

Solutions are listed: all orders of the nodes, or all ways to share clients out among vehicles, written as the ways
they take.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.testing import Floats, Instance

WHEEL = [("hub", "a"), ("hub", "b"), ("hub", "c"), ("hub", "d"), ("a", "b"), ("b", "c"), ("c", "d"), ("d", "a")]
TOO_LARGE = 1e305
"""Finite; sums of a few thousand of them are not."""


def instances(solver_id: str) -> list[Instance]:
    """Small instances, and all their solutions."""
    offered: dict[str, Callable[[], list[Instance]]] = {"tsp": _tours, "vrp": _fleets}
    return offered[solver_id]()


def _tours() -> list[Instance]:
    some = np.array([1, 1, 0, 1, 1])
    allowed = np.ones((5, 5), np.bool_)
    allowed[0, 1] = allowed[3, 2] = False
    return [
        Instance(
            "5 nodes",
            {},
            solutions=matrices(5, closed_orders(range(5))),
            shape=(5, 5),
            rows={"visit": [None, some, np.ones(5), [0, 1, 1, 1, 0]]},
            bad_objective=np.full((5, 5), TOO_LARGE),
        ),
        Instance(
            "undirected, scores",
            {"directed": False},
            {"sense": "max"},
            solutions=matrices(5, closed_orders(range(5)), mirrored=True),
            shape=(5, 5),
        ),
        Instance(
            "some ways, some nodes",
            {"allowed": allowed, "visit": some},
            solutions=_within(matrices(5, closed_orders([0, 1, 3, 4])), allowed),
        ),
        Instance(
            "open, between two nodes",
            {"closed": False, "start": 1, "end": 3},
            solutions=matrices(4, [(1, 0, 2, 3), (1, 2, 0, 3)], closed=False),
            shape=(4, 4),
            rows={"start": [1, 0, None, 2], "end": [3, None]},
            bad_row={"start": 2, "end": 2},
        ),
        Instance(
            "edges of a wheel",
            {"edges": WHEEL, "directed": False},
            solutions=_edges(WHEEL, closed_orders(["hub", "a", "b", "c", "d"])),
        ),
    ]


def _fleets() -> list[Instance]:
    demands, clients = [0, 2, 1, 3, 2], range(1, 5)
    windows = np.array([[0, 20], [3, 6], [0, 20], [8, 9], [2, 20]])
    durations = np.array([[0, 3, 2, 4, 5], [3, 0, 2, 2, 4], [2, 2, 0, 3, 3], [4, 2, 3, 0, 2], [5, 4, 3, 2, 0]])
    service = [0, 1, 1, 1, 1]
    ends = {"windows": windows, "durations": durations, "service": service}

    def in_time(route: Sequence[int]) -> bool:
        now, before = 0, 0
        for node in (*route, 0):
            now = max(now + service[before] + durations[before, node], windows[node, 0])
            if now > windows[node, 1]:
                return False
            before = node
        return True

    return [
        Instance(
            "4 clients",
            {"demands": demands, "capacity": 5},
            solutions=routes(5, [0], clients, lambda route: sum(demands[node] for node in route) <= 5),
            rows={
                "demands": [demands, [0, 1, 1, 1, 1.5], [9, 0.1, 0.2, 0.3, 5]],
                "capacity": [5, 8, 6.5],
                "visit": [None, [1, 1, 0, 1, 1]],
                "depots": [0, 1, [0, 3]],
            },
            bad_row={"capacity": 2},
            bad_objective=np.full((5, 5), TOO_LARGE),
        ),
        Instance(
            "2 vehicles, scores",
            {"demands": demands, "capacity": 5, "vehicles": 2},
            {"sense": "max"},
            solutions=routes(5, [0], clients, lambda route: sum(demands[node] for node in route) <= 5, most=2),
        ),
        Instance(
            "2 depots, no limits",
            {"depots": [0, 1]},
            solutions=routes(4, [0, 1], range(2, 4), lambda route: True),
            shape=(4, 4),
        ),
        Instance("windows", ends, {"iterations": 30}, solutions=routes(5, [0], clients, in_time)),
    ]


def closed_orders(nodes: Iterable[Any]) -> list[tuple[Any, ...]]:
    """All closed tours of some nodes, from the first of them."""
    first, *others = nodes
    return [(first, *order) for order in itertools.permutations(others)]


def matrices(n: int, orders: Iterable[Sequence[int]], *, closed: bool = True, mirrored: bool = False) -> Floats:
    """`[M, n, n]` the ways that tours take, each set of them once."""
    found = []
    for order in orders:
        taken = np.zeros((n, n))
        for tail, head in _steps(order, closed):
            taken[tail, head] = 1
            if mirrored:
                taken[head, tail] = 1
        found.append(taken)
    return np.unique(np.array(found).reshape(-1, n, n), axis=0)


def _steps(order: Sequence[Any], closed: bool) -> list[tuple[Any, Any]]:
    return [*itertools.pairwise(order), *([(order[-1], order[0])] if closed else [])]


def _within(solutions: Floats, allowed: NDArray[np.bool_]) -> Floats:
    """Those that take allowed ways only."""
    return solutions[~(solutions > allowed).any(axis=(1, 2))]


def _edges(edges: Sequence[tuple[Any, Any]], orders: Iterable[Sequence[Any]]) -> Floats:
    """`[M, E]` closed tours that keep to edges."""
    number = {frozenset(edge): place for place, edge in enumerate(edges)}
    found = set()
    for order in orders:
        taken = [number.get(frozenset(step)) for step in _steps(order, True)]
        if None not in taken:
            found.add(tuple(float(place in taken) for place in range(len(edges))))
    return np.array(sorted(found))


def routes(
    n: int,
    depots: Sequence[int],
    clients: Iterable[int],
    fits: Callable[[Sequence[int]], bool],
    most: int | None = None,
) -> Floats:
    """`[M, n, n]` all ways to serve clients by at most `most` routes that fit, each from one of the depots."""
    found: set[tuple[tuple[int, int], ...]] = set()

    def extend(left: frozenset[int], steps: tuple[tuple[int, int], ...], used: int) -> None:
        if not left:
            found.add(tuple(sorted(steps)))
        elif most is None or used < most:
            first = min(left)
            for size in range(len(left)):
                for others in itertools.combinations(sorted(left - {first}), size):
                    for order in itertools.permutations((first, *others)):
                        if fits(order):
                            for depot in depots:
                                own = tuple(itertools.pairwise((depot, *order, depot)))
                                extend(left - set(order), (*steps, *own), used + 1)

    extend(frozenset(clients), (), 0)
    solutions = np.zeros((len(found), n, n))
    for solution, steps in zip(solutions, found, strict=True):
        for tail, head in steps:
            solution[tail, head] = 1
    return np.unique(solutions, axis=0)
