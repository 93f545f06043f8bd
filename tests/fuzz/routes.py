"""Tours and routes of fleets, all listed: orders of the nodes, and ways to share clients out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from fuzz.case import Case, Floats, literal
from fuzz.sets import ROWS, case, senses

Generator = np.random.Generator
Step = tuple[int, int]


def tour(target: str, rng: Generator) -> Case:
    """Closed and open tours, of all nodes or some, there and back or one way, by all ways or those of a list."""
    n, directed, closed = int(rng.integers(3, 6)), bool(rng.random() < 0.5), bool(rng.random() < 0.5)
    kinds = [_nodes(rng, n, closed) for _ in range(3)] if rng.random() < 0.5 else [_nodes(rng, n, closed)]
    pairs = list(itertools.permutations(range(n), 2) if directed else itertools.combinations(range(n), 2))
    instance = {"directed": str(directed), "closed": str(closed)}
    listed = None
    if rng.random() < 0.4:
        chosen = rng.permutation(len(pairs))[: int(rng.integers(n, len(pairs) + 1))]
        listed = [pairs[place] for place in chosen.tolist()]
        instance |= {"edges": literal(listed), "nodes": str(n)}
    elif rng.random() < 0.4:
        allowed = rng.random((n, n)) < 0.8
        instance["allowed"] = f"np.array({literal(allowed)})"
        pairs = [pair for pair in pairs if allowed[pair] and (directed or allowed[pair[::-1]])]
    ways = pairs if listed is None else listed
    sets = [_tours(n, visit, start, end, closed, directed, ways, listed) for visit, start, end in kinds]
    given: dict[str, list[Any]] = {"visit": [visit for visit, _, _ in kinds]}
    if not closed:
        given |= {"start": [start for _, start, _ in kinds], "end": [end for _, _, end in kinds]}
    shape = (n, n) if listed is None else (len(listed),)
    sense = senses(rng)
    if len(kinds) == 1:
        instance |= {name: literal(values[0]) for name, values in given.items()}
        return case(rng, target.split("/")[1], sense, instance, sets, shape=shape)
    which = rng.integers(0, 3, ROWS)
    rows = {name: [values[kind] for kind in which.tolist()] for name, values in given.items()}
    return case(rng, target.split("/")[1], sense, instance, sets, shape=shape, which=which, rows=rows)


def _nodes(rng: Generator, n: int, closed: bool) -> tuple[list[int], int | None, int | None]:
    """Nodes to visit, three or more, and the ends of an open tour."""
    visit = np.zeros(n, np.int64)
    chosen = rng.permutation(n)[: int(rng.integers(3, n + 1))]
    visit[chosen] = 1
    start, end = (None if closed or rng.random() < 0.5 else int(chosen[place]) for place in (0, 1))
    return visit.tolist(), start, end


def _tours(
    n: int,
    visit: Sequence[int],
    start: int | None,
    end: int | None,
    closed: bool,
    directed: bool,
    ways: Sequence[Step],
    listed: Sequence[Step] | None,
) -> Floats:
    """All tours: `[M, n, n]`, or `[M, E]` where edges are listed."""
    there = set(ways) | (set() if directed else {(head, tail) for tail, head in ways})
    found = set()
    for order in itertools.permutations(node for node in range(n) if visit[node]):
        if start in (None, order[0]) and end in (None, order[-1]):
            steps = {*itertools.pairwise(order), *([(order[-1], order[0])] if closed else [])}
            if steps <= there:
                steps |= set() if directed else {(head, tail) for tail, head in steps}
                found.add(frozenset(steps))
    if listed is not None:
        return np.array([[float(edge in steps) for edge in listed] for steps in found]).reshape(-1, len(listed))
    return _matrices(n, found)


def _matrices(n: int, found: set[frozenset[Step]]) -> Floats:
    masks = np.zeros((len(found), n, n))
    for mask, steps in zip(masks, found, strict=True):
        for step in steps:
            mask[step] = 1
    return masks


def fleet(target: str, rng: Generator) -> Case:
    """Demands that are whole, or decimals, of which capacities are sums; one depot or two; some rows have their own."""
    n = int(rng.integers(2, 6))
    depots = rng.permutation(n)[: 1 if n < 4 or rng.random() < 0.7 else 2].tolist()
    vehicles = int(rng.integers(1, 4)) if len(depots) == 1 and rng.random() < 0.4 else None
    kinds = []
    for _ in range(3):
        tenths = rng.integers(0, 6, n).tolist()
        kinds.append((tenths, int(rng.integers(3, 12)), (rng.random(n) < 0.8).astype(int).tolist()))
    unit = int(rng.choice([1, 10]))
    sets = [_routes(n, depots, vehicles, *kind) for kind in kinds]
    given = {
        "demands": [[amount / unit for amount in amounts] for amounts, _, _ in kinds],
        "capacity": [room / unit for _, room, _ in kinds],
        "visit": [visit for _, _, visit in kinds],
    }
    instance = {"depots": literal(depots), "vehicles": str(vehicles)}
    if rng.random() < 0.5:
        instance |= {name: literal(values[0]) for name, values in given.items()}
        return case(rng, target.split("/")[1], senses(rng), instance, sets[:1], shape=(n, n))
    which = rng.integers(0, 3, ROWS)
    rows = {name: [values[kind] for kind in which.tolist()] for name, values in given.items()}
    return case(rng, target.split("/")[1], senses(rng), instance, sets, shape=(n, n), which=which, rows=rows)


def _routes(
    n: int, depots: Sequence[int], vehicles: int | None, amounts: Sequence[int], room: int, visit: Sequence[int]
) -> Floats:
    """`[M, n, n]` all routes of vehicles that carry no more than there is room."""
    clients = [node for node in range(n) if visit[node] and node not in depots]
    found = set()
    for order in itertools.permutations(clients):
        for cuts in itertools.product([False, True], repeat=max(0, len(order) - 1)):
            parts = list(_cut(order, cuts))
            if (vehicles is None or len(parts) <= vehicles) and all(
                sum(amounts[node] for node in part) <= room for part in parts
            ):
                for homes in itertools.product(depots, repeat=len(parts)):
                    routes = ((home, *part, home) for home, part in zip(homes, parts, strict=True))
                    found.add(frozenset(step for route in routes for step in itertools.pairwise(route)))
    return _matrices(n, found)


def _cut(order: Sequence[int], cuts: Sequence[bool]) -> Iterator[tuple[int, ...]]:
    """Consecutive parts of an order of clients."""
    begin = 0
    for place, cut in enumerate(cuts, 1):
        if cut:
            yield tuple(order[begin:place])
            begin = place
    if order:
        yield tuple(order[begin:])


DRAWS: dict[str, Callable[[str, Generator], Case]] = {"routes/tsp": tour, "routes/vrp": fleet}
