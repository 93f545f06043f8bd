"""highs-lp and highs-ilp pass the conformance kit, on instances whose vertices or points are all listed.

`imle check highs-ilp --instances plugins/imle-highs/tests/test_conformance.py` takes them too.
"""

from __future__ import annotations

import itertools

import numpy as np

from imle.testing import Instance, parametrize_with_checks
from imle_highs import zoo


def points(n, allowed):
    """All 0/1 vectors that are allowed."""
    vectors = np.array(list(itertools.product([0.0, 1.0], repeat=n)))
    return vectors[[allowed(vector) for vector in vectors]]


def permutations(n):
    return np.array([np.eye(n)[list(order)].ravel() for order in itertools.permutations(range(n))])


def programs():
    """Integer ones."""
    sizes, cover = np.array([[3.0, 4.0, 5.0, 6.0]]), np.array([[1, 1, 0, 0, 1], [0, 1, 1, 0, 0], [0, 0, 1, 1, 1]])
    return [
        Instance(
            "knapsack",
            zoo.knapsack(sizes, 10),
            {"sense": "max"},
            solutions=points(4, lambda x: (sizes @ x <= 10).all()),
            rows={"b_ub": [[10.0], [3.0], [18.0]]},
            bad_row={"b_ub": [-1.0]},
        ),
        Instance("cover", zoo.set_cover(cover), solutions=points(5, lambda x: (cover @ x >= 1).all())),
        Instance("assignment", zoo.assignment(3), solutions=permutations(3)),
        Instance(
            "unbounded",
            {"A_ub": [[1, -1]], "b_ub": [3], "bounds": [(0, 5), (0, None)]},
            # costs: the second variable is never wanted
            objectives=lambda rng, rows: rng.uniform([-1.0, 0.5], [1.0, 1.5], size=(rows, 2)),
            bad_objective=[1.0, -1.0],
            feasible=lambda x: bool(x[0] - x[1] <= 3 and (x >= 0).all() and (x == np.rint(x)).all()),
        ),
    ]


def polytopes():
    """Linear ones, with their vertices."""
    simplex = np.array([v for v in itertools.product([0.0, 0.4, 0.6], repeat=3) if abs(sum(v) - 1) < 1e-9])
    return [
        Instance(
            "cut simplex",
            {"A_eq": [[1, 1, 1]], "b_eq": [1], "bounds": (0, 0.6)},
            solutions=simplex[(simplex == 0.6).sum(axis=1) == 1],
            rows={"b_eq": [[1.0], [0.5], [1.5]]},
            bad_row={"b_eq": [2.0]},
        ),
        Instance("assignment", zoo.assignment(3), {"sense": "max"}, solutions=permutations(3)),
        Instance(
            "warm starts",
            {"A_eq": [[1, 1, 1]], "b_eq": [1], "bounds": (0, 0.6)},
            {"warm": True},
            solutions=simplex[(simplex == 0.6).sum(axis=1) == 1],
            expected_failures={"ties": "with warm=True, which optimal vertex is returned depends on the rows before"},
        ),
    ]


def instances(solver_id):
    return polytopes() if solver_id == "highs-lp" else programs()


@parametrize_with_checks("highs-lp", instances("highs-lp"))
def test_linear_programs(check):
    check()


@parametrize_with_checks("highs-ilp", instances("highs-ilp"))
def test_integer_programs(check):
    check()
