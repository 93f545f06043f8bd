"""All five solvers pass the conformance kit, on instances whose solutions are all listed.

`imle check ortools-ilp --instances plugins/imle-ortools/tests/test_conformance.py` takes them too.
"""

from __future__ import annotations

import itertools

import numpy as np
from ortools.sat.python import cp_model

from imle.testing import Instance, parametrize_with_checks


def points(n, allowed, values=(0.0, 1.0)):
    """All vectors of the values that are allowed."""
    vectors = np.array(list(itertools.product(values, repeat=n)))
    return vectors[[bool(allowed(vector)) for vector in vectors]]


def integer_programs():
    sizes, cover = np.array([2.0, 3.0, 4.0, 5.0]), np.array([[1, 1, 0, 0, 1], [0, 1, 1, 0, 0], [0, 0, 1, 1, 1]])
    knapsack = points(4, lambda x: sizes @ x <= 7)
    matrices = {"A_ub": [sizes], "b_ub": [7], "bounds": (0, 1)}
    return [
        *(
            Instance(f"knapsack, {backend}", matrices, {"sense": "max", "backend": backend}, solutions=knapsack, **more)
            for backend, more in {
                "auto": {"rows": {"b_ub": [[7.0], [3.0], [14.0]]}, "bad_row": {"b_ub": [-1.0]}},
                "cp-sat": {},
            }.items()
        ),
        Instance(
            "cover",
            {"A_ub": -cover, "b_ub": -np.ones(3), "bounds": (0, 1)},
            solutions=points(5, lambda x: (cover @ x >= 1).all()),
        ),
    ]


def cp_models():
    model = cp_model.CpModel()
    x = [model.new_bool_var(f"x{i}") for i in range(5)]
    model.add(sum(x) == 2)
    model.add_implication(x[0], x[1])
    whole = cp_model.CpModel()
    y = [whole.new_int_var(-1, 2, f"y{i}") for i in range(3)]
    whole.add(sum(y) <= 2)
    return [
        Instance(
            "choice",
            {"model": model, "variables": [~x[0], *x[1:]]},
            solutions=points(5, lambda z: 1 - z[0] + sum(z[1:]) == 2 and (z[0] == 1 or z[1] == 1)),
        ),
        Instance(
            "whole numbers",
            {"model": whole, "variables": y},
            {"sense": "min"},
            solutions=points(3, lambda z: z.sum() <= 2, (-1.0, 0.0, 1.0, 2.0)),
        ),
    ]


def assignments():
    wide = points(6, lambda z: (z.reshape(2, 3).sum(1) == 1).all() and (z.reshape(2, 3).sum(0) <= 1).all())
    masked = np.array([[1, 1, 0], [1, 1, 1]])
    return [
        Instance("2 x 3", solutions=wide, shape=(2, 3)),
        Instance("tall, scores", {}, {"sense": "max"}, solutions=wide.reshape(-1, 2, 3).swapaxes(1, 2), shape=(3, 2)),
        Instance("some pairs", {"allowed": masked}, solutions=wide[wide[:, 2] == 0]),
        Instance("one size", solutions=[np.eye(3)[list(p)] for p in itertools.permutations(range(3))], shape=(3, 3)),
    ]


def knapsacks():
    weights, capacity = np.array([[2.0, 3.0, 4.0, 5.0], [1.0, 1.0, 1.0, 1.0]]), [7.0, 2.0]
    return [
        Instance(
            "two capacities",
            {"weights": weights, "capacity": capacity},
            solutions=points(4, lambda x: (weights @ x <= capacity).all()),
            rows={"capacity": [[7.0, 2.0], [4.0, 1.0], [14.0, 4.0]]},
            bad_row={"capacity": [-1.0, 2.0]},
            bad_objective=[1e308, 1e308, 1e308, 1e308],
        )
    ]


def flows():
    tails, heads, capacities = np.array([0, 0, 1, 2, 1]), np.array([1, 2, 3, 3, 2]), np.array([2, 2, 2, 2, 1])
    supplies = np.array([2, 0, 0, -2])

    def balanced(flow):
        net = np.zeros(4)
        np.add.at(net, tails, flow)
        np.add.at(net, heads, -flow)
        return (net == supplies).all() and (flow <= capacities).all()

    network = {"tails": tails, "heads": heads, "capacities": capacities, "supplies": supplies}
    return [Instance("diamond", network, solutions=points(5, balanced, (0.0, 1.0, 2.0)))]


OFFERED = {
    "ortools-ilp": integer_programs,
    "ortools-cp-sat": cp_models,
    "ortools-assignment": assignments,
    "ortools-knapsack": knapsacks,
    "ortools-min-cost-flow": flows,
}


def instances(solver_id):
    return OFFERED[solver_id]()


@parametrize_with_checks("ortools-ilp", instances("ortools-ilp"))
def test_integer_programs(check):
    check()


@parametrize_with_checks("ortools-cp-sat", instances("ortools-cp-sat"))
def test_cp_models(check):
    check()


@parametrize_with_checks("ortools-assignment", instances("ortools-assignment"))
def test_assignments(check):
    check()


@parametrize_with_checks("ortools-knapsack", instances("ortools-knapsack"))
def test_knapsacks(check):
    check()


@parametrize_with_checks("ortools-min-cost-flow", instances("ortools-min-cost-flow"))
def test_flows(check):
    check()
