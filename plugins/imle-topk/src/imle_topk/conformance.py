"""What `imle check` checks the solvers on; imported by checks and by nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from imle.testing import Floats, Instance


def instances(solver_id: str) -> list[Instance]:
    """All solutions are listed, so answers and gradients are compared with an enumeration."""
    return {"topk": _topk, "subset": _subset, "ranking": _ranking}[solver_id]()


def _topk() -> list[Instance]:
    columns = [np.array(pair).T for pair in itertools.product(_subsets(3, [1]), repeat=2)]
    return [
        Instance("2 of 5", {"k": 2}, solutions=_subsets(5, [2]), shape=(5,), rows={"k": [1, 2, 0, 5]}),
        Instance("none", {"k": 0}, solutions=_subsets(3, [0]), shape=(3,)),
        Instance("all", {"k": 3}, solutions=_subsets(3, [3]), shape=(3,)),
        Instance("1 of each column", {"k": 1}, {"dim": -2}, solutions=columns, shape=(3, 2), rows={"k": [0, 1, 3]}),
    ]


def _subset() -> list[Instance]:
    limits = {"at_least": [0, 1, 2], "at_most": [0, 1, 4]}
    return [
        Instance(
            "1 to 3 of 4",
            {"at_least": 1, "at_most": 3},
            solutions=_subsets(4, [1, 2, 3]),
            shape=(4,),
            rows=limits,
        ),
        Instance("any of 3", solutions=_subsets(3, [0, 1, 2, 3]), shape=(3,)),
    ]


def _ranking() -> list[Instance]:
    ranks = list(itertools.permutations([1.0, 2.0, 3.0, 4.0]))
    return [
        Instance("4 scores", solutions=ranks, shape=(4,), rows={"lengths": [4, 2, 0, 3]}),
        Instance("the lowest first", {}, {"sense": "max"}, solutions=ranks, shape=(4,)),
    ]


def _subsets(n: int, sizes: Sequence[int]) -> list[Floats]:
    return [np.array(mask) for mask in itertools.product((0.0, 1.0), repeat=n) if sum(mask) in sizes]
