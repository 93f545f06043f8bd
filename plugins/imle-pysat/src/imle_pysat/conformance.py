"""What `imle check maxsat` checks it on; imported by checks and by nothing else."""

from __future__ import annotations

import itertools

import numpy as np

from imle.testing import Floats, Instance

HARD = [[-1, -2], [2, 3, -4], [-3, 4]]
SOFT = [[1], [2, -3], [3], [-1, 4], [2, 3]]
WCNF = """c the clauses above: three hard ones, then the soft ones with weights of their own
h -1 -2 0
h 2 3 -4 0
h -3 4 0
1 1 0
2 2 -3 0
3 3 0
4 -1 4 0
5 2 3 0
"""


def instances(solver_id: str) -> list[Instance]:
    """All models are listed by trying every assignment; those of soft clauses are what these models satisfy."""
    del solver_id
    models = _models(HARD, 4)
    satisfied = np.unique([[_holds(clause, model) for clause in SOFT] for model in models], axis=0).astype(float)
    return [
        Instance("soft clauses", {"hard": HARD, "soft": SOFT}, solutions=satisfied),
        Instance("weights to avoid, WCNF", {"wcnf": WCNF}, {"sense": "min"}, solutions=satisfied),
        Instance("variables", {"hard": HARD}, {"weights": "variables"}, solutions=models),
        Instance(
            "variables beside soft clauses",
            {"hard": HARD, "soft": SOFT, "soft_weights": [3, -1.5, 0.4, 0.7, -2]},
            {"weights": "variables"},
            solutions=models,
        ),
        Instance(
            "variables, all weights at once",
            {"hard": HARD},
            {"weights": "variables", "sense": "min", "stratified": False},
            solutions=models,
        ),
    ]


def _models(clauses: list[list[int]], variables: int) -> Floats:
    """`[M, V]` assignments that satisfy all clauses."""
    every = np.array(list(itertools.product([0.0, 1.0], repeat=variables)))
    return every[[all(_holds(clause, assignment) for clause in clauses) for assignment in every]]


def _holds(clause: list[int], assignment: Floats) -> bool:
    return any((assignment[abs(literal) - 1] == 1) == (literal > 0) for literal in clause)
