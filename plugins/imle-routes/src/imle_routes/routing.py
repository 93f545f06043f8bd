"""One row of a fleet: routes by PyVRP's iterated local search, and what no routes cost less than."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyvrp
from pyvrp.stop import StoppingCriterion

from imle.solvers.cancellation import raise_if_cancelled
from imle.solvers.compiled import Floats, Longs, read_only
from imle_routes.branching import SearchLimits, doubled, run, warm
from imle_routes.kernels.capacities import q_route_bound
from imle_routes.kernels.search import LEVEL, LOWER, UPPER
from imle_routes.units import NEVER, Times

_COST_BITS = 40
"""PyVRP's costs are whole numbers: the largest is below 2**40."""
_COARSE = 2.0**20
"""Where the largest is so many times as large as all that routes cost, the others are left with too few bits."""
_WEIGHED = 2.0**60
"""Excess load or lateness times its penalty stays below this."""
_UNITS, _STEPS = 100, 200
"""Loads of a vehicle that bounds tell apart, and their subgradient steps."""
_WORK, _FEWEST = 200_000_000, 20
"""Combinations of two clients, or of two loads, that a bound may look at: some tenths of a second; and the steps that
make it worth while."""
_MOST = 400
"""Clients and vehicles up to which there is a bound."""


NO_ROOM = "the demands do not fit into the vehicles"


