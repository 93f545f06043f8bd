"""Tours and fleets: the compiled solvers and the solvers that people use for them

Tours against CP-SAT's circuit constraint, with one worker, where the model is built once and only the objective
changes; costs are whole, so that both prove the same values. Tours of 60 nodes are measured alone. Small fleets against
PyVRP alone, which proves nothing, with as many iterations as the solver's default; larger fleets are PyVRP's own work,
and the line shows what is put on top of it.
"""

from __future__ import annotations

import numpy as np
import pyvrp
from numpy.typing import NDArray
from ortools.sat.python import cp_model
from pyvrp.stop import MaxIterations

from benchmarks.harness import Claim, race
from imle_routes.tsp import TSPSolver
from imle_routes.vrp import VRPSolver

Floats = NDArray[np.float64]
BATCH = {10: 320, 13: 64, 20: 16}
FEW = {10: 4, 13: 2, 20: 1}
"""Rows that the reference solves."""
TARGETS = {10: 50, 13: 10, 20: 10}
LARGE = 60
"""Nodes that CP-SAT with one worker does not master in minutes."""
FLEET = 200
"""Iterations of local search."""


class KeptCircuit:
    """A CP-SAT model of the tours of n nodes; only its objective changes."""

    def __init__(self, n: int) -> None:
        self.model, self.solver = cp_model.CpModel(), cp_model.CpSolver()
        self.ways = [(i, j) for i in range(n) for j in range(n) if i != j]
        self.taken = [self.model.new_bool_var("") for _ in self.ways]
        self.model.add_circuit([(i, j, one) for (i, j), one in zip(self.ways, self.taken, strict=True)])
        self.solver.parameters.num_workers = 1

    def solve(self, costs: Floats) -> list[float]:
        """The best values of whole costs `[N, n, n]`."""
        found = []
        for own in costs:
            coefficients = [int(own[way]) for way in self.ways]
            self.model.minimize(cp_model.LinearExpr.weighted_sum(self.taken, coefficients))
            assert self.solver.solve(self.model) == cp_model.OPTIMAL
            found.append(self.solver.objective_value)
        return found


def on_a_plane(rng: np.random.Generator, rows: int, n: int) -> Floats:
    """Distances of places in a square of side 10,000, to whole numbers."""
    places = rng.random((rows, n, 2)) * 10_000
    return np.rint(np.linalg.norm(places[:, :, None] - places[:, None], axis=3))


def tour(name: str, costs: Floats, target: float, rounds: int) -> Claim:
    """Seconds per row of both."""
    n = costs.shape[1]
    few, ours, circuit = costs[: FEW[n]], TSPSolver().prepare(), KeptCircuit(n)
    values = ours.solve(costs).values
    assert values is not None
    assert values[: len(few)].tolist() == circuit.solve(few)
    times = race({"ours": lambda: ours.solve(costs), "circuit": lambda: circuit.solve(few)}, rounds=rounds)
    return Claim(
        name, times["ours"] / len(costs), times["circuit"] / len(few), target=target, note="per row, over CP-SAT"
    )


def large(rng: np.random.Generator) -> Claim:
    """Seconds per row of tours that are beyond the reference."""
    costs, ours = on_a_plane(rng, 8, LARGE), TSPSolver().prepare()
    assert ours.solve(costs).status is None
    times = race({"ours": lambda: ours.solve(costs)}, rounds=3)
    return Claim(f"tsp, {LARGE} nodes", times["ours"] / len(costs), 1.0, target=1, note="per row, within a second")


def bare(costs: Floats, demands: list[int], capacity: int) -> list[float]:
    """PyVRP by itself."""
    found = []
    for own in costs.astype(np.int64):
        clients = [pyvrp.Client(node, [amount]) for node, amount in enumerate(demands) if node]
        kinds = [pyvrp.VehicleType(len(clients), [capacity])]
        places = [pyvrp.Location(0, 0)] * len(demands)
        data = pyvrp.ProblemData(places, clients, [pyvrp.Depot(0)], kinds, [own], [np.zeros_like(own)])
        found.append(pyvrp.solve(data, MaxIterations(FLEET), seed=0, collect_stats=False, display=False).cost())
    return found


def fleet(rng: np.random.Generator, clients: int, rows: int, target: float, *, at_most: bool, note: str) -> Claim:
    """Vehicles with room for three or four clients each."""
    costs, demands = on_a_plane(rng, rows, clients + 1), [0, *rng.integers(1, 5, clients).tolist()]
    prepared, few = VRPSolver(iterations=FLEET).prepare(demands, 10), costs[:2]
    values = prepared.solve(costs).values
    assert values is not None
    assert (values[:2] <= 1.02 * np.array(bare(few, demands, 10))).all()
    times = race({"ours": lambda: prepared.solve(costs), "bare": lambda: bare(few, demands, 10)}, rounds=5)
    return Claim(f"vrp, {clients} clients", times["ours"] / rows, times["bare"] / 2, target, at_most, note=note)


def claims() -> list[Claim]:
    rng = np.random.default_rng(0)
    directed = rng.integers(1, 10_000, (BATCH[20], 20, 20)).astype(np.float64)
    return [
        *(tour(f"tsp, {n} nodes", on_a_plane(rng, BATCH[n], n), TARGETS[n], rounds=3) for n in BATCH),
        tour("tsp, 20 nodes, directed", directed, 5, rounds=3),
        large(rng),
        fleet(rng, 10, 64, 10, at_most=False, note="per row, exact, over PyVRP's local search"),
        fleet(rng, 30, 2, 1.3, at_most=True, note="per row, with a bound, over PyVRP alone"),
    ]
