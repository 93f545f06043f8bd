"""One row of a fleet: routes by PyVRP's iterated local search, and what no routes cost less than."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyvrp
from pyvrp.stop import StoppingCriterion

from imle.solvers.cancellation import raise_if_cancelled
from imle.solvers.compiled import Floats, Longs
from imle_routes.branching import SearchLimits, doubled, run, warm
from imle_routes.kernels.search import LEVEL, LOWER, UPPER
from imle_routes.units import NEVER, Times

_COST_BITS = 40
"""PyVRP's costs are whole numbers: the largest is below 2**40."""
_WEIGHED = 2.0**60
"""Excess load or lateness times its penalty stays below this."""
_MOST = 400
"""Clients and vehicles up to which there is a bound."""


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

    def drive(self, iterations: int, seconds: float, seed: int) -> list[list[int]] | None:
        """Routes by iterated local search, each from a depot over clients and back; None if none were found that fit.

        Raises:
            CancelledError: no caller waits any more.
        """
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
        costs: list[Any] = [self._whole_costs()]  # PyVRP's stubs want arrays of a shape that none has
        times: list[Any] = [durations]
        data = pyvrp.ProblemData(places, clients, homes, kinds, costs, times)
        best = pyvrp.solve(
            data,
            _stop(iterations, seconds),
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

    def bound(self, cost: float) -> float:
        """What no routes cost less than, by 1-trees; nan for large fleets.

        Capacities and windows only count in that there are as many routes as loads need. Vehicles are copies of their
        depot, which one tour of all clients visits between two routes: those of idle vehicles follow on one another.

        Args:
            cost: of routes that are known.
        """
        depots, clients = len(self.vehicles), len(self.loads)
        copies = np.repeat(np.arange(depots), np.minimum(self.vehicles, clients))
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
        search = doubled(wider, cost)
        run(search, SearchLimits(1, math.inf))
        return float(search.values[UPPER if search.counts[LEVEL] < 0 else LOWER])

    def _whole_costs(self) -> Longs:
        """Costs as PyVRP takes them: not negative, and whole.

        Every client is left once and entered once, so that all ways out of it, or into it, may cost less alike.
        """
        depots = len(self.vehicles)
        costs = self.distances.copy()
        ways = ~np.eye(len(costs), dtype=np.bool_)
        ways[:depots, :depots] = False
        costs[depots:] -= costs[depots:].min(axis=1, keepdims=True, where=ways[depots:], initial=np.inf)
        costs[:, depots:] -= costs[:, depots:].min(axis=0, keepdims=True, where=ways[:, depots:], initial=np.inf)
        costs[~ways] = 0.0
        power = _COST_BITS - int(np.frexp(costs.max())[1])
        return np.rint(np.ldexp(costs, power)).astype(np.int64)


def _stop(iterations: int, seconds: float) -> StoppingCriterion:
    """PyVRP's criterion, asked before each iteration."""
    deadline, left = time.monotonic() + seconds, iterations

    def stop(best_cost: int) -> bool:
        del best_cost
        nonlocal left
        raise_if_cancelled()
        left -= 1
        return left < 0 or time.monotonic() >= deadline

    return stop
