"""What `imle check` checks the solver on; imported by checks and by nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pyomo.environ as pyo

from imle.testing import Floats, Instance


def instances(solver_id: str) -> list[Instance]:
    """Models whose points or vertices are all listed."""
    del solver_id
    return [_knapsack(), _mix(), _assignment(), _totals(), _half_open(), _fixed_cost(), _spread()]


def _knapsack() -> Instance:
    """Both the capacity and the sizes are Params: right sides and coefficients per row."""
    sizes = np.array([3.0, 4.0, 5.0, 6.0])
    model = pyo.ConcreteModel("knapsack")
    model.worth = pyo.Param(range(4), mutable=True, initialize=1.0)
    model.capacity = pyo.Param(mutable=True, initialize=10.0)
    model.size = pyo.Param(range(4), mutable=True, initialize=dict(enumerate(sizes)))
    model.x = pyo.Var(range(4), domain=pyo.Binary)
    model.fits = pyo.Constraint(expr=pyo.sum_product(model.size, model.x) <= model.capacity)
    model.total = pyo.Objective(expr=pyo.sum_product(model.worth, model.x), sense=pyo.maximize)
    return Instance(
        "knapsack",
        {"model": model, "values": {"capacity": 10.0}},
        {"sense": "max"},
        solutions=_points(4, lambda x: bool(sizes @ x <= 10)),
        rows={"values": [{"capacity": 10.0}, {"capacity": 3.0}, {"size": [1.0, 1.0, 9.0, 9.0]}, [*sizes, 18.0]]},
        bad_row={"values": {"capacity": -1.0}},
    )


def _mix() -> Instance:
    """A linear program whose Vars are learned."""
    model = pyo.ConcreteModel("mix")
    model.x = pyo.Var(range(3), bounds=(0, 0.6))
    model.whole = pyo.Constraint(expr=pyo.quicksum(model.x.values()) == 1)
    return Instance("mix", {"model": model}, solutions=list(itertools.permutations([0.6, 0.4, 0.0])))


def _assignment() -> Instance:
    """Solved by a compiled kernel; supplies per row make it a flow."""
    model, pairs = pyo.ConcreteModel("assignment"), list(itertools.product(range(2), repeat=2))
    model.units = pyo.Param(range(2), mutable=True, initialize=1.0)
    model.x = pyo.Var(pairs, domain=pyo.NonNegativeReals)
    model.rows = pyo.Constraint(range(2), rule=_sums_to_units)
    model.columns = pyo.Constraint(range(2), rule=_sums_to_one)
    return Instance(
        "assignment",
        {"model": model, "variables": "x"},
        {"engine": "auto"},
        solutions=[(1, 0, 0, 1), (0, 1, 1, 0)],
        rows={"values": [[1.0, 1.0], [2.0, 0.0], {"units": {0: 0.5, 1: 1.5}}]},
    )


def _sums_to_units(model: pyo.ConcreteModel, i: int) -> object:
    return model.x[i, 0] + model.x[i, 1] == model.units[i]


def _sums_to_one(model: pyo.ConcreteModel, j: int) -> object:
    return model.x[0, j] + model.x[1, j] == 1


def _totals() -> Instance:
    """Prices of two totals, which are sums of Vars."""
    model = pyo.ConcreteModel("totals")
    model.price = pyo.Param(range(2), mutable=True, initialize=0.0)
    model.x = pyo.Var(range(4), domain=pyo.Binary)
    model.two = pyo.Constraint(expr=pyo.quicksum(model.x.values()) == 2)
    model.first = pyo.Expression(expr=model.x[0] + model.x[1] + model.x[2])
    model.second = pyo.Expression(expr=model.x[2] + model.x[3])
    model.cost = pyo.Objective(expr=model.price[0] * model.first + model.price[1] * model.second)
    points = _points(4, lambda x: bool(x.sum() == 2))
    totals = np.array([[1, 1, 1, 0], [0, 0, 1, 1]])
    return Instance("totals", {"model": model}, solutions=np.unique(points @ totals.T, axis=0))


def _half_open() -> Instance:
    """One variable has no upper bound: costs below zero are unbounded."""
    model = pyo.ConcreteModel("half open")
    model.a = pyo.Var(domain=pyo.NonNegativeIntegers, bounds=(None, 2))
    model.b = pyo.Var(domain=pyo.NonNegativeIntegers)
    model.enough = pyo.Constraint(expr=model.a + model.b >= 2)
    return Instance(
        "half open",
        {"model": model, "variables": [model.a, model.b]},
        solutions=[(0, 2), (1, 1), (2, 0)],
        objectives=lambda rng, rows: rng.uniform(0.5, 1.5, size=(rows, 2)),
        bad_objective=[1.0, -1.0],
        expected_failures={"negative-objectives": "the feasible set is unbounded where costs are negative"},
    )


def _fixed_cost() -> Instance:
    """The first variable needs a third one, whose cost is the model's own and not learned."""
    model = pyo.ConcreteModel("fixed cost")
    model.a, model.b, model.needed = (pyo.Var(domain=pyo.Binary) for _ in range(3))
    model.if_a = pyo.Constraint(expr=model.a <= model.needed)
    model.cost = pyo.Objective(expr=0.5 * model.needed + model.b + 3)
    points = _points(2, lambda x: True)
    return Instance("terms that are not learned", {"model": model, "variables": [model.a, model.b]}, solutions=points)


def _spread() -> Instance:
    """Shares of a whole that had better be equal: min <c, x> + x'x, whose optimum has a closed form."""
    model = pyo.ConcreteModel("spread")
    model.x = pyo.Var(range(3), domain=pyo.NonNegativeReals)
    model.whole = pyo.Constraint(expr=pyo.quicksum(model.x.values()) == 1)
    model.cost = pyo.Objective(expr=pyo.sum_product(model.x, model.x))

    def oracle(theta: Floats) -> float:
        """The k lowest costs have shares x_i = (level - c_i) / 2, which add up to 1."""
        lowest = np.sort(theta)
        levels = (2.0 + np.cumsum(lowest)) / np.arange(1, 4)
        shares = np.maximum(levels[np.flatnonzero(levels > lowest)[-1]] - theta, 0.0) / 2
        return float(theta @ shares + shares @ shares)

    def feasible(x: Floats) -> bool:
        return bool(abs(x.sum() - 1) < 1e-6 and x.min() > -1e-6)

    return Instance("equal shares", {"model": model}, feasible=feasible, oracle=oracle)


def _points(n: int, allowed: Callable[[Floats], bool]) -> Floats:
    """All 0/1 vectors that are allowed."""
    vectors = np.array(list(itertools.product([0.0, 1.0], repeat=n)))
    return vectors[[allowed(vector) for vector in vectors]]
