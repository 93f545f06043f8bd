"""Two threads on one prepared solver: half the rows each, over all rows in one thread

Solvers that release the GIL while they solve need no processes: a prepared solver keeps one native model per thread.
Compared are the best of many rounds each: two threads need two free cores, and any other job takes one of them away.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model

from benchmarks import linear
from benchmarks.harness import Claim, race
from imle.solvers import PreparedSolver, SolveResult
from imle_highs import problems
from imle_highs.ilp import HighsILPSolver
from imle_highs.lp import HighsLPSolver
from imle_ortools.cp_sat import CPSATSolver

Floats = NDArray[np.float64]
THREADS, ROUNDS = 2, 25


def two_threads(name: str, solver: PreparedSolver, objectives: Floats) -> Claim:
    """Seconds for all rows in one thread, and dealt out to two."""
    hands = [objectives[start::THREADS].copy() for start in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:

        def together() -> list[SolveResult]:
            return list(pool.map(solver.solve, hands))

        alone = solver.solve(objectives).solutions
        for start, part in enumerate(together()):
            np.testing.assert_array_equal(part.solutions, alone[start::THREADS])
        candidates = {"one": lambda: solver.solve(objectives), "two": together}
        rounds = [race(candidates, rounds=1, warmups=0) for _ in range(ROUNDS)]
    one, two = (min(times[which] for times in rounds) for which in candidates)
    return Claim(name, two, one, target=1.6, note=f"{len(objectives)} rows")


def small_cp_sat(rng: np.random.Generator, items: int = 32) -> PreparedSolver:
    """A knapsack of three dimensions."""
    model = cp_model.CpModel()
    x = [model.new_bool_var(f"x{i}") for i in range(items)]
    for line in rng.integers(3, 8, size=(3, items)).tolist():
        model.add(sum(w * v for w, v in zip(line, x, strict=True)) <= 60)
    return CPSATSolver().prepare(model, x)


def claims() -> list[Claim]:
    rng = np.random.default_rng(0)
    sizes = rng.integers(300, 800, size=(3, 32)) / 100
    paths = linear.grid_paths()
    arcs = paths["A_eq"].shape[1]
    return [
        two_threads(
            "highs-lp, transport 30x30", HighsLPSolver().prepare(**linear.transport(rng)), linear.noisy(rng, 900, 64)
        ),
        two_threads("highs-lp, paths 12x12", HighsLPSolver().prepare(**paths), linear.noisy(rng, arcs, 64)),
        two_threads(
            "highs-lp, dense 200x100", HighsLPSolver().prepare(**linear.dense(rng)), -linear.noisy(rng, 200, 32)
        ),
        two_threads(
            "highs-ilp, knapsack 32x3",
            HighsILPSolver(sense="max").prepare(**problems.knapsack(sizes, [20.0] * 3)),
            rng.uniform(0.5, 1.5, (48, 32)),
        ),
        two_threads("ortools-cp-sat, knapsack 32x3", small_cp_sat(rng), rng.uniform(0.5, 1.5, (32, 32))),
    ]
