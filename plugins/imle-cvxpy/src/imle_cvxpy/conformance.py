"""What `imle check` checks the solver on; imported by checks and by nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import cvxpy as cp
import numpy as np

from imle.testing import Floats, Instance


def instances(solver_id: str) -> list[Instance]:
    """Problems whose points or vertices are all listed."""
    del solver_id
    return [_mix(), _knapsack(), _assignment(), _blend(), _totals(), _half_open(), _fixed_cost(), _spread()]


def _knapsack() -> Instance:
    """Both the capacity and the sizes are Parameters: right sides and coefficients per row."""
    sizes = np.array([3.0, 4.0, 5.0, 6.0])
    worth, capacity, size = cp.Parameter(4, name="worth"), cp.Parameter(name="capacity"), cp.Parameter(4, name="size")
    capacity.value, size.value = 10.0, sizes  # of rows that give the other alone
    x = cp.Variable(4, boolean=True, name="x")
    return Instance(
        "knapsack",
        {
            "problem": cp.Problem(cp.Maximize(worth @ x), [size @ x <= capacity]),
            "values": {"capacity": 10.0, "size": sizes},
        },
        {"sense": "max"},
        solutions=_points(4, lambda x: bool(sizes @ x <= 10)),
        rows={"values": [{"capacity": 10.0}, {"capacity": 3.0}, {"size": [1.0, 1.0, 9.0, 9.0]}, [*sizes, 18.0]]},
        bad_row={"values": {"capacity": -1.0}},
    )


def _mix() -> Instance:
    """A linear program whose Variable is learned."""
    x = cp.Variable(3, bounds=[0, 0.6], name="x")
    problem = cp.Problem(cp.Minimize(cp.sum(x)), [cp.sum(x) == 1])
    return Instance("mix", {"problem": problem}, solutions=list(itertools.permutations([0.6, 0.4, 0.0])))


def _assignment() -> Instance:
    """Solved by a compiled kernel, matrices as objectives; supplies per row make it a flow."""
    costs, x = cp.Parameter((2, 2), name="costs"), cp.Variable((2, 2), name="x")
    units = cp.Parameter(2, name="units", value=np.ones(2))
    problem = cp.Problem(
        cp.Minimize(cp.sum(cp.multiply(costs, x))), [cp.sum(x, axis=0) == 1, x.sum(axis=1) == units, x >= 0]
    )
    return Instance(
        "assignment",
        {"problem": problem},
        {"engine": "auto"},
        solutions=[np.eye(2), np.eye(2)[::-1]],
        rows={"values": [[1.0, 1.0], [2.0, 0.0], {"units": [0.5, 1.5]}]},
    )


def _blend() -> Instance:
    """Solved by a compiled kernel, too: shares that have enough of something, the third part having most of it."""
    x, least = cp.Variable(3, nonneg=True, name="x"), cp.Parameter(name="least")
    problem = cp.Problem(cp.Minimize(cp.sum(x)), [cp.sum(x) == 1, np.array([1.0, 2.0, 3.0]) @ x >= least])
    return Instance(
        "blend",
        {"problem": problem, "values": {"least": 2.0}},
        {"engine": "auto"},
        solutions=[(0, 1, 0), (0, 0, 1), (0.5, 0, 0.5)],
        rows={"values": [[2.0], [1.0], [2.5], {"least": 3.0}]},
        bad_row={"values": {"least": 4.0}},
    )


def _totals() -> Instance:
    """Prices of two totals, which are sums of variables."""
    prices = cp.Parameter(2, name="prices")
    x = cp.Variable(4, boolean=True, name="x")
    totals = np.array([[1, 1, 1, 0], [0, 0, 1, 1]])
    points = _points(4, lambda x: bool(x.sum() == 2))
    return Instance(
        "totals",
        {"problem": cp.Problem(cp.Minimize(prices @ (totals @ x)), [cp.sum(x) == 2])},
        solutions=np.unique(points @ totals.T, axis=0),
    )


def _half_open() -> Instance:
    """One variable has no upper bound: costs below zero are unbounded."""
    x = cp.Variable(2, integer=True, name="x")
    problem = cp.Problem(cp.Minimize(cp.sum(x)), [x >= 0, x[0] <= 2, cp.sum(x) >= 2])
    return Instance(
        "half open",
        {"problem": problem, "variables": x},
        solutions=[(0, 2), (1, 1), (2, 0)],
        objectives=lambda rng, rows: rng.uniform(0.5, 1.5, size=(rows, 2)),
        bad_objective=[1.0, -1.0],
        expected_failures={"negative-objectives": "the feasible set is unbounded where costs are negative"},
    )


def _fixed_cost() -> Instance:
    """Piecewise linear terms and a fixed cost beside what is learned."""
    costs, x, needed = cp.Parameter(2, name="costs"), cp.Variable(2, boolean=True), cp.Variable(boolean=True)
    objective = cp.Minimize(costs @ x + 0.5 * needed + 0.25 * cp.abs(x[0] - x[1]) + 3)
    problem = cp.Problem(objective, [x[0] <= needed])
    return Instance("terms that are not learned", {"problem": problem}, solutions=_points(2, lambda x: True))


def _spread() -> Instance:
    """Shares of a whole that had better be equal: min <c, x> + x'x, whose optimum has a closed form."""
    costs, x = cp.Parameter(3, name="costs"), cp.Variable(3, nonneg=True, name="x")
    problem = cp.Problem(cp.Minimize(costs @ x + cp.sum_squares(x)), [cp.sum(x) == 1])

    def oracle(theta: Floats) -> float:
        """The point of the simplex next to -theta/2: the k lowest costs have shares, all at the same level."""
        lowest = np.sort(theta)
        levels = (2.0 + np.cumsum(lowest)) / np.arange(1, 4)  # 2 x_i = level - theta_i, and the shares add up to 1
        level = levels[np.flatnonzero(levels > lowest)[-1]]
        shares = np.maximum(level - theta, 0.0) / 2
        return float(theta @ shares + shares @ shares)

    def feasible(x: Floats) -> bool:
        return bool(abs(x.sum() - 1) < 1e-6 and x.min() > -1e-6)

    return Instance("equal shares", {"problem": problem}, feasible=feasible, oracle=oracle)


def _points(n: int, allowed: Callable[[Floats], bool]) -> Floats:
    """All 0/1 vectors that are allowed."""
    vectors = np.array(list(itertools.product([0.0, 1.0], repeat=n)))
    return vectors[[allowed(vector) for vector in vectors]]
