"""What `imle check` checks the solver on; imported by checks and by nothing else."""

from __future__ import annotations

import itertools

import gurobipy
import numpy as np

from imle.testing import Floats, Instance


def instances(solver_id: str) -> list[Instance]:
    """Programs whose points are all listed."""
    del solver_id
    return [_knapsack(), _matrices(), _choice(), _mix(), _fixed_cost(), _half_open()]


def _model() -> gurobipy.Model:
    return gurobipy.Model(env=gurobipy.Env(params={"OutputFlag": 0}))


def _points(n: int) -> Floats:
    return np.array(list(itertools.product([0.0, 1.0], repeat=n)))


def _knapsack() -> Instance:
    model, sizes = _model(), np.array([3.0, 4.0, 5.0, 6.0])
    x = model.addMVar(4, vtype="B", name="item")
    model.addConstr(x @ sizes <= 10)
    model.ModelSense = gurobipy.GRB.MAXIMIZE
    return Instance(
        "knapsack",
        {"model": model, "variables": x},
        {"sense": "max"},
        solutions=[point for point in _points(4) if point @ sizes <= 10],
    )


def _matrices() -> Instance:
    """Right sides and bounds that differ from row to row."""
    sizes = np.array([[3.0, 4.0, 5.0, 6.0]])
    return Instance(
        "matrices",
        {"A_ub": sizes, "b_ub": [10.0], "bounds": (0, 1)},
        {"sense": "max"},
        solutions=[point for point in _points(4) if sizes[0] @ point <= 10],
        rows={"b_ub": [[10.0], [3.0], [18.0]], "bounds": [(0, 1), (0, 2), (0, 1.5)]},
        bad_row={"b_ub": [-1.0]},
    )


def _choice() -> Instance:
    """Equations whose right sides differ from row to row."""
    return Instance(
        "two of four",
        {"A_eq": [[1, 1, 1, 1]], "b_eq": [2], "bounds": (0, 1)},
        solutions=[point for point in _points(4) if point.sum() == 2],
        rows={"b_eq": [[2.0], [1.0], [3.0]]},
    )


def _mix() -> Instance:
    """A linear program."""
    model = _model()
    x = model.addVars(3, ub=0.6, name="x")
    model.addConstr(x.sum() == 1)
    vertices = list(itertools.permutations([0.6, 0.4, 0.0]))
    return Instance("mix", {"model": model, "variables": x}, solutions=vertices)


def _fixed_cost() -> Instance:
    """The first variable needs a third one, whose cost is the model's own and not learned."""
    model = _model()
    a, b, needed = (model.addVar(vtype="B", name=name) for name in ("a", "b", "needed"))
    model.addConstr(a <= needed)
    model.setObjective(0.5 * needed + b)
    return Instance("a cost that is not learned", {"model": model, "variables": [a, b]}, solutions=_points(2))


def _half_open() -> Instance:
    """One variable has no upper bound: costs below zero are unbounded."""
    return Instance(
        "unbounded",
        {"A_ub": [[1, -1]], "b_ub": [3], "bounds": [(0, 5), (0, None)]},
        # costs: the second variable is never wanted
        objectives=lambda rng, rows: rng.uniform([-1.0, 0.5], [1.0, 1.5], size=(rows, 2)),
        bad_objective=[1.0, -1.0],
        feasible=lambda x: bool(x[0] - x[1] <= 3 and (x >= 0).all() and (x == np.rint(x)).all()),
    )
