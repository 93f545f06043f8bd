"""What "auto" does with a row whose relaxation is fractional, and that it ends where HiGHS' own options end."""

from __future__ import annotations

import numpy as np

from imle.solvers import SolveStatus
from imle_highs import problems
from imle_highs.ilp import HighsILPSolver
from imle_highs.native import Native
from imle_highs.presets import NODES


def cover(rng, elements=40, sets=80):
    contains = rng.uniform(size=(elements, sets)) < 0.06
    contains[np.arange(elements), rng.integers(0, sets, elements)] = True
    return problems.set_cover(contains)


def generalised_assignment(rng, agents=4, jobs=12):
    """Each job to one agent, within capacities: weak relaxations, hundreds of nodes."""
    sizes = rng.integers(5, 25, (agents, jobs)).astype(float)
    capacity = np.zeros((agents, agents * jobs))
    for agent in range(agents):
        capacity[agent, agent * jobs : (agent + 1) * jobs] = sizes[agent]
    return {
        "A_ub": capacity,
        "b_ub": 0.8 * sizes.sum(axis=1) / agents,
        "A_eq": np.tile(np.eye(jobs), agents),
        "b_eq": np.ones(jobs),
        "bounds": (0, 1),
    }


def cycles(number=5, length=3):
    """Stable sets of odd cycles: the relaxation is 1/2 everywhere, and a node or two per cycle settle it."""
    edges = np.zeros((number * length, number * length))
    for cycle in range(number):
        for i in range(length):
            edges[cycle * length + i, [cycle * length + i, cycle * length + (i + 1) % length]] = 1.0
    return {"A_ub": edges, "b_ub": np.ones(len(edges)), "bounds": (0, 1)}


def same_as_default(sense, instance, objective):
    auto = HighsILPSolver(sense=sense).prepare(**instance).solve(objective)
    default = HighsILPSolver(sense=sense, tuning="default").prepare(**instance).solve(objective)
    np.testing.assert_array_equal(auto.status, default.status)
    np.testing.assert_allclose(auto.values, default.values, rtol=1e-9)
    return auto


def test_sparse_rows_are_branched_on():
    rng = np.random.default_rng(0)
    counters = same_as_default("min", cover(rng), rng.uniform(1, 2, (30, 80))).counters
    assert counters["branched_on_relaxation"] > 5
    assert counters["branched_on_relaxation"] + counters["integral_relaxations"] == 30


def test_known_optimum_of_odd_cycles():
    result = same_as_default("max", cycles(), np.ones((1, 15)))
    assert result.counters == {"branched_on_relaxation": 1}
    assert result.values.tolist() == [5.0]


def test_branching_gives_up_after_some_nodes(monkeypatch):
    runs, run = [], Native.run
    monkeypatch.setattr(Native, "run", lambda self, seconds: runs.append(self) or run(self, seconds))
    rng = np.random.default_rng(1)
    instance = generalised_assignment(rng)
    prepared = HighsILPSolver().prepare(**instance)
    result = prepared.solve(rng.uniform(10, 50, (1, 48)))
    assert result.counters == {"branch_and_bound": 1}
    assert len(runs) == 1 + NODES + 1
    monkeypatch.undo()
    same_as_default("min", instance, rng.uniform(10, 50, (2, 48)))


def test_bounds_are_those_of_the_program_again_after_giving_up():
    rng = np.random.default_rng(2)
    instance = generalised_assignment(rng)
    objective = rng.uniform(10, 50, (3, 48))
    prepared = HighsILPSolver().prepare(**instance)
    together = prepared.solve(objective)
    np.testing.assert_array_equal(prepared.solve(objective[::-1]).solutions[::-1], together.solutions)


def test_dense_rows_go_to_branch_and_bound():
    rng = np.random.default_rng(3)
    sizes = rng.integers(300, 800, size=(5, 32)) / 100
    counters = same_as_default(
        "max", problems.knapsack(sizes, sizes.sum(axis=1) / 4), rng.uniform(1, 2, (4, 32))
    ).counters
    assert counters == {"branch_and_bound": 4}


def test_branching_proves_that_nothing_is_whole():
    pairs = np.kron(np.eye(3), [[2.0, 2.0]])
    result = HighsILPSolver().prepare(A_eq=pairs, b_eq=[3, 3, 3], bounds=(0, 1)).solve(np.ones((2, 6)))
    assert result.status.tolist() == [SolveStatus.INFEASIBLE] * 2
    assert result.counters == {"branched_on_relaxation": 2}
    assert set(result.messages.values()) == {"no point satisfies all constraints and bounds"}


def test_branching_keeps_to_the_gap():
    rng = np.random.default_rng(4)
    instance, objective = cover(rng), rng.uniform(1, 2, (20, 80))
    exact = HighsILPSolver(tuning="default").prepare(**instance).solve(objective).values
    for gap in (0.0, 0.1):
        found = HighsILPSolver(gap=gap).prepare(**instance).solve(objective).values
        assert (found >= exact - 1e-9).all()
        assert (found * (1 - gap) <= exact + 1e-9).all()  # the gap is relative to what is found


def test_branching_on_wide_and_mixed_variables():
    """Sparse pairs `2 x + 2 y <= 7` with x whole and y not, or both whole."""
    pairs = np.kron(np.eye(4), [[2.0, 2.0]])
    kinds = [1, 0, 1, 1, 1, 0, 1, 1]
    prepared = HighsILPSolver(sense="max").prepare(A_ub=pairs, b_ub=[7] * 4, bounds=(0, None), integrality=kinds)
    result = prepared.solve(np.array([[3.0, 2.0, 3.0, 2.0, 2.0, 3.0, 2.0, 3.0]]))
    np.testing.assert_allclose(result.solutions, [[3, 0.5, 3, 0, 0, 3.5, 0, 3]])
    assert result.counters == {"branched_on_relaxation": 1}
