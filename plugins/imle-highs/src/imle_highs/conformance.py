"""What `imle check` checks the solvers on; imported by checks and by nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from imle.testing import Floats, Instance
from imle_highs import problems


def instances(solver_id: str) -> list[Instance]:
    """Programs whose vertices or points are all listed; quadratic ones with the least value."""
    return {"highs-lp": _polytopes, "highs-ilp": _programs, "highs-qp": _curved}[solver_id]()


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


def _curved() -> list[Instance]:
    """Quadratic ones."""
    risk = np.array([[0.4, 0.1, 0.0], [0.1, 0.3, -0.2], [0.0, -0.2, 0.5]])
    portfolio = {"Q": risk, "A_eq": [[1, 1, 1]], "b_eq": [1], "bounds": (0, 0.7)}
    folded = {"Q": np.outer([1, -1, 2], [1, -1, 2]), "A_ub": [[1, 1, 1]], "b_ub": [2], "bounds": (0, 1)}
    plan = {"Q": np.diag([1.0, 0.0, 2.0]), "A_ub": [[1, -1, 1]], "b_ub": [0.5], "bounds": (0, 1)}
    return [
        Instance(
            "portfolio",
            portfolio,
            {"sense": "max"},
            oracle=lambda scores: -least_value(-scores, **portfolio),
            feasible=lambda x: bool(abs(x.sum() - 1) < 1e-9 and (x >= 0).all() and (x <= 0.7).all()),
            rows={
                "Q": [risk, np.eye(3), np.zeros((3, 3))],
                "b_eq": [[1.0], [0.5], [1.5]],
                "bounds": [(0, 0.7), (0, 0.8), (0.1, 0.9)],
            },
            bad_row={"b_eq": [3.0]},
        ),
        Instance(
            "flat in two directions",
            folded,
            oracle=lambda costs: least_value(costs, **folded),
            feasible=lambda x: bool(x.sum() <= 2 + 1e-9 and (x >= 0).all() and (x <= 1).all()),
            rows={"b_ub": [[2.0], [1.0], [0.0]]},
        ),
        Instance(
            "a cost that is not learned",
            {**plan, "costs": [0, 0.25, 0], "variables": [2, 0]},
            oracle=lambda costs: least_value(np.array([costs[1], 0.25, costs[0]]), **plan),
            feasible=lambda x: bool((x >= 0).all() and (x <= 1).all() and x.sum() <= 1.5 + 1e-9),
        ),
        Instance(
            "unbounded",
            {"Q": [[1.0, 0.0], [0.0, 0.0]], "bounds": (0, None)},
            objectives=lambda rng, rows: rng.uniform([-1.0, 0.5], [1.0, 1.5], size=(rows, 2)),
            bad_objective=[1.0, -1.0],
            feasible=lambda x: bool((x >= 0).all()),
        ),
    ]


def least_value(
    costs: Floats,
    *,
    Q: Any,  # noqa: N803
    bounds: Any,
    A_ub: Any = (),  # noqa: N803
    b_ub: Any = (),
    A_eq: Any = (),  # noqa: N803
    b_eq: Any = (),
) -> float:
    """The minimum of <costs, x> + x'Qx/2 by trying which rows and bounds may hold with equality; infinite if none fits.

    With those held, the optimum solves linear equations, and some of these points are feasible: the best is the
    optimum. It has to be bounded.
    """
    n = len(costs)
    given = (np.asarray(part, np.float64) for part in (Q, A_ub, b_ub, A_eq, b_eq))
    curvature, left, right, equal, sides = given
    left, equal = left.reshape(len(right), n), equal.reshape(len(sides), n)
    left = np.concatenate([left, -np.eye(n), np.eye(n)])
    right = np.concatenate([right, np.full(n, -bounds[0]), np.full(n, bounds[1])])
    least = np.inf
    for size in range(n + 1):
        chosen = list(itertools.combinations(range(len(right)), size))
        held = np.array(chosen, np.intp).reshape(len(chosen), size)
        tight = np.concatenate([np.broadcast_to(equal, (len(held), *equal.shape)), left[held]], axis=1)
        ends = np.concatenate([np.broadcast_to(sides, (len(held), len(sides))), right[held]], axis=1)
        whole = np.zeros((len(held), n + tight.shape[1], n + tight.shape[1]))
        whole[:, :n, :n], whole[:, n:, :n], whole[:, :n, n:] = curvature, tight, np.swapaxes(tight, 1, 2)
        asked = np.concatenate([np.broadcast_to(-costs, (len(held), n)), ends], axis=1)[..., None]
        found = np.linalg.pinv(whole) @ asked
        size = np.abs(costs).max() + np.abs(curvature).max()
        solved = (np.abs(whole @ found - asked) <= 1e-9 * size).all(axis=(1, 2))
        x = found[solved, :n, 0]
        rounding = 1e-13 * max(1.0, np.abs(costs).max())
        x = x[(x @ left.T <= right + rounding).all(axis=1)]
        for end in bounds:
            x[np.abs(x - end) <= rounding] = end
        least = min([least, *(x @ costs + np.einsum("ni,ij,nj->n", x, curvature, x) / 2).tolist()])
    return least


def _points(n: int, allowed: Callable[[Floats], bool]) -> Floats:
    """All 0/1 vectors that are allowed."""
    vectors = np.array(list(itertools.product([0.0, 1.0], repeat=n)))
    return vectors[[allowed(vector) for vector in vectors]]


def _permutations(n: int) -> Floats:
    return np.array([np.eye(n)[list(order)].ravel() for order in itertools.permutations(range(n))])
