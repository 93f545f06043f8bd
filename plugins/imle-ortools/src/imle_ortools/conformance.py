"""What `imle check` checks the solvers on; imported by checks and by nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from ortools.sat.python import cp_model

from imle.testing import Floats, Instance


def instances(solver_id: str) -> list[Instance]:
    """Instances whose solutions are all listed: every vector of the values is tried."""
    offered: dict[str, Callable[[], list[Instance]]] = {
        "ortools-ilp": _integer_programs,
        "ortools-cp-sat": _cp_models,
        "ortools-min-cost-flow": _flows,
    }
    return offered[solver_id]()


def _integer_programs() -> list[Instance]:
    sizes, cover = np.array([2.0, 3.0, 4.0, 5.0]), np.array([[1, 1, 0, 0, 1], [0, 1, 1, 0, 0], [0, 0, 1, 1, 1]])
    knapsack = _points(4, lambda x: bool(sizes @ x <= 7))
    matrices = {"A_ub": [sizes], "b_ub": [7], "bounds": (0, 1)}
    return [
        Instance(
            "knapsack, auto",
            matrices,
            {"sense": "max", "backend": "auto"},
            solutions=knapsack,
            rows={"b_ub": [[7.0], [3.0], [14.0]]},
            bad_row={"b_ub": [-1.0]},
        ),
        Instance("knapsack, cp-sat", matrices, {"sense": "max", "backend": "cp-sat"}, solutions=knapsack),
        Instance(
            "cover",
            {"A_ub": -cover, "b_ub": -np.ones(3), "bounds": (0, 1)},
            solutions=_points(5, lambda x: bool((cover @ x >= 1).all())),
        ),
        Instance(
            "sums",
            {"A_eq": [[1, 1, 1]], "b_eq": [2], "bounds": (0, 2)},
            solutions=_points(3, lambda x: bool(x.sum() == 2), (0.0, 1.0, 2.0)),
            rows={"b_eq": [[2.0], [1.0], [5.0]]},
            bad_row={"b_eq": [7.0]},
        ),
    ]


def _cp_models() -> list[Instance]:
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
            solutions=_points(5, lambda z: bool(1 - z[0] + sum(z[1:]) == 2 and (z[0] == 1 or z[1] == 1))),
        ),
        Instance(
            "whole numbers",
            {"model": whole, "variables": y},
            {"sense": "min"},
            solutions=_points(3, lambda z: bool(z.sum() <= 2), (-1.0, 0.0, 1.0, 2.0)),
        ),
    ]


def _flows() -> list[Instance]:
    tails, heads, capacities = np.array([0, 0, 1, 2, 1]), np.array([1, 2, 3, 3, 2]), np.array([2, 2, 2, 2, 1])
    supplies = np.array([2, 0, 0, -2])

    def balanced(flow: Floats) -> bool:
        net = np.zeros(4)
        np.add.at(net, tails, flow)
        np.add.at(net, heads, -flow)
        return bool((net == supplies).all() and (flow <= capacities).all())

    network = {"tails": tails, "heads": heads, "capacities": capacities, "supplies": supplies}
    return [
        Instance(
            "diamond",
            network,
            solutions=_points(5, balanced, (0.0, 1.0, 2.0)),
            rows={
                "capacities": [capacities, capacities + 1, [3, 0, 3, 3, 3]],
                "supplies": [supplies, [3, 0, -1, -2], [1, 1, 0, -2]],
            },
            bad_row={"supplies": [5, 0, 0, -5]},
        )
    ]


def _points(n: int, allowed: Callable[[Floats], bool], values: Sequence[float] = (0.0, 1.0)) -> Floats:
    """All vectors of the values that are allowed."""
    vectors = np.array(list(itertools.product(values, repeat=n)))
    return vectors[[allowed(vector) for vector in vectors]]
