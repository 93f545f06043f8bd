"""What `imle check topk` checks it on; imported by checks and by nothing else."""

from __future__ import annotations

import itertools

import numpy as np

from imle.testing import Instance


def instances(solver_id: str) -> list[Instance]:
    """All subsets are listed, so answers and gradients are compared with an enumeration."""
    del solver_id
    columns = [np.array(pair).T for pair in itertools.product(_subsets(3, 1), repeat=2)]
    return [
        Instance("2 of 5", {"k": 2}, solutions=_subsets(5, 2), shape=(5,), rows={"k": [1, 2, 0, 5]}),
        Instance("none", {"k": 0}, solutions=_subsets(3, 0), shape=(3,)),
        Instance("all", {"k": 3}, solutions=_subsets(3, 3), shape=(3,)),
        Instance("1 of each column", {"k": 1}, {"dim": -2}, solutions=columns, shape=(3, 2), rows={"k": [0, 1, 3]}),
    ]


def _subsets(n: int, k: int) -> list[list[float]]:
    return [[float(i in chosen) for i in range(n)] for chosen in itertools.combinations(range(n), k)]