@dataclass(frozen=True, eq=False)
class Routing:
    """Vehicles and clients of one row. Depots come first among the nodes, then clients.

    Attributes:
        distances: `[m, m]` what ways cost.
        loads: `[m - depots]` of the clients.
        room: the most that a vehicle can load.
        vehicles: `[depots]` how many start and end at each depot.
        times: of the nodes; None if there are no windows.
    """

    distances: Floats
    loads: Longs
    room: int
    vehicles: Longs
    times: Times | None

    def lacking(self, nodes: Longs) -> str:
        """Why there are no routes, where that is plain; else "".

        Args:
            nodes: what the user calls them.
        """
        depots = len(self.vehicles)
        large = np.flatnonzero(self.loads > self.room)
        if len(large):
            return f"the demand of node {nodes[depots + large[0]]} is larger than the capacity"
        if int(self.loads.sum()) > self.room * int(self.vehicles.sum()):
            return NO_ROOM
        late = [] if self.times is None else self._out_of_reach(self.times)
        return f"no vehicle can be at node {nodes[late[0]]} within its window, and back in time" if late else ""

    def _out_of_reach(self, times: Times) -> list[int]:
        """Clients that no way from a depot reaches in time, by whatever nodes, or that none leads back from in time."""
        ways, early, late, service = times
        depots = len(self.vehicles)
        ways = ways.copy()
        np.fill_diagonal(ways, 0)
        for node in range(len(ways)):  # Floyd and Warshall
            np.minimum(ways, ways[:, node, None] + ways[node], out=ways)
        begun = np.maximum((early[:depots, None] + ways[:depots, depots:]), early[depots:])  # [depots, clients]
        back = begun + service[depots:] + ways[depots:, :depots].T
        reached = ((begun <= late[depots:]) & (back <= late[:depots, None])).any(axis=0)
        found: list[int] = (depots + np.flatnonzero(~reached)).tolist()
        return found

    def drive(self, iterations: int, seconds: float, seed: int) -> list[list[int]] | None:
        """Routes by iterated local search, each from a depot over clients and back; None if none were found that fit.

        Raises:
            CancelledError: no caller waits any more.
        """
        deadline = time.monotonic() + seconds
        costs = self._reduced_costs()
        routes = self._search(costs, iterations, deadline, seed)
        spent = math.inf if routes is None else _cost(costs, routes)
        if not 0 < spent * _COARSE < costs.max():
            return routes
        # ways so dear, which nobody takes, left no digits to the others in PyVRP's whole numbers
        finer = self._search(np.minimum(costs, 2 * spent), iterations, deadline, seed)
        return finer if finer is not None and _cost(costs, finer) < spent else routes

    def _search(self, costs: Floats, iterations: int, deadline: float, seed: int) -> list[list[int]] | None:
        m, depots = len(self.distances), len(self.vehicles)
        none = np.zeros((m, m), np.int64)
        early, late, service, durations = none[0], np.full(m, NEVER), none[0], none
        if self.times is not None:
            durations, early, late, service = self.times
            durations = durations.copy()
            np.fill_diagonal(durations, 0)
        clients = [
            pyvrp.Client(
                node,
                [int(load)],
                service_duration=int(service[node]),
                tw_early=int(early[node]),
                tw_late=int(late[node]),
            )
            for node, load in enumerate(self.loads.tolist(), depots)
        ]
        homes = [pyvrp.Depot(node, tw_early=int(early[node]), tw_late=int(late[node])) for node in range(depots)]
        kinds = [
            pyvrp.VehicleType(count, [self.room], start_depot=node, end_depot=node)
            for node, count in enumerate(self.vehicles.tolist())
        ]
        places = [pyvrp.Location(0, 0)] * m
        ways: list[Any] = [np.rint(np.ldexp(costs, _COST_BITS - int(np.frexp(costs.max())[1]))).astype(np.int64)]
        times: list[Any] = [durations]  # PyVRP's stubs want arrays of a shape that none has
        data = pyvrp.ProblemData(places, clients, homes, kinds, ways, times)
        best = pyvrp.solve(
            data,
            _stop(iterations, deadline),
            seed=seed,
            collect_stats=False,
            params=pyvrp.SolveParams(penalty=pyvrp.PenaltyParams(max_penalty=_WEIGHED / max(1, self._longest()))),
        ).best
        if not (best.is_feasible() and best.is_complete()):
            return None
        return [
            [route.start_depot(), *(depots + stop.idx for stop in route if stop.is_client()), route.end_depot()]
            for route in best.routes()
        ]

    def _longest(self) -> int:
        """The most that loads, or times on the way, add up to."""
        loads = int(self.loads.sum())
        if self.times is None:
            return loads
        durations, early, _, service = self.times
        return max(loads, int(early.max()) + len(early) * int(durations.max() + service.max()))

    def bound(self, cost: float, tolerance: float) -> float:
        """What no routes cost less than; nan for large fleets. Windows do not count.

        Args:
            cost: of routes that are known.
            tolerance: by how much less others have to cost, to be better.
        """
        found = self._tour_bound(cost, tolerance)
        if found >= cost - tolerance or not self.room < int(self.loads.sum()):
            return found
        return float(np.fmax(found, self._load_bound(cost, tolerance)))

    def _tour_bound(self, cost: float, tolerance: float) -> float:
        """That of 1-trees; nan where there are too many nodes.

        Capacities only count in that there are as many routes as loads need. Vehicles are copies of their depot, which
        one tour of all clients visits between two routes: those of idle vehicles follow on one another. Of several
        depots each has one copy more, where the tour goes on to the next depot.
        """
        depots, clients = len(self.vehicles), len(self.loads)
        copies = np.repeat(np.arange(depots), np.minimum(self.vehicles, clients) + (depots > 1))
        if len(copies) + clients > _MOST:
            return math.nan
        warm()
        nodes = np.concatenate([copies, np.arange(depots, depots + clients)])
        wider = self.distances[np.ix_(nodes, nodes)]
        wider[: len(copies), : len(copies)] = 0.0
        if depots == 1 and self.room:
            busy = -(-int(self.loads.sum()) // self.room) - 1  # one more block of copies has a route on either side
            wider[:busy, : len(copies)] = wider[: len(copies), :busy] = np.inf
        np.fill_diagonal(wider, np.inf)
        search = doubled(wider, cost, tolerance)
        run(search, SearchLimits(1, math.inf))
        return float(search.values[UPPER if search.counts[LEVEL] < 0 else LOWER])

    def _load_bound(self, cost: float, tolerance: float) -> float:
        """That of q-routes; nan where it takes too long.

        Loads are rounded down to some dozens of units, and all are at least one, for which vehicles have room.
        """
        depots, clients = len(self.vehicles), len(self.loads)
        unit = max(1, -(-self.room // _UNITS))
        loads = self.loads // unit
        room = self.room // unit + int((loads == 0).sum())
        loads = np.maximum(loads, 1)
        steps = _WORK // (depots * clients**2 * room + int(loads.sum()) * room)
        if steps < _FEWEST:
            return math.nan
        costs = read_only(self.distances)
        return float(q_route_bound(costs, read_only(loads), room, depots, cost, tolerance, min(steps, _STEPS)))

    def _reduced_costs(self) -> Floats:
        """Costs that are not negative, as PyVRP wants them.

        Every client is left once and entered once, so that all ways out of it, or into it, may cost less alike.
        """
        depots = len(self.vehicles)
        costs = self.distances.copy()
        ways = ~np.eye(len(costs), dtype=np.bool_)
        ways[:depots, :depots] = False
        costs[depots:] -= costs[depots:].min(axis=1, keepdims=True, where=ways[depots:], initial=np.inf)
        costs[:, depots:] -= costs[:, depots:].min(axis=0, keepdims=True, where=ways[:, depots:], initial=np.inf)
        costs[~ways] = 0.0
        return costs


def _cost(costs: Floats, routes: list[list[int]]) -> float:
    return float(sum(costs[step] for route in routes for step in pairwise(route)))


def _stop(iterations: int, deadline: float) -> StoppingCriterion:
    """PyVRP's criterion, asked before each iteration."""
    left = iterations

    def stop(best_cost: int) -> bool:
        del best_cost
        nonlocal left
        raise_if_cancelled()
        left -= 1
        return left < 0 or time.monotonic() >= deadline

    return stop
