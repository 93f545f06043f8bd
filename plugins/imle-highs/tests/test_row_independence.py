"""A row's answer depends on that row alone, ties included; threads, other models and memory do not matter either."""

from __future__ import annotations

import gc
import resource
from concurrent.futures import ThreadPoolExecutor

import highspy
import numpy as np
import pytest

from imle.solvers import SolveStatus
from imle_highs import problems
from imle_highs.ilp import HighsILPSolver
from imle_highs.lp import HighsLPSolver


def instances():
    rng = np.random.default_rng(6)
    cover = rng.uniform(size=(12, 20)) < 0.2
    cover[:, 0] = True
    return {
        "assignment": (problems.assignment(5), 25),
        "cover": (problems.set_cover(cover), 20),
        "cycles": ({"A_ub": np.eye(9) + np.kron(np.eye(3), np.roll(np.eye(3), 1, 1)), "b_ub": np.ones(9)}, 9),
        "knapsack": (problems.knapsack(rng.integers(1, 9, size=(2, 15)), [20, 20]), 15),
        "packing": ({"A_ub": rng.integers(1, 4, size=(8, 12)), "b_ub": np.full(8, 7), "bounds": (0, 1)}, 12),
    }


def objectives(n, rows=40):
    """Half of them small whole numbers: plenty of ties."""
    rng = np.random.default_rng(7)
    tied = rng.integers(-2, 3, size=(rows // 2, n)).astype(float)
    return np.concatenate([tied, rng.normal(size=(rows - rows // 2, n))])


SOLVERS = [HighsLPSolver(), HighsLPSolver(method="primal"), HighsILPSolver(), HighsILPSolver(tuning="default")]


@pytest.mark.parametrize("name", instances())
@pytest.mark.parametrize("solver", SOLVERS, ids=str)
def test_order_and_split_of_the_batch_do_not_matter(name, solver):
    instance, n = instances()[name]
    objective = objectives(n)
    together = solver.prepare(**instance).solve(objective).solutions
    order = np.random.default_rng(8).permutation(len(objective))
    np.testing.assert_array_equal(solver.prepare(**instance).solve(objective[order]).solutions, together[order])
    prepared = solver.prepare(**instance)
    single = np.concatenate([prepared.solve(objective[n : n + 1]).solutions for n in range(len(objective))])
    np.testing.assert_array_equal(single, together)


@pytest.mark.parametrize("solver", [HighsLPSolver(), HighsLPSolver(warm=True), HighsILPSolver()], ids=str)
def test_one_prepared_solver_in_many_threads(solver):
    instance, n = instances()["cover"]
    objective = np.random.default_rng(9).uniform(1, 2, size=(60, n))
    prepared = solver.prepare(**instance)
    alone = prepared.solve(objective)
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(prepared.solve, np.split(objective, 12)))
    np.testing.assert_array_equal(np.concatenate([part.status for part in parts]), alone.status)
    values = np.concatenate([part.values for part in parts])
    np.testing.assert_allclose(values, alone.values, atol=1e-9)


def test_close_may_be_called_twice_and_frees_only():
    prepared = HighsILPSolver().prepare(bounds=[(0, 1)])
    before = prepared.solve(-np.ones((1, 1))).solutions
    prepared.close()
    prepared.close()
    assert prepared.solve(-np.ones((1, 1))).solutions.tolist() == before.tolist() == [[1.0]]


@pytest.mark.parametrize("solver", [HighsLPSolver(), HighsILPSolver()], ids=str)
def test_other_users_of_highs_with_another_number_of_threads(solver):
    """HiGHS starts its threads once per calling thread; a model with another number of them fails without a word."""
    instance, n = problems.assignment(3), 9
    prepared = solver.prepare(**instance)
    other = highspy.Highs()
    other.silent()
    highspy.Highs.resetGlobalScheduler(True)
    other.setOptionValue("threads", 2)
    other.addVar(0.0, 1.0)
    other.addVar(0.0, 1.0)
    other.addRow(1.0, 2.0, 2, np.array([0, 1], dtype=np.int32), np.ones(2))
    other.run()
    result = prepared.solve(np.arange(n, dtype=float)[None])
    highspy.Highs.resetGlobalScheduler(True)
    assert result.status.tolist() == [SolveStatus.OPTIMAL]
    assert result.solutions.sum() == 3


def test_solvers_with_different_threads_take_turns():
    instance, n = instances()["knapsack"]
    objective = objectives(n, rows=4)
    one, two = (HighsILPSolver(sense="max", threads=t).prepare(**instance) for t in (1, 2))
    expected = one.solve(objective).values
    for prepared in (two, one, two):
        np.testing.assert_allclose(prepared.solve(objective).values, expected, atol=1e-9)


def test_nothing_is_printed(capfd):
    for solver in [*SOLVERS, HighsLPSolver(warm=True), HighsILPSolver(tuning="lean")]:
        for instance, n in instances().values():
            solver.prepare(**instance).solve(objectives(n, rows=6))
    HighsILPSolver().prepare(A_eq=[[2, -2]], b_eq=[1]).solve(-np.ones((1, 2)))
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_memory_does_not_grow():
    prepared = HighsLPSolver().prepare(**problems.assignment(3))
    integer = HighsILPSolver().prepare(A_ub=[[2, 2, 2]], b_ub=[3], bounds=(0, 1))
    branching = HighsILPSolver(sense="max").prepare(**instances()["cycles"][0])
    costs = np.random.default_rng(10).normal(size=(500, 9))

    def work():
        prepared.solve(costs)
        integer.solve(costs[:5, :3])
        branching.solve(np.abs(costs[:50]))
        gc.collect()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    work()
    before = work()
    for _ in range(8):
        after = work()
    assert after - before < 8_000  # kB, over 4000 solves
