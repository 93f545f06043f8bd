"""A parameter per row: changed right sides, bounds, weights and walls beside changed objectives

Right sides and weights are learned with S = 10 samples, each with an instance of its own: forward passes of layers are
timed, beside those of layers with noise on the objective. The rest are bare solvers: one call with a parameter per row
beside one with the same for all rows, or beside instances of their own, prepared and solved one by one. Values are
compared before anything is timed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import imle
from benchmarks import linear
from benchmarks.harness import Claim, race
from imle.solvers import Solver
from imle_highs import problems
from imle_highs.lp import HighsLPSolver
from imle_kernels.knapsack import KnapsackSolver
from imle_networkx.grid import GridShortestPathSolver
from imle_networkx.shortest_path import ShortestPathSolver
from imle_ortools.min_cost_flow import MinCostFlowSolver

Floats = NDArray[np.float64]
ROWS, SAMPLES = 4, 10
ROUNDS = 5


def shortage(rng: np.random.Generator, size: int = 30) -> dict[str, Any]:
    """Transport from suppliers to customers; what these do not get has a price: `size * size + size` variables."""
    both = problems.assignment(size)["A_eq"]
    supply, demand = rng.integers(8, 20, size), rng.integers(5, 17, size)
    from_suppliers = np.hstack([both[:size], np.zeros((size, size))])
    to_customers = np.hstack([both[size:], np.eye(size)])
    return {"A_ub": from_suppliers, "b_ub": supply.astype(float), "A_eq": to_customers, "b_eq": demand.astype(float)}


def multiple_cover(rng: np.random.Generator) -> dict[str, Any]:
    """Up to three shifts of each kind, so that enough people are there at all times."""
    works = rng.random((20, 30)) < 0.15
    works[np.arange(20), rng.permutation(30)[:20]] = True
    return {"A_ub": -works.astype(float), "b_ub": -rng.uniform(1, 3, 20), "bounds": (0, 3)}


def learned_beside_noisy(name: str, solver: str, side: str, instance: Mapping[str, Any], costs: Floats) -> Claim:
    """S samples of a changed right side beside S samples of a changed objective `[n]`."""
    fixed = {parameter: value for parameter, value in instance.items() if parameter != side}
    right = torch.from_numpy(instance[side])
    options: dict[str, Any] = {"nb_samples": SAMPLES, **fixed}
    scale = 0.05 * float(right.abs().mean())
    changed = imle.layer(solver, learned={side: scale}, noise=None, **options)
    noisy = imle.layer(
        solver, noise="gaussian", temperature=0.05 * float(np.abs(costs).mean()), **options, **{side: right}
    )
    objective = torch.from_numpy(costs).repeat(ROWS, 1).requires_grad_()
    given = {side: right.repeat(ROWS, 1).requires_grad_()}
    times = race({"side": lambda: changed(objective, **given), "costs": lambda: noisy(objective)}, rounds=ROUNDS)
    for layer in (changed, noisy):
        assert layer.stats.solves % (ROWS * SAMPLES) == 0
        assert layer.stats.status["optimal"] == layer.stats.solves
    rows = ROWS * SAMPLES
    return Claim(
        f"{name}: {side} changed, beside costs changed",
        times["side"] / rows,
        times["costs"] / rows,
        target=1.5,
        at_most=True,
        note=f"forward pass of a layer, S = {SAMPLES}, per solve",
    )


def right_sides(rng: np.random.Generator) -> list[Claim]:
    transport, dense, cover = shortage(rng), linear.dense(rng), multiple_cover(rng)
    knapsack = problems.knapsack(rng.integers(300, 800, size=(3, 32)) / 100, [20.0] * 3)
    prices = np.append(rng.uniform(0.5, 1.5, 900), np.full(30, 5.0))
    work = (
        "highs-lp, transport 30x30",
        "highs-lp, packing 200x100",
        "highs-ilp, knapsack 32x3",
        "highs-ilp, shifts 30x20",
    )
    return [
        learned_beside_noisy(work[0], "highs-lp", "b_eq", transport, prices),
        learned_beside_noisy(work[1], "highs-lp", "b_ub", dense, -rng.uniform(0.5, 1.5, 200)),
        learned_beside_noisy(work[2], "highs-ilp", "b_ub", knapsack, -rng.uniform(0.5, 1.5, 32)),
        learned_beside_noisy(work[3], "highs-ilp", "b_ub", cover, rng.uniform(0.5, 1.5, 30)),
    ]


def alone(solver: Solver, fixed: Mapping[str, Any], objective: Floats, rows: Mapping[str, Any]) -> Callable[[], Floats]:
    """Each row with an instance of its own, prepared and solved."""

    def solve() -> Floats:
        values = []
        for n, row in enumerate(objective):
            result = solver.prepare(**fixed, **{name: column[n] for name, column in rows.items()}).solve(row[None])
            assert result.values is not None
            values.append(result.values[0])
        return np.array(values)

    return solve


def per_row(
    name: str, solver: Solver, instance: Mapping[str, Any], objective: Floats, rows: Mapping[str, Any], *targets: float
) -> list[Claim]:
    """One call with a parameter per row, beside instances of their own, and beside one instance for all.

    Args:
        name: of the problem.
        solver: the solver.
        instance: the instance for all.
        objective: `[N, *shape]`.
        rows: what each row has instead.
        targets: how many times as fast as instances of their own, and at most how many times as slow as one for all.
    """
    fixed = {parameter: value for parameter, value in instance.items() if parameter not in rows}
    kept, shared = solver.prepare(**fixed), solver.prepare(**instance)
    candidates: dict[str, Callable[[], Any]] = {
        "rows": lambda: kept.solve(objective, **rows),
        "alone": alone(solver, fixed, objective, rows),
        "one": lambda: shared.solve(objective),
    }
    expected = candidates["alone"]()
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(candidates["rows"]().values, expected, rtol=1e-6)
    times = {which: seconds / len(objective) for which, seconds in race(candidates, rounds=ROUNDS).items()}
    what = " and ".join(rows)
    return [
        Claim(f"{name}: {what} per row, over instances of their own", times["rows"], times["alone"], targets[0]),
        Claim(f"{name}: {what} per row, beside one for all", times["rows"], times["one"], targets[1], at_most=True),
    ]


def bounds_and_matrices(rng: np.random.Generator) -> list[Claim]:
    transport, count = shortage(rng), 20
    costs = linear.noisy(rng, 930, count) + np.append(np.zeros(900), np.full(30, 4.0))
    lanes = np.stack([np.zeros((count, 930)), np.where(np.arange(930) < 900, rng.uniform(4, 9, (count, 930)), 99)], -1)
    by_bounds = {**transport, "bounds": lanes[0]}
    claims = per_row("highs-lp, transport 30x30", HighsLPSolver(), by_bounds, costs, {"bounds": lanes}, 1.5, 1.5)
    dense = linear.dense(rng)
    matrices = dense["A_ub"] * rng.lognormal(0, 0.05, (count, 100, 200))
    values = -linear.noisy(rng, 200, count)
    fixed, shared = {**dense}, HighsLPSolver().prepare(**dense)
    del fixed["A_ub"]
    own = alone(HighsLPSolver(), fixed, values, {"A_ub": matrices})
    times = race({"alone": own, "one": lambda: shared.solve(values)}, rounds=ROUNDS)
    name = "highs-lp, packing 200x100: A_ub of their own, rebuilt, beside one for all"
    claims.append(Claim(name, times["alone"] / count, times["one"] / count, 2.5, at_most=True))
    return claims


def knapsacks(rng: np.random.Generator, count: int = 320) -> list[Claim]:
    weights, values = rng.integers(300, 800, (3, 32)) / 100, rng.uniform(0.5, 1.5, (count, 32))
    noisy = weights * rng.lognormal(0, 0.05, (count, 3, 32))
    instance = {"weights": weights, "capacity": 20.0}
    return per_row("knapsack 32x3", KnapsackSolver(), instance, values, {"weights": noisy}, 3.0, 1.5)


def flows(rng: np.random.Generator, count: int = 80, size: int = 15) -> list[Claim]:
    tails, heads = np.repeat(np.arange(size), size), size + np.tile(np.arange(size), size)
    demands = rng.multinomial(20 * size, np.full(size, 1 / size), count)
    supplies = np.hstack([np.full((count, size), 20), -demands])
    instance = {"tails": tails, "heads": heads, "capacities": np.full(size * size, 12), "supplies": supplies[0]}
    costs = rng.uniform(0.5, 1.5, (count, size * size))
    return per_row("min-cost flow 15x15", MinCostFlowSolver(), instance, costs, {"supplies": supplies}, 1.0, 1.2)


def walls(rng: np.random.Generator, count: int = 320) -> list[Claim]:
    costs, allowed = rng.uniform(0.5, 1.5, (count, 12, 12)), rng.random((count, 12, 12)) < 0.85
    allowed[:, np.arange(12), np.arange(12)] = True
    solver = GridShortestPathSolver()
    claims = per_row("12x12 grid", solver, {}, costs, {"allowed": allowed}, 3.0, 1.5)
    arcs = [[(tail, head) for tail, head in _steps() if own.flat[tail] and own.flat[head]] for own in allowed[:20]]
    graphs = ShortestPathSolver(weights="node")
    fixed = {"source": 0, "target": 143, "nodes": 144, "directed": False}
    by_graphs = alone(graphs, fixed, costs[:20].reshape(20, 144), {"edges": arcs})
    masked = lambda: solver.prepare().solve(costs, allowed=allowed)  # noqa: E731
    values = masked().values
    assert values is not None
    np.testing.assert_allclose(values[:20], by_graphs(), rtol=1e-9)
    times = race({"masks": masked, "graphs": by_graphs}, rounds=ROUNDS)
    name = "12x12 grid: walls per row, over a graph per row"
    return [*claims, Claim(name, times["masks"] / count, times["graphs"] / 20, 20.0)]


def _steps(size: int = 12) -> list[tuple[int, int]]:
    """Pairs of neighbours on a grid with diagonals."""
    cells = np.arange(size * size).reshape(size, size)
    beside = (cells[:, :-1], cells[:, 1:]), (cells[:-1], cells[1:])
    across = (cells[:-1, :-1], cells[1:, 1:]), (cells[:-1, 1:], cells[1:, :-1])
    return [
        pair
        for one, other in (*beside, *across)
        for pair in zip(one.ravel().tolist(), other.ravel().tolist(), strict=True)
    ]


def claims() -> list[Claim]:
    rng = np.random.default_rng(0)
    return [*right_sides(rng), *bounds_and_matrices(rng), *knapsacks(rng), *flows(rng), *walls(rng)]
