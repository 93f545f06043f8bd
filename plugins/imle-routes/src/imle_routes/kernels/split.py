"""Best routes of a fleet by dynamic programming over sets of clients: the best route of each set, then sets of sets.

Routes as by Held and Karp (see `held_karp`), from each depot; then the best way to split all clients into routes, of
which the one with the client of the lowest number is chosen first.
"""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Flags, Floats, Longs, Masks, compiled


@compiled
def split(
    distances: Floats, loads: Longs, rooms: Longs, vehicles: int, depots: int, solutions: Masks, found: Flags
) -> None:
    """Find the best routes of each row.

    Args:
        distances: `[N, m, m]` depots come first, then at least one client.
        loads: `[N, m - depots]` of the clients.
        rooms: `[N]` the most that a vehicle can load.
        vehicles: at each depot; as many as there are clients where `depots` is more than 1.
        depots: how many there are.
        solutions: `[N, m, m]` zeros; 1 is written for the ways that vehicles take.
        found: `[N]` whether there are routes.
    """
    rows, m, _ = distances.shape
    n = m - depots
    sets = 1 << n
    least = np.empty((depots, sets, n))  # of the ways from a depot that visit a set and end at a node of it
    route, start = np.empty(sets), np.empty(sets, np.int64)
    total = np.empty((vehicles + 1, sets))
    chosen = np.empty((vehicles + 1, sets), np.int64)
    for row in range(rows):
        route[:] = np.inf
        for depot in range(depots):
            own = distances[row]
            for visited in range(1, sets):
                load = 0
                for last in range(n):
                    if visited >> last & 1:
                        load += loads[row, last]
                if load > rooms[row]:
                    least[depot, visited] = np.inf
                    continue
                for last in range(n):
                    best = np.inf
                    if visited >> last & 1:
                        before = visited & ~(1 << last)
                        if before == 0:
                            best = own[depot, depots + last]
                        for previous in range(n):
                            if before >> previous & 1:
                                step = own[depots + previous, depots + last]
                                best = min(best, least[depot, before, previous] + step)
                        closed = best + own[depots + last, depot]
                        if closed < route[visited]:
                            route[visited], start[visited] = closed, depot
                    least[depot, visited, last] = best
        total[:] = np.inf
        total[:, 0] = 0.0
        used = 0
        for count in range(1, vehicles + 1):
            changed = False
            for visited in range(1, sets):
                lowest = visited & -visited
                rest = visited ^ lowest
                best, part = total[count - 1, visited], -1
                others = rest
                while True:  # all sets of clients that share a route with the lowest one
                    together = others | lowest
                    cost = route[together] + total[count - 1, visited ^ together]
                    if cost < best:
                        best, part = cost, together
                    if others == 0:
                        break
                    others = (others - 1) & rest
                total[count, visited], chosen[count, visited] = best, part
                changed = changed or part >= 0
            used = count
            if not changed:
                break
        found[row] = total[used, sets - 1] < np.inf
        visited = sets - 1 if found[row] else 0
        while visited:
            while chosen[used, visited] < 0:
                used -= 1
            together = chosen[used, visited]
            used -= 1
            visited ^= together
            depot = start[together]
            after = depot
            while together:
                cheapest, before = np.inf, -1
                for last in range(n):
                    if together >> last & 1:
                        cost = least[depot, together, last] + distances[row, depots + last, after]
                        if cost < cheapest:
                            cheapest, before = cost, last
                solutions[row, depots + before, after] = 1
                after = depots + before
                together &= ~(1 << before)
            solutions[row, depot, after] = 1
