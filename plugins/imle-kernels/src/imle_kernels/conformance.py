"""What `imle check` checks the solvers on; imported by checks and by nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from imle.testing import Floats, Instance


def instances(solver_id: str) -> list[Instance]:
    """Instances whose solutions are all listed: every 0/1 vector is tried."""
    made = {
        "assignment": _assignments,
        "knapsack": _knapsacks,
        "subset": _subsets,
        "ranking": _ranks,
        "ranking-matrix": _orders,
    }
    return made[solver_id]()


def _assignments() -> list[Instance]:
    wide = _points(6, lambda z: bool((z.reshape(2, 3).sum(1) == 1).all() and (z.reshape(2, 3).sum(0) <= 1).all()))
    any_pairs = _points(6, lambda z: bool((z.reshape(2, 3).sum(1) <= 1).all() and (z.reshape(2, 3).sum(0) <= 1).all()))
    masked = np.array([[1, 1, 0], [1, 1, 1]])
    return [
        Instance("2 x 3", solutions=wide, shape=(2, 3), rows={"sizes": [[2, 3], [1, 2], [2, 1], [0, 3]]}),
        Instance("some unmatched", {"unmatched": [0.5, -0.25]}, solutions=any_pairs, shape=(2, 3)),
        Instance("tall, scores", {}, {"sense": "max"}, solutions=wide.reshape(-1, 2, 3).swapaxes(1, 2), shape=(3, 2)),
        Instance("some pairs", {"allowed": masked}, solutions=wide[wide[:, 2] == 0]),
        Instance("one size", solutions=[np.eye(3)[list(p)] for p in itertools.permutations(range(3))], shape=(3, 3)),
    ]


def _knapsacks() -> list[Instance]:
    weights, capacity = np.array([[2.0, 3.0, 4.0, 5.0], [1.0, 1.0, 1.0, 1.0]]), [7.0, 2.0]
    return [
        Instance(
            "two capacities",
            {"weights": weights, "capacity": capacity},
            solutions=_points(4, lambda x: bool((weights @ x <= capacity).all())),
            rows={
                "weights": [weights, weights + 0.1, weights / 3, weights * np.pi],
                "capacity": [[7.0, 2.0], [4.0, 1.1], [14.0, 4.0], [8.0 / 3.0, 2.0]],
            },
            bad_row={"capacity": [-1.0, 2.0], "weights": -weights},
            bad_objective=[1e308, 1e308, 1e308, 1e308],
        )
    ]


def _subsets() -> list[Instance]:
    limits = {"at_least": [0, 1, 2], "at_most": [0, 1, 4]}
    some = _points(4, lambda z: bool(1 <= z.sum() <= 3))
    return [
        Instance("1 to 3 of 4", {"at_least": 1, "at_most": 3}, solutions=some, shape=(4,), rows=limits),
        Instance("any of 3", solutions=_points(3, lambda z: True), shape=(3,)),
    ]


def _ranks() -> list[Instance]:
    ranks = _permutations(4)
    return [
        Instance("4 scores", solutions=ranks, shape=(4,), rows={"lengths": [4, 2, 0, 3]}),
        Instance("the lowest first", {}, {"sense": "max"}, solutions=ranks, shape=(4,)),
    ]


def _orders() -> list[Instance]:
    return [
        Instance(
            f"{n} items",
            {"n": n},
            solutions=[np.array([*ranks, *np.eye(n)[np.array(ranks) - 1].ravel()]) for ranks in _permutations(n)],
        )
        for n in (3, 1)
    ]


def _permutations(n: int) -> list[tuple[int, ...]]:
    return list(itertools.permutations(range(1, n + 1)))


def _points(n: int, allowed: Callable[[Floats], bool]) -> Floats:
    """All 0/1 vectors that are allowed."""
    vectors = np.array(list(itertools.product((0.0, 1.0), repeat=n)))
    return vectors[[allowed(vector) for vector in vectors]]
