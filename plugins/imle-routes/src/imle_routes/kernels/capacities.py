"""What no routes within a capacity cost less than, by q-routes with Lagrangean prices.

A q-route is a closed walk from a depot with a load of q, which may serve a client more than once, though not twice with
only one other in between. The cheapest ones, for each load, come from dynamic programming; the cheapest set of them
whose loads add up to all that is asked for costs no more than the best routes (Christofides, Mingozzi and Toth, Exact
algorithms for the vehicle routing problem, Mathematical Programming 20, 1981). Prices for serving a client, which
change all routes by as much, make walks serve each client once, by subgradient steps of Polyak's length.
"""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Floats, Longs, compiled

PATIENCE = 5
"""Steps without a better bound after which steps get shorter."""


@compiled
def q_route_bound(
    distances: Floats, loads: Longs, room: int, depots: int, cost: float, tolerance: float, steps: int
) -> float:
    """Raise the bound, until it meets what is known or steps run out.

    Args:
        distances: `[m, m]` depots come first.
        loads: `[m - depots]` of the clients, at least 1 each.
        room: the most that a vehicle can load.
        depots: how many there are.
        cost: of routes that are known.
        tolerance: by how much less others have to cost, to be better.
        steps: at the most.
    """
    n, total = len(loads), loads.sum()
    least, before = np.empty((depots, room + 1, n, 2)), np.empty((depots, room + 1, n, 2), np.int64)
    route, rest = np.empty(room + 1), np.empty(total + 1)
    home, last, part = np.empty(room + 1, np.int64), np.empty(room + 1, np.int64), np.empty(total + 1, np.int64)
    prices, served = np.zeros(n), np.empty(n, np.int64)
    best, factor, stalled = -np.inf, 1.0, 0
    for _ in range(steps):
        walk(distances, loads, prices, least, before)
        for load in range(1, room + 1):
            route[load] = np.inf
            for depot in range(depots):
                for client in range(n):
                    total_cost = least[depot, load, client, 0] + distances[depots + client, depot]
                    if total_cost < route[load]:
                        route[load], home[load], last[load] = total_cost, depot, client
        rest[0] = 0.0
        for load in range(1, total + 1):
            rest[load] = np.inf
            for own in range(1, min(room, load) + 1):
                if route[own] + rest[load - own] < rest[load]:
                    rest[load], part[load] = route[own] + rest[load - own], own
        if rest[total] == np.inf:
            return best
        bound = prices.sum() + rest[total]
        if bound > best:
            best, stalled = bound, 0
        else:
            stalled += 1
            if stalled == PATIENCE:
                factor, stalled = factor / 2, 0
        served[:] = 0
        left = total
        while left > 0:
            count_served(loads, home[part[left]], part[left], last[part[left]], before, served)
            left -= part[left]
        norm = ((served - 1) ** 2).sum()
        if norm == 0 or best >= cost - tolerance:
            break
        prices += factor * (cost - bound) / norm * (1 - served)
    return best


@compiled
def walk(distances: Floats, loads: Longs, prices: Floats, least: Floats, before: Longs) -> None:
    """Write the cheapest walks from each depot that end at a client with some load, less the prices on the way.

    Args:
        distances, loads: see `q_route_bound`.
        prices: `[clients]`.
        least, before: `[depots, room + 1, clients, 2]` what they cost, and the client before (the number of clients
            stands for the depot); and the same for the cheapest ones with another client before.
    """
    depots, rooms, n, _ = least.shape
    least[:, 0] = np.inf
    for depot in range(depots):
        for load in range(1, rooms):
            for client in range(n):
                first, second, via, other = np.inf, np.inf, -1, -1
                left = load - loads[client]
                if left == 0:
                    first, via = distances[depot, depots + client] - prices[client], n
                elif left > 0:
                    for previous in range(n):
                        turn = 1 if before[depot, left, previous, 0] == client else 0
                        cost = least[depot, left, previous, turn] - prices[client]
                        if previous == client or cost == np.inf:
                            continue
                        cost += distances[depots + previous, depots + client]
                        if cost < first:
                            first, second, via, other = cost, first, previous, via
                        elif cost < second:
                            second, other = cost, previous
                least[depot, load, client, 0], least[depot, load, client, 1] = first, second
                before[depot, load, client, 0], before[depot, load, client, 1] = via, other


@compiled
def count_served(loads: Longs, depot: int, load: int, client: int, before: Longs, served: Longs) -> None:
    """Count the clients of the cheapest walk that ends at one with this load."""
    turn = 0
    while client < len(loads):
        served[client] += 1
        previous = before[depot, load, client, turn]
        load -= loads[client]
        if previous < len(loads):
            turn = 1 if before[depot, load, previous, 0] == client else 0
        client = previous
