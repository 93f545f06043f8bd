"""What `imle check` checks the solvers on; imported by checks and by nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from imle.testing import Floats, Instance
from imle_highs import problems


def instances(solver_id: str) -> list[Instance]:
    """Programs whose vertices or points are all listed."""
    return _polytopes() if solver_id == "highs-lp" else _programs()


def _programs() -> list[Instance]:
    """Integer ones."""
    sizes, cover = np.array([[3.0, 4.0, 5.0, 6.0]]), np.array([[1, 1, 0, 0, 1], [0, 1, 1, 0, 0], [0, 0, 1, 1, 1]])
    return [
        Instance(
            "knapsack",
            problems.knapsack(sizes, 10),
            {"sense": "max"},
            solutions=_points(4, lambda x: bool((sizes @ x <= 10).all())),
            rows={"b_ub": [[10.0], [3.0], [18.0]], "bounds": [(0, 1), (0, 2), (0, 1.5)]},
            bad_row={"b_ub": [-1.0]},
        ),
        Instance("cover", problems.set_cover(cover), solutions=_points(5, lambda x: bool((cover @ x >= 1).all()))),
        Instance(
            "assignment",
            problems.assignment(3),
            solutions=_permutations(3),
            rows={"b_eq": [[1.0] * 6, [2.0, 1.0, 1.0, 1.0, 2.0, 1.0], [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]]},
        ),
        Instance(
            "a cost that is not learned",
            # the first variable needs the third one, which costs 0.5
            {"A_ub": [[1, 0, -1]], "b_ub": [0], "bounds": (0, 1), "costs": [0, 0, 0.5], "variables": [0, 1]},
            solutions=_points(2, lambda x: True),
        ),
        Instance(
            "unbounded",
            {"A_ub": [[1, -1]], "b_ub": [3], "bounds": [(0, 5), (0, None)]},
            # costs: the second variable is never wanted
            objectives=lambda rng, rows: rng.uniform([-1.0, 0.5], [1.0, 1.5], size=(rows, 2)),
            bad_objective=[1.0, -1.0],
            feasible=lambda x: bool(x[0] - x[1] <= 3 and (x >= 0).all() and (x == np.rint(x)).all()),
        ),
    ]


def _polytopes() -> list[Instance]:
    """Linear ones, with their vertices."""
    simplex = np.array([v for v in itertools.product([0.0, 0.4, 0.6], repeat=3) if abs(sum(v) - 1) < 1e-9])
    vertices = simplex[(simplex == 0.6).sum(axis=1) == 1]
    return [
        Instance(
            "cut simplex",
            {"A_eq": [[1, 1, 1]], "b_eq": [1], "bounds": (0, 0.6)},
            solutions=vertices,
            rows={"b_eq": [[1.0], [0.5], [1.5]], "bounds": [(0, 0.6), (0, 0.4), (0.1, 0.8)]},
            bad_row={"b_eq": [2.0]},
        ),
        Instance("assignment", problems.assignment(3), {"sense": "max"}, solutions=_permutations(3)),
        Instance(
            "triangle",
            {"A_ub": [[1, 1]], "b_ub": [2], "bounds": (0, 1.5)},
            solutions=np.array([[0.0, 0.0], [1.5, 0.0], [0.0, 1.5], [1.5, 0.5], [0.5, 1.5]]),
            rows={"b_ub": [[2.0], [1.0], [3.0]]},
            bad_row={"b_ub": [-1.0]},
        ),
        Instance(
            "warm starts",
            {"A_eq": [[1, 1, 1]], "b_eq": [1], "bounds": (0, 0.6)},
            {"warm": True},
            solutions=vertices,
            expected_failures={"ties": "with warm=True, which optimal vertex is returned depends on the rows before"},
        ),
    ]


def _points(n: int, allowed: Callable[[Floats], bool]) -> Floats:
    """All 0/1 vectors that are allowed."""
    vectors = np.array(list(itertools.product([0.0, 1.0], repeat=n)))
    return vectors[[allowed(vector) for vector in vectors]]


def _permutations(n: int) -> Floats:
    return np.array([np.eye(n)[list(order)].ravel() for order in itertools.permutations(range(n))])
