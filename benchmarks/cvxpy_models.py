"""CVXPY models: one problem, many values of its Parameters

Costs and right sides are Parameters that change from row to row. The reference sets `.value` and calls
`problem.solve(solver="HIGHS")`, which canonicalises once and then only applies the Parameters (DPP). Answers are
compared before anything is timed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import cvxpy as cp
import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Claim, race
from imle_cvxpy.solver import CvxpySolver

Floats = NDArray[np.float64]
ROWS, FEW, ROUNDS = 64, 8, 5


class Model(NamedTuple):
    """A problem, its learned Parameter and another one, values of both, `[N, *shape]` each, and a target per engine."""

    name: str
    problem: cp.Problem
    costs: Any
    side: Any
    objectives: Floats
    sides: Floats
    targets: Mapping[str, float]


def transport(rng: np.random.Generator) -> Model:
    """8 plants supply 40 at the most each; what 12 shops want differs from row to row."""
    costs, demand = cp.Parameter((8, 12), name="costs"), cp.Parameter(12, name="demand")
    x = cp.Variable((8, 12), nonneg=True)
    flow = [cp.sum(x, axis=1) <= 40, cp.sum(x, axis=0) == demand]
    problem = cp.Problem(cp.Minimize(cp.sum(cp.multiply(costs, x))), flow)
    given = rng.uniform(1, 5, size=(ROWS, 8, 12)), rng.integers(5, 25, (ROWS, 12)).astype(np.float64)
    return Model("transport 8 x 12", problem, costs, demand, *given, {"highs": 5, "auto": 20})


def knapsack(rng: np.random.Generator) -> Model:
    """30 items, and two capacities, which differ from row to row."""
    costs, capacity = cp.Parameter(30, name="costs"), cp.Parameter(2, name="capacity")
    x = cp.Variable(30, boolean=True)
    sizes = rng.integers(3, 9, size=(2, 30)).astype(np.float64)
    problem = cp.Problem(cp.Minimize(costs @ x), [sizes @ x <= capacity])
    given = -rng.uniform(3, 9, (ROWS, 30)), rng.integers(30, 60, (ROWS, 2)).astype(np.float64)
    return Model("knapsack 30 x 2", problem, costs, capacity, *given, {"highs": 2, "auto": 20})


def blend(rng: np.random.Generator, parts: int, limits: int, target: float) -> Model:
    """Shares of parts that add up to 1 and have enough of everything: no structure to be recognised, but small."""
    costs, least = cp.Parameter(parts, name="costs"), cp.Parameter(limits, name="least")
    x = cp.Variable(parts, bounds=[0, 0.5])
    contents = rng.uniform(size=(limits, parts))
    problem = cp.Problem(cp.Minimize(costs @ x), [cp.sum(x) == 1, contents @ x >= least])
    given = rng.uniform(0, 2, (ROWS, parts)), rng.uniform(0.2, 0.5, (ROWS, limits))
    return Model(f"blend {parts} x {limits}", problem, costs, least, *given, {"highs": target, "auto": 20})


def by_cvxpy(model: Model) -> list[float]:
    """Optimal values of the first rows, one after the other."""
    values = []
    for costs, side in zip(model.objectives[:FEW], model.sides, strict=False):
        model.costs.value, model.side.value = costs, side
        values.append(float(model.problem.solve(solver=cp.HIGHS, mip_rel_gap=0.0)))
    return values


def compare(model: Model) -> list[Claim]:
    """Time per row of each engine."""
    expected = by_cvxpy(model)
    candidates: dict[str, Callable[[], Any]] = {"cvxpy": lambda: by_cvxpy(model)}
    for engine in model.targets:
        solve = CvxpySolver(engine=engine).prepare(model.problem, parameters=model.costs).solve
        candidates[engine] = partial(solve, model.objectives, values=model.sides)
        np.testing.assert_allclose(candidates[engine]().values[:FEW], expected, rtol=1e-6)
    times = race(candidates, rounds=ROUNDS)
    return [
        Claim(
            f"{model.name}, engine={engine!r}, over problem.solve",
            times[engine] / ROWS,
            times["cvxpy"] / FEW,
            target,
            note="per row, with other costs and another right side",
        )
        for engine, target in model.targets.items()
    ]


def claims() -> list[Claim]:
    rng = np.random.default_rng(0)
    models = transport(rng), knapsack(rng), blend(rng, 10, 3, 5), blend(rng, 40, 15, 5)
    return [claim for model in models for claim in compare(model)]
