"""Routes of a fleet with capacities, and with time windows if there are some."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from imle.errors import InstanceError, ObjectiveError
from imle.solvers import BasePrepared, BaseSolver, RowResults, Sense, Shape, SolveResult, SolveStatus, missing_instance
from imle.solvers.cancellation import raise_if_cancelled
from imle.solvers.compiled import Flags, Floats, Longs, read_only
from imle_linear.arrays import finite, numbers, refuse_negative, row_by_row
from imle_networkx.graph import whole
from imle_networkx.masks import masks, read_mask
from imle_routes.branching import resolution
from imle_routes.kernels.split import split
from imle_routes.plugin import VRP
from imle_routes.routing import NO_ROOM, Routing
from imle_routes.units import Times, loads_in_units, times_in_units
from imle_routes.ways import all_ways, number

T = TypeVar("T")

_MOST = 10
"""Clients up to which sets of them are tabled."""
_UNLIMITED = 2**31 - 1


@dataclass(frozen=True)
class VRPSolver(BaseSolver, spec=VRP):
    """Routes of least cost: each client on one of them, each vehicle from its depot and back, within its capacity.

    Up to 10 clients without time windows they are exact, by dynamic programming over sets of clients. Others come from
    PyVRP's iterated local search, `feasible`, with a bound; `optimal` where the bound proves it.

    Args:
        sense: "min" for costs, "max" for scores.
        iterations: of the local search.
        time_limit: seconds per row of the local search; None for no limit. Time is not deterministic, so neither are
            rows that run out.
        seed: of the local search.

    A row for which the search finds no routes is a `timeout`. Several best routes: the same ones every time.

    Raises:
        OptionError: another sense, or a number out of range.
    """

    sense: Sense = "min"
    iterations: int = 200
    time_limit: float | None = None
    seed: int = 0

    def prepare(
        self,
        demands: Any = None,
        capacity: Any = None,
        visit: Any = None,
        depots: Any = 0,
        vehicles: Any = None,
        windows: Any = None,
        durations: Any = None,
        service: Any = None,
    ) -> PreparedVRP:
        """Bind to clients and vehicles. Objectives are costs `[n, n]`, from each node, also depots, to each other.

        Args:
            demands: `[n]` what each client gets (or all that each gives), not negative; of depots it does not matter.
            capacity: of each vehicle, not negative. None, beside no demands, is without limit.
            visit: `[n]` of bool or 0/1, the clients to visit; None for all.
            depots: a node, or several: vehicles end where they start.
            vehicles: how many at each depot; None for as many as are needed.
            windows: `[n, 2]` when service begins at the earliest and at the latest (infinity for no limit), and for
                depots when vehicles leave at the earliest and are back at the latest.
            durations: `[n, n]` how long ways take, beside windows.
            service: `[n]` how long service takes, beside windows; None for no time. Of depots it does not matter.

        Raises:
            InstanceError: other shapes, or numbers that are negative or not finite; windows without durations.
                (Durations without windows wait for those of rows.)
        """
        who = VRP.id
        if windows is not None and durations is None:
            raise InstanceError(f"{who}: durations: expected the durations of all ways beside windows, found None")
        count = whole(vehicles)
        if vehicles is not None and (count is None or count < 1):
            raise InstanceError(f"{who}: vehicles: expected None or a whole number >= 1, found {vehicles!r}")
        sizes = []
        own_demands = None if demands is None else _amounts("demands", demands, 1)
        times = None
        if windows is not None:
            times = _times(windows, durations, service)
            sizes.append(len(times.early))
        if own_demands is not None:
            sizes.append(len(own_demands))
        mask = None if visit is None else read_mask(who, visit, (None,), name="visit", hint="True for a visit")
        if mask is not None:
            sizes.append(len(mask))
        if len(set(sizes)) > 1:
            found = ", ".join(map(str, sizes))
            raise InstanceError(f"{who}: expected demands, visit and windows of as many nodes, found {found}")
        return PreparedVRP(
            self,
            sizes[0] if sizes else None,
            own_demands,
            None if capacity is None else _capacity(capacity),
            mask,
            depots,
            _UNLIMITED if count is None else count,
            times,
            awaits_windows=times is None and (durations is not None or service is not None),
        )


@dataclass(frozen=True, eq=False)
class PreparedVRP(BasePrepared):
    """Clients and vehicles.

    Attributes:
        solver: the options.
        nodes: how many there are; None if that is not known.
        demands: `[n]`, in all rows that have none of their own; None if rows bring them, or there are no limits.
        capacity: likewise.
        visit: `[n]` the clients to visit, likewise; None for all.
        depots: a node or several, likewise.
        vehicles: at each depot.
        times: when clients can be served; None for any time.
        awaits_windows: there are durations or service times, so that rows have to bring windows.
    """

    solver: VRPSolver
    nodes: int | None
    demands: Floats | None
    capacity: float | None
    visit: Flags | None
    depots: Any
    vehicles: int
    times: Times | None
    awaits_windows: bool

    @property
    def objective_shape(self) -> Shape:
        """`(n, n)`."""
        return (self.nodes, self.nodes)

    def solve(
        self,
        objective: Floats,
        *,
        demands: Sequence[Any] | None = None,
        capacity: Sequence[Any] | None = None,
        visit: Sequence[Any] | None = None,
        depots: Sequence[Any] | None = None,
    ) -> SolveResult:
        """Find routes per row.

        Args:
            objective: `[N, n, n]` costs, or scores if sense is "max"; of the diagonal, and between depots, they do not
                matter.
            demands: `[N, n]`, instead of the fixed ones.
            capacity: `[N]` numbers, likewise.
            visit: `[N, n]`, likewise.
            depots: `[N]` nodes, or several each, likewise.

        Returns:
            `[N, n, n]`, 1 for the ways that vehicles take. A row of which loads do not fit into the vehicles is
            infeasible, as is one with a client whose window is closed whenever a vehicle can be there.

        Raises:
            InstanceError: demands without a capacity, or the other way round, durations without windows, other shapes,
                negative numbers, no such nodes; names the row.
            ObjectiveError: costs of another shape.
        """
        rows = RowResults(VRP.id, self.solver.sense, objective, self.objective_shape, dtype=np.int8)
        count, n, m = rows.objective.shape
        if n != m:
            raise ObjectiveError(f"{VRP.id}: expected costs of shape [N, n, n], found {list(rows.objective.shape)}")
        if not (n and count):
            return rows.result()
        if self.awaits_windows:
            raise missing_instance(VRP.id, "windows missing beside durations or service times", "windows=...")
        own_demands, rooms = self._loads(demands, capacity, count, n)
        visits = masks(VRP.id, self.visit, visit, count, (n,), name="visit", hint="True for a visit")
        visits = np.broadcast_to(True if visits is None else visits, (count, n))
        fixed = _depots(self.depots, n) if depots is None else None
        own_depots = _per_row("depots", depots, fixed, count, lambda own: _depots(own, n))
        distances = all_ways(n, None, directed=True).distances(rows, self.solver.sense)
        fleets: dict[tuple[int, int], list[tuple[int, Longs, Routing]]] = {}
        for row in rows.open.tolist():
            raise_if_cancelled()
            clients = visits[row].copy()
            clients[own_depots[row]] = False
            nodes = np.concatenate([own_depots[row], np.flatnonzero(clients)])
            fleet = self._fleet(distances[row], nodes, len(own_depots[row]), own_demands[row], rooms[row])
            lacking = fleet.lacking(nodes)
            if lacking:
                rows.end(row, SolveStatus.INFEASIBLE, lacking)
            elif not len(fleet.loads):
                continue  # nothing to do
            elif len(fleet.loads) > _MOST or self.times is not None or not self._as_needed(fleet):
                self._drive(rows, row, nodes, fleet)
            else:
                fleets.setdefault((len(fleet.vehicles), len(fleet.loads)), []).append((row, nodes, fleet))
        for group in fleets.values():
            raise_if_cancelled()
            self._split(rows, group)
        return rows.result()

    def _loads(
        self, demands: Sequence[Any] | None, capacity: Sequence[Any] | None, count: int, n: int
    ) -> tuple[list[Floats], list[float]]:
        """Demands `[n]` and the capacity of each row."""
        if demands is None and self.demands is None and capacity is None and self.capacity is None:
            return [np.zeros(n)] * count, [0.0] * count

        def amounts(given: Any) -> Floats:
            found = _amounts("demands", given, 1)
            if len(found) != n:
                raise InstanceError(f"{VRP.id}: demands: expected {n}, one per node, found {len(found)}")
            return found

        return (
            _per_row("demands", demands, self.demands, count, amounts),
            _per_row("capacity", capacity, self.capacity, count, _capacity),
        )

    def _fleet(self, distances: Floats, nodes: Longs, depots: int, demands: Floats, capacity: float) -> Routing:
        """The vehicles and clients of one row."""
        loads, room = loads_in_units(demands[nodes[depots:]], capacity)
        times = self.times
        if times is not None:
            pick = np.ix_(nodes, nodes)
            times = Times(times.durations[pick], times.early[nodes], times.late[nodes], times.service[nodes])
        vehicles = np.full(depots, min(self.vehicles, len(loads)))
        return Routing(distances[np.ix_(nodes, nodes)], loads, room, vehicles, times)

    def _as_needed(self, fleet: Routing) -> bool:
        """Whether no depot can run out of vehicles before another one does."""
        return len(fleet.vehicles) == 1 or int(fleet.vehicles[0]) == len(fleet.loads)

    def _split(self, rows: RowResults, group: list[tuple[int, Longs, Routing]]) -> None:
        """Solve rows with as many depots and clients exactly."""
        fleets = [fleet for _, _, fleet in group]
        costs = read_only(np.array([fleet.distances for fleet in fleets]))
        loads, rooms = np.array([fleet.loads for fleet in fleets]), np.array([fleet.room for fleet in fleets])
        taken, found = np.zeros(costs.shape, np.int8), np.zeros(len(group), np.bool_)
        vehicles = fleets[0].vehicles
        split(costs, loads, rooms, int(vehicles[0]), len(vehicles), taken, found)
        for (row, nodes, _), own, fits in zip(group, taken, found.tolist(), strict=True):
            if fits:
                rows.solutions[row][np.ix_(nodes, nodes)] = own
            else:
                rows.end(row, SolveStatus.INFEASIBLE, NO_ROOM)

    def _drive(self, rows: RowResults, row: int, nodes: Longs, fleet: Routing) -> None:
        """Solve one row by local search, as well as it can."""
        options = self.solver
        routes = fleet.drive(options.iterations, options.time_limit or math.inf, options.seed)
        if routes is None:
            rows.end(row, SolveStatus.TIMEOUT, "the search found no routes within capacities and windows")
            return
        steps = np.array([step for route in routes for step in pairwise(route)]).reshape(-1, 2).T
        taken = fleet.distances[steps[0], steps[1]]
        rows.solutions[row, nodes[steps[0]], nodes[steps[1]]] = 1
        cost, tolerance = float(taken.sum()), resolution(taken, fleet.distances)
        bound = fleet.bound(cost, tolerance)
        if not cost - bound <= tolerance:
            rows.bounds[row] = -bound if options.sense == "max" else bound
            rows.end(row, SolveStatus.FEASIBLE, "the best routes that local search has found")


def _per_row(name: str, given: Sequence[Any] | None, fixed: T | None, count: int, read: Callable[[Any], T]) -> list[T]:
    """What each row has of a parameter: its own, or what all share.

    Raises:
        InstanceError: neither, another number of them, or what `read` raises; names the row.
    """
    if given is None:
        if fixed is None:
            raise missing_instance(VRP.id, f"{name} missing", f"{name}=...")
        return [fixed] * count
    if len(given) != count:
        raise InstanceError(f"{VRP.id}: {name}: expected one per row, {count} in all, found {len(given)}")
    return row_by_row(given, read)


def _amounts(name: str, given: Any, dimensions: int) -> Floats:
    """An array of numbers that are finite and not negative.

    Raises:
        InstanceError: another number of dimensions, or other entries.
    """
    found = finite(f"{VRP.id}: {name}", given)
    if found.ndim != dimensions:
        wanted = "[n]" if dimensions == 1 else "[n, n]"
        raise InstanceError(f"{VRP.id}: {name}: expected shape {wanted}, found {list(found.shape)}")
    refuse_negative(f"{VRP.id}: {name}", found, "count pickups or deliveries, and times from the first window on")
    return found


def _capacity(given: Any) -> float:
    """A number that is finite and not negative.

    Raises:
        InstanceError: something else.
    """
    where = f"{VRP.id}: capacity"
    found = finite(where, given)
    if found.ndim:
        raise InstanceError(f"{where}: expected a number, the same for all vehicles, found shape {list(found.shape)}")
    refuse_negative(where, found, "0 is room for clients without demand only")
    return float(found)


def _times(windows: Any, durations: Any, service: Any) -> Times:
    """Windows, durations and service times of as many nodes.

    Raises:
        InstanceError: other shapes or numbers, or a window that closes before it opens.
    """
    ways = _amounts("durations", durations, 2)
    n = len(ways)
    found = numbers(f"{VRP.id}: windows", windows)
    if ways.shape != (n, n):
        raise InstanceError(f"{VRP.id}: durations: expected shape [n, n], found {list(ways.shape)}")
    if found.shape != (n, 2):
        raise InstanceError(
            f"{VRP.id}: windows: expected shape [{n}, 2], a pair (earliest, latest) for each node of durations, "
            f"found {list(found.shape)}"
        )
    bad = np.flatnonzero(~((found[:, 0] >= 0) & (found[:, 0] <= found[:, 1]) & np.isfinite(found[:, 0])))
    if len(bad):
        node = int(bad[0])
        raise InstanceError(
            f"{VRP.id}: windows: expected 0 <= earliest <= latest, found {found[node].tolist()} at node {node}"
        )
    stays = np.zeros(n) if service is None else _amounts("service", service, 1)
    if len(stays) != n:
        raise InstanceError(f"{VRP.id}: service: expected {n}, one per node, found {len(stays)}")
    return times_in_units(found, ways, stays)


def _depots(given: Any, n: int) -> Longs:
    """Node numbers of one depot or more.

    Raises:
        InstanceError: no such nodes, none, or one twice.
    """
    several = given.tolist() if hasattr(given, "tolist") else given
    several = list(several) if isinstance(several, (list, tuple)) else [several]
    found = [number(VRP.id, "depots", node, n) for node in several]
    if not found or len(set(found)) < len(found):
        raise InstanceError(f"{VRP.id}: depots: expected one node or more, each once, found {given!r}")
    return np.array(found, np.int64)
