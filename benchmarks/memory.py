"""Memory: 100,000 solves through one prepared solver; resident size at the end, less that after 1,000

The claim's reference is what a process may grow by: 10 MB, that is 105 bytes a solve.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model

from benchmarks.harness import Claim
from imle.solvers import PreparedSolver
from imle_highs import problems
from imle_highs.ilp import HighsILPSolver
from imle_highs.lp import HighsLPSolver
from imle_ortools.cp_sat import CPSATSolver
from imle_ortools.ilp.solver import ILPSolver

Floats = NDArray[np.float64]
WARM_UP, SOLVES = 1_000, 100_000
ALLOWED = 10 * 2**20
"""Bytes."""


class Subject(NamedTuple):
    """A prepared solver, and `[WARM_UP, n]` objectives it is given again and again."""

    name: str
    prepare: Callable[[], PreparedSolver]
    objectives: Floats


def cp_sat_knapsack() -> PreparedSolver:
    model = cp_model.CpModel()
    x = [model.new_bool_var(f"x{i}") for i in range(6)]
    model.add(sum(w * v for w, v in zip((3, 4, 5, 6, 2, 7), x, strict=True)) <= 13)
    return CPSATSolver().prepare(model, x)


def subjects() -> list[Subject]:
    """Instances so small that 100,000 solves take a minute or two, and yet go through all a solve goes through."""
    rng = np.random.default_rng(0)
    knapsack = problems.knapsack([3, 4, 5, 6, 2, 7], 13)  # its relaxation is never whole
    triangle = [[1, 1, 0], [0, 1, 1], [1, 0, 1]]
    triangles = {"A_ub": np.kron(np.eye(2), triangle), "b_ub": np.ones(6), "bounds": (0, 1)}
    return [
        Subject("highs-lp", lambda: HighsLPSolver().prepare(**problems.assignment(4)), rng.normal(size=(WARM_UP, 16))),
        Subject(
            "highs-ilp by branch and bound",
            lambda: HighsILPSolver(sense="max", tuning="lean").prepare(**knapsack),
            rng.uniform(1.0, 1.9, size=(WARM_UP, 6)),
        ),
        Subject(
            "highs-ilp by branching on the relaxation",
            lambda: HighsILPSolver(sense="max").prepare(**triangles),
            rng.uniform(1.0, 1.9, size=(WARM_UP, 6)),
        ),
        Subject(
            "ortools-ilp",
            lambda: ILPSolver(sense="max").prepare(**knapsack),
            rng.uniform(0.5, 1.5, size=(WARM_UP, 6)),
        ),
        Subject("ortools-cp-sat", cp_sat_knapsack, rng.uniform(0.5, 1.5, size=(WARM_UP, 6))),
    ]


def resident() -> int:
    """Bytes of this process in memory."""
    gc.collect()
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def growth(subject: Subject) -> Claim:
    solver = subject.prepare()
    solver.solve(subject.objectives)
    before = resident()
    for _ in range(SOLVES // WARM_UP):
        solver.solve(subject.objectives)
    grown = resident() - before
    return Claim(f"{subject.name}, {SOLVES:,} solves", grown, ALLOWED, target=1.0, at_most=True, unit="B")


def claims() -> list[Claim]:
    return [growth(subject) for subject in subjects()]
