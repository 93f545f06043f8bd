"""Assignment, knapsack and CP-SAT layers over the same problems in OR-Tools

The MIP models are built once and kept, as a careful user would; between solves only the objective changes. Answers are
compared before anything is timed. The compiled solvers, whose solves take microseconds, are timed on a whole batch, the
MIP on a few rows; the table shows seconds per row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from ortools.linear_solver import pywraplp
from ortools.sat.python import cp_model

import imle
from benchmarks.harness import Claim, race
from imle.solvers import PreparedSolver
from imle_highs import problems
from imle_kernels.assignment import AssignmentSolver
from imle_kernels.knapsack import KnapsackSolver
from imle_ortools.ilp.solver import ILPSolver

Floats = NDArray[np.float64]
BATCH, FEW = 320, 4


class KeptMIP:
    """An OR-Tools SCIP model over 0/1 variables; only its objective changes."""

    def __init__(self, rows: Sequence[tuple[Floats, float, float]], maximise: bool) -> None:
        """Each row of the model is (coefficients, lower bound, upper bound)."""
        self.solver = pywraplp.Solver.CreateSolver("SCIP")
        self.x = [self.solver.BoolVar(f"x{i}") for i in range(len(rows[0][0]))]
        for coefficients, low, high in rows:
            constraint = self.solver.Constraint(float(low), float(high))
            for i in np.flatnonzero(coefficients):
                constraint.SetCoefficient(self.x[i], float(coefficients[i]))
        objective = self.solver.Objective()
        objective.SetMaximization() if maximise else objective.SetMinimization()

    def solve(self, objectives: Floats) -> list[float]:
        """Optimal values, row by row."""
        values = []
        native = self.solver.Objective()
        for row in objectives:
            for variable, coefficient in zip(self.x, row.tolist(), strict=True):
                native.SetCoefficient(variable, coefficient)
            assert self.solver.Solve() == pywraplp.Solver.OPTIMAL
            values.append(native.Value())
        return values


def against_mip(name: str, solver: PreparedSolver, mip: KeptMIP, objectives: Floats) -> Claim:
    """Seconds per row of a compiled solver on the batch, and of the MIP on its first rows."""
    few = objectives[:FEW].reshape(FEW, -1)
    ours = solver.solve(objectives).values
    assert ours is not None
    assert np.allclose(ours[:FEW], mip.solve(few), rtol=1e-4)  # SCIP's default gap
    times = race({"ours": lambda: solver.solve(objectives), "mip": lambda: mip.solve(few)}, rounds=5)
    return Claim(name, times["ours"] / BATCH, times["mip"] / FEW, target=200, note="per row, over SCIP")


def assignment(rng: np.random.Generator) -> list[Claim]:
    n = 50
    pairs = np.arange(n * n).reshape(n, n)
    rows = [(np.isin(np.arange(n * n), line).astype(float), 1.0, 1.0) for line in (*pairs, *pairs.T)]
    costs = rng.random((BATCH, n, n))
    mip, flat = KeptMIP(rows, False), costs.reshape(BATCH, n * n)
    return [
        against_mip("assignment 50 x 50", AssignmentSolver().prepare(), mip, costs),
        against_mip("assignment 50 x 50, ortools-ilp", ILPSolver().prepare(**problems.assignment(n)), mip, flat),
    ]


def knapsack(rng: np.random.Generator) -> list[Claim]:
    items, resources, capacity = 32, 3, 20.0
    weights = rng.integers(300, 800, size=(resources, items)) / 100
    mip = KeptMIP([(line, -np.inf, capacity) for line in weights], True)
    # values that follow features through a polynomial, as predict-then-optimise benchmarks have them
    features, mixing = rng.normal(size=(BATCH, 5)), rng.binomial(1, 0.5, size=(5, items))
    values = ((features @ mixing / np.sqrt(5) + 3) ** 4 + 1) * rng.uniform(0.5, 1.5, (BATCH, items)) * 5 / 3.5**4
    solver = KnapsackSolver().prepare(weights=weights, capacity=capacity)
    program = ILPSolver(sense="max").prepare(**problems.knapsack(weights, [capacity] * resources))
    values = np.ascontiguousarray(values)
    return [
        against_mip("knapsack 32 x 3", solver, mip, values),
        against_mip("knapsack 32 x 3, ortools-ilp", program, mip, values),
    ]


def cp_sat(rng: np.random.Generator) -> Claim:
    """A forward pass of a layer over the loop a user would write with CP-SAT itself."""
    items, rows = 32, 12
    model = cp_model.CpModel()
    x = [model.new_bool_var(f"x{i}") for i in range(items)]
    for line in rng.integers(3, 8, size=(3, items)).tolist():
        model.add(sum(w * v for w, v in zip(line, x, strict=True)) <= 60)
    values = torch.from_numpy(rng.integers(1, 1000, size=(rows, items)).astype(np.float64))
    layer = imle.layer("ortools-cp-sat", model=model, variables=x).eval()
    native = model.clone()
    copies = [native.get_bool_var_from_proto_index(v.index) for v in x]
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.linearization_level = 2

    def bare() -> list[list[int]]:
        found = []
        for row in values.long().tolist():
            native.maximize(cp_model.LinearExpr.weighted_sum(copies, row))
            assert solver.solve(native) == cp_model.OPTIMAL
            found.append([solver.value(v) for v in copies])
        return found

    ours, theirs = layer(values), torch.tensor(bare(), dtype=torch.float64)
    assert torch.equal((values * ours).sum(dim=1), (values * theirs).sum(dim=1))
    candidates: dict[str, Callable[[], object]] = {"layer": lambda: layer(values), "bare": bare}
    times = race(candidates, rounds=41)
    return Claim(
        "ortools-cp-sat layer, knapsack 32 x 3",
        times["layer"] / rows,
        times["bare"] / rows,
        target=1.05,
        at_most=True,
        note="per row, over the bare CP-SAT loop",
    )


def claims() -> list[Claim]:
    rng = np.random.default_rng(0)
    return [*assignment(rng), *knapsack(rng), cp_sat(rng)]
