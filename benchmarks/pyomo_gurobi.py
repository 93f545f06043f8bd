"""Models of Pyomo and Gurobi: as their own interfaces solve them, with other costs for each row

Pyomo's reference keeps a model and one solver object (`appsi_highs`, which updates what has changed), and sets the
Params of the objective. Gurobi's reference is a bare loop: one model, all costs changed at once by an MVar, and what
the solver keeps from row to row kept (against `warm=True`) or dropped (against the default). Answers are compared
before anything is timed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import gurobipy
import numpy as np
import pyomo.environ as pyo
from gurobipy import GRB
from numpy.typing import NDArray

from benchmarks import linear
from benchmarks.harness import Claim, race
from imle.solvers import PreparedSolver
from imle_gurobi.solver import GurobiILPSolver
from imle_highs import problems
from imle_pyomo.solver import PyomoSolver

Floats = NDArray[np.float64]
Solve = Callable[[], Floats]
ROUNDS = 5
_PYOMO, _BY_HIGHS, _GUROBI, _GUROBI_LP = 20.0, 5.0, 1.05, 1.2
"""Goals; a linear program takes Gurobi a millisecond or two, of which checks and duals are a larger share."""


def assignment(n: int) -> pyo.ConcreteModel:
    """n x n, costs as Params."""
    model = pyo.ConcreteModel()
    model.pairs = pyo.Set(initialize=list(product(range(n), repeat=2)))
    model.cost = pyo.Param(model.pairs, mutable=True, initialize=0.0)
    model.x = pyo.Var(model.pairs, domain=pyo.NonNegativeReals)
    model.rows = pyo.Constraint(range(n), rule=lambda m, i: sum(m.x[i, j] for j in range(n)) == 1)
    model.columns = pyo.Constraint(range(n), rule=lambda m, j: sum(m.x[i, j] for i in range(n)) == 1)
    model.total = pyo.Objective(expr=pyo.sum_product(model.cost, model.x))
    return model


def knapsack(weights: Floats) -> pyo.ConcreteModel:
    """0/1, with a capacity of half of all for each row of weights."""
    rows, n = weights.shape
    model = pyo.ConcreteModel()
    model.cost = pyo.Param(range(n), mutable=True, initialize=0.0)
    model.x = pyo.Var(range(n), domain=pyo.Binary)
    model.fits = pyo.Constraint(
        range(rows), rule=lambda m, i: sum(weights[i, j] * m.x[j] for j in range(n)) <= weights[i].sum() / 2
    )
    model.total = pyo.Objective(expr=pyo.sum_product(model.cost, model.x))
    return model


def mix(parts: int, limits: int) -> pyo.ConcreteModel:
    """Shares of parts that add up to 1, up to a half each, and have enough of everything: no structure, but small."""
    model, rng = pyo.ConcreteModel(), np.random.default_rng(5)
    contents, least = rng.uniform(size=(limits, parts)), rng.uniform(0.2, 0.5, limits)
    model.cost = pyo.Param(range(parts), mutable=True, initialize=0.0)
    model.x = pyo.Var(range(parts), bounds=(0, 0.5))
    model.whole = pyo.Constraint(expr=pyo.quicksum(model.x.values()) == 1)
    model.enough = pyo.Constraint(
        range(limits), rule=lambda m, i: sum(contents[i, j] * m.x[j] for j in range(parts)) >= least[i]
    )
    model.total = pyo.Objective(expr=pyo.sum_product(model.cost, model.x))
    return model


def unit_commitment(units: int, hours: int) -> pyo.ConcreteModel:
    """Which units run in which hour; a start costs, and is 1 where a unit runs that has not run before."""
    model, rng = pyo.ConcreteModel(), np.random.default_rng(4)
    size = rng.integers(20, 60, units)
    model.cost = pyo.Param(range(units), range(hours), mutable=True, initialize=0.0)
    model.on = pyo.Var(range(units), range(hours), domain=pyo.Binary)
    model.start = pyo.Var(range(units), range(hours), domain=pyo.NonNegativeReals, bounds=(0, 1))
    model.demand = pyo.Constraint(
        range(hours),
        rule=lambda m, h: (
            sum(int(size[u]) * m.on[u, h] for u in range(units))
            >= int(size.sum() * (0.35 + 0.25 * np.sin(h / hours * 6)))
        ),
    )
    model.starts = pyo.Constraint(
        range(units), range(1, hours), rule=lambda m, u, h: m.start[u, h] >= m.on[u, h] - m.on[u, h - 1]
    )
    model.total = pyo.Objective(expr=pyo.sum_product(model.cost, model.on) + 0.5 * pyo.quicksum(model.start.values()))
    return model


def by_pyomo(model: Any, costs: Floats) -> Solve:
    """Pyomo's own solve, over and over, by the interface that keeps HiGHS' model."""
    solver = pyo.SolverFactory("appsi_highs")
    solver.highs_options = {"threads": 1, "mip_rel_gap": 0.0}
    params = list(model.cost.values())

    def solve() -> Floats:
        values = []
        for row in costs:
            for param, value in zip(params, row.tolist(), strict=True):
                param.value = value
            solver.solve(model)
            values.append(float(pyo.value(model.total)))
        return np.array(values)

    return solve


def by_ours(solver: PreparedSolver, costs: Floats) -> Solve:
    def solve() -> Floats:
        values = solver.solve(costs).values
        assert values is not None
        return np.asarray(values)

    return solve


def pyomo_claims() -> list[Claim]:
    rng, lines = np.random.default_rng(0), []
    weights = rng.integers(300, 800, size=(2, 30)) / 100
    auto, lean = PyomoSolver(engine="auto"), PyomoSolver(tuning="lean")
    cases: list[tuple[str, Any, PyomoSolver, Floats, float]] = [
        ("assignment 20x20, engine='auto'", assignment(20), auto, rng.uniform(0.5, 1.5, (10, 400)), _PYOMO),
        ("assignment 20x20", assignment(20), PyomoSolver(), rng.uniform(0.5, 1.5, (10, 400)), _BY_HIGHS),
        ("knapsack 30x2, engine='auto'", knapsack(weights), auto, -rng.uniform(0.5, 1.5, (10, 30)), _PYOMO),
        ("mix 40x15, engine='auto'", mix(40, 15), auto, rng.uniform(0.5, 1.5, (10, 40)), _PYOMO),
        ("mix 40x15", mix(40, 15), PyomoSolver(), rng.uniform(0.5, 1.5, (10, 40)), _BY_HIGHS),
        # here HiGHS' branch and bound takes nearly all of the time, whoever calls it
        ("unit commitment 5x8, tuning='lean'", unit_commitment(5, 8), lean, rng.uniform(0.5, 1.5, (10, 40)), 1.0),
    ]
    for name, model, solver, costs, target in cases:
        candidates = {
            "pyomo": by_ours(solver.prepare(model), costs),
            "appsi_highs": by_pyomo(model, costs),
        }
        lines += compared(name, candidates, len(costs), {"appsi_highs": target})
    return lines


def by_gurobi(instance: Mapping[str, Any], costs: Floats, kind: str, *, warm: bool) -> tuple[Any, Any, Solve]:
    """A model, its variables, and a bare loop over a copy of it."""

    def built() -> tuple[Any, Any]:
        model = gurobipy.Model(env=gurobipy.Env(params={"OutputFlag": 0}))
        lower, upper = instance["bounds"]
        x = model.addMVar(costs.shape[1], lb=lower, ub=GRB.INFINITY if upper is None else upper, vtype=kind)
        side = "ub" if "A_ub" in instance else "eq"
        model.addMConstr(instance[f"A_{side}"], x, "<" if side == "ub" else "=", instance[f"b_{side}"])
        model.update()
        return model, x

    model, x = built()
    model.Params.Threads, model.Params.MIPGap = 1, 0.0

    def solve() -> Floats:
        values = []
        for row in costs:
            if not warm:
                model.reset()
            x.Obj = row
            model.optimize()
            values.append(float(x.X @ row))
        return np.array(values)

    return *built(), solve


def gurobi_claims() -> list[Claim]:
    rng, lines = np.random.default_rng(0), []
    weights = rng.integers(3, 9, size=(3, 30)).astype(float)
    cases: list[tuple[str, dict[str, Any], str, Floats]] = [
        ("knapsack 30x3", problems.knapsack(weights, weights.sum(axis=1) // 2), "B", -rng.uniform(0.5, 1.5, (20, 30))),
        ("transport 30x30", linear.transport(rng), "C", linear.noisy(rng, 900, 20)),
    ]
    for name, instance, kind, costs in cases:
        for warm in (False, True):
            model, x, bare = by_gurobi(instance, costs, kind, warm=warm)
            ours = by_ours(GurobiILPSolver(warm=warm).prepare(model=model, variables=x), costs)
            candidates = {"gurobi-ilp": ours, "a bare loop": bare}
            most = _GUROBI if kind == "B" else _GUROBI_LP
            lines += compared(f"{name}{', warm' if warm else ''}", candidates, len(costs), {}, most)
    return lines


def compared(
    name: str, candidates: Mapping[str, Solve], rows: int, targets: Mapping[str, float], most: float = math.inf
) -> list[Claim]:
    """Time per row of the first against all others; without a target, what it costs at `most`."""
    ours, *others = candidates
    expected = candidates[ours]()
    for solve in candidates.values():
        np.testing.assert_allclose(solve(), expected, rtol=1e-6)
    times = race(candidates, rounds=ROUNDS)
    return [
        Claim(
            f"{name}: {ours}, over {other}",
            times[ours] / rows,
            times[other] / rows,
            targets.get(other, most),
            at_most=other not in targets,
            note="per row",
        )
        for other in others
    ]


def claims() -> list[Claim]:
    return pyomo_claims() + gurobi_claims()
