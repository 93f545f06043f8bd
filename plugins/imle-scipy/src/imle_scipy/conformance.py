"""What `imle check` checks the solvers on; imported by checks and by nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from imle.testing import Floats, Instance


def instances(solver_id: str) -> list[Instance]:
    """Every assignment and every point is listed, written out from the definition of the feasible set."""
    return _assignments() if solver_id == "scipy-assignment" else _programs()


def _assignments() -> list[Instance]:
    wide = _complete(2, 3)
    masked = np.array([[True, True, False], [True, True, True]])
    any_pairs = _points(
        [(0, 1)] * 6, lambda z: bool((z.reshape(2, 3).sum(1) <= 1).all() and (z.reshape(2, 3).sum(0) <= 1).all())
    )
    return [
        Instance(
            "2 x 3",
            solutions=wide,
            shape=(2, 3),
            bad_objective=np.full((2, 3), 1e305),
            rows={"sizes": [[2, 3], [1, 2], [2, 1], [0, 3]]},
        ),
        Instance("some unmatched", {"unmatched": [0.5, -0.25]}, solutions=any_pairs, shape=(2, 3)),
        Instance("tall, scores", {}, {"sense": "max"}, solutions=wide.swapaxes(1, 2), shape=(3, 2)),
        Instance("some pairs", {"allowed": masked}, solutions=wide[wide[:, 0, 2] == 0]),
        Instance("3 x 3", solutions=_complete(3, 3), shape=(3, 3)),
    ]


def _programs() -> list[Instance]:
    sizes, cover = np.array([3.0, 4.0, 5.0, 6.0]), np.array([[1, 1, 0, 0, 1], [0, 1, 1, 0, 0], [0, 0, 1, 1, 1]])
    simplex = [vertex for vertex in itertools.product([0.0, 0.4, 0.6], repeat=3) if abs(sum(vertex) - 1) < 1e-9]
    return [
        Instance(
            "knapsack",
            {"A_ub": [sizes], "b_ub": [10], "bounds": (0, 1)},
            {"sense": "max"},
            solutions=_points([(0, 1)] * 4, lambda x: bool(sizes @ x <= 10)),
            rows={"b_ub": [[10.0], [3.0], [18.0]]},
            bad_row={"b_ub": [-1.0]},
        ),
        Instance(
            "cover",
            {"A_ub": -cover, "b_ub": -np.ones(3), "bounds": (0, 1)},
            solutions=_points([(0, 1)] * 5, lambda x: bool((cover @ x >= 1).all())),
        ),
        Instance(
            "whole numbers",
            {"A_eq": [[1, 2, -1]], "b_eq": [1], "bounds": [(-1, 2), (0, 1), (-2, 3)]},
            solutions=_points([range(-1, 3), range(2), range(-2, 4)], lambda x: bool(x @ [1, 2, -1] == 1)),
            rows={"b_eq": [[1.0], [-4.0], [5.0]]},
            bad_row={"b_eq": [99.0]},
        ),
        Instance(
            "cut simplex, continuous",
            {"A_eq": [[1, 1, 1]], "b_eq": [1], "bounds": (0, 0.6), "integrality": 0},
            solutions=simplex,
        ),
        Instance(
            "half open",
            {"A_ub": [[-1, -1]], "b_ub": [-2], "bounds": [(0, 2), (0, None)]},
            # costs: of a second variable without end, which is paid for
            objectives=lambda rng, rows: rng.uniform([-1.0, 0.5], [1.0, 1.5], size=(rows, 2)),
            oracle=lambda costs: min(a * costs[0] + max(0, 2 - a) * costs[1] for a in range(3)),
            feasible=lambda x: bool(0 <= x[0] <= 2 and x[1] >= 0 and x.sum() >= 2 and (x == np.rint(x)).all()),
            bad_objective=[1.0, -1.0],
            expected_failures={"negative-objectives": "the feasible set is unbounded where costs are negative"},
        ),
    ]


def _complete(n: int, m: int) -> Floats:
    """0/1 matrices with a one in each row and at most one in each column."""
    return np.array([np.eye(m)[list(columns)] for columns in itertools.permutations(range(m), n)])


def _points(ranges: Sequence[Iterable[int]], allowed: Callable[[Floats], bool]) -> Floats:
    """Whole-numbered points that are allowed."""
    points = np.array(list(itertools.product(*ranges)), dtype=float)
    return points[[allowed(point) for point in points]]
