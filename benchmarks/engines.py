"""Generic integer engines run bare: one model each, built once, only its objective replaced between rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ortools.linear_solver import pywraplp
from ortools.sat.python import cp_model

Floats = NDArray[np.float64]
Instance = dict[str, Any]
FINE = 2**20
"""CP-SAT wants whole numbers; coefficients near 1 are rounded to a millionth."""


def lines(instance: Instance) -> Iterator[tuple[Floats, float, float]]:
    """Rows as (coefficients, least, greatest)."""
    for row, side in zip(instance.get("A_ub", ()), instance.get("b_ub", ()), strict=True):
        yield row, -np.inf, float(side)
    for row, side in zip(instance.get("A_eq", ()), instance.get("b_eq", ()), strict=True):
        yield row, float(side), float(side)


def by_cp_sat(instance: Instance, costs: Floats, *, presolve: bool) -> Callable[[], Floats]:
    """CP-SAT with one worker and linearization level 2, over 0/1 variables; sizes have at most two decimals."""
    model = cp_model.CpModel()
    x = [model.new_bool_var(f"x{j}") for j in range(costs.shape[1])]
    for row, least, greatest in lines(instance):
        some = np.flatnonzero(row)
        whole = np.rint(100 * row[some]).astype(int)
        assert np.allclose(whole, 100 * row[some])
        total = cp_model.LinearExpr.weighted_sum([x[j] for j in some], whole.tolist())
        if np.isfinite(least):
            model.add(total == round(100 * least))
        else:
            model.add(total <= int(np.floor(100 * greatest + 1e-6)))
    objective = model.proto.objective
    objective.vars.extend([variable.index for variable in x])
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.linearization_level = 2
    solver.parameters.cp_model_presolve = presolve

    def solve() -> Floats:
        values = []
        for row in costs:
            objective.coeffs.clear()
            objective.coeffs.extend(np.rint(FINE * row).astype(int).tolist())
            assert solver.solve(model) == cp_model.OPTIMAL
            values.append(np.array(solver.response_proto.solution) @ row)
        return np.array(values)

    return solve


def by_pywraplp(instance: Instance, costs: Floats, engine: str) -> Callable[[], Floats]:
    """An OR-Tools wrapper over 0/1 variables: "SCIP" or "CBC", with a gap of 0."""
    solver = pywraplp.Solver.CreateSolver(engine)
    x = [solver.BoolVar(f"x{j}") for j in range(costs.shape[1])]
    for row, least, greatest in lines(instance):
        constraint = solver.Constraint(least, greatest)
        for j in np.flatnonzero(row).tolist():
            constraint.SetCoefficient(x[j], float(row[j]))
    objective = solver.Objective()
    objective.SetMinimization()
    exact = pywraplp.MPSolverParameters()
    exact.SetDoubleParam(pywraplp.MPSolverParameters.RELATIVE_MIP_GAP, 0.0)

    def solve() -> Floats:
        values = []
        for row in costs:
            for variable, coefficient in zip(x, row.tolist(), strict=True):
                objective.SetCoefficient(variable, coefficient)
            assert solver.Solve(exact) == pywraplp.Solver.OPTIMAL
            values.append(np.array([variable.solution_value() for variable in x]) @ row)
        return np.array(values)

    return solve


def engines(instance: Instance, costs: Floats) -> dict[str, Callable[[], Floats]]:
    """Each returns the optimal values of all rows."""
    return {
        "CP-SAT": by_cp_sat(instance, costs, presolve=True),
        "CP-SAT without presolve": by_cp_sat(instance, costs, presolve=False),
        "SCIP": by_pywraplp(instance, costs, "SCIP"),
        "CBC": by_pywraplp(instance, costs, "CBC"),
    }
