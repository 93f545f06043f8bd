"""Rows answered from known solutions: by enumeration, per instance, and through state_dict."""

from __future__ import annotations

import copy
import io

import networkx as nx
import numpy as np
import pytest
import torch

import imle
from imle.errors import ObjectiveError, OptionError
from imle.solvers import Pooled, SolutionPool, SolveStatus
from support.hazards import KILL, RAISE, Hazard
from support.solvers import EnumerationSolver, k_subsets

SOLUTIONS = k_subsets(6, 2)


def draws(rows, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, 6))


@pytest.mark.parametrize("sense", ["max", "min"])
@pytest.mark.parametrize("seed", range(3))
def test_the_best_known_solution(sense, seed):
    pool = SolutionPool(solve_ratio=0)
    prepared = Pooled(EnumerationSolver(sense), pool).prepare(solutions=SOLUTIONS)
    first = prepared.solve(draws(4, seed))  # nothing is known: all are solved
    assert first.status is None or not first.status.any()
    known = np.unique(first.solutions, axis=0)
    objective = draws(50, seed + 10)
    result = prepared.solve(objective)
    values = objective @ known.T
    best = values.max(axis=1) if sense == "max" else values.min(axis=1)
    np.testing.assert_allclose((objective * result.solutions).sum(axis=1), best, rtol=1e-12)
    np.testing.assert_allclose(result.values, best, rtol=1e-12)
    assert set(result.status) == {SolveStatus.FEASIBLE}
    assert result.counters == {"pooled_rows": 50}


def test_the_share_of_solved_rows():
    pool = SolutionPool(solve_ratio=0.25, generator=torch.Generator().manual_seed(0))
    prepared = Pooled(EnumerationSolver("max"), pool).prepare(solutions=SOLUTIONS)
    prepared.solve(draws(1))
    objective = draws(2000, 1)
    result = prepared.solve(objective)
    solved = result.status == SolveStatus.OPTIMAL
    assert abs(solved.mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 2000)
    exact = EnumerationSolver("max").prepare(solutions=SOLUTIONS).solve(objective).solutions
    np.testing.assert_array_equal(result.solutions[solved], exact[solved])
    assert result.counters["pooled_rows"] == (~solved).sum()


def test_solve_ratio_one_changes_nothing():
    layer, plain = (imle.layer("topk", k=2, **pool) for pool in ({"pool": 1.0}, {}))
    theta = torch.randn(8, 6)
    for module in (layer, plain):
        torch.manual_seed(0)
        module.found = module(theta)
    assert torch.equal(layer.found, plain.found)
    assert len(layer.pool) > 0


def test_instances_do_not_share_solutions():
    pool = SolutionPool(solve_ratio=0)
    solver = Pooled(EnumerationSolver("max"), pool)
    two, three = (solver.prepare(solutions=k_subsets(6, k)) for k in (2, 3))
    two.solve(draws(9))
    result = three.solve(draws(9))
    assert (result.solutions.sum(axis=1) == 3).all()
    again = solver.prepare(solutions=k_subsets(6, 2)).solve(draws(9, 1))
    assert (again.solutions.sum(axis=1) == 2).all()
    assert again.counters["pooled_rows"] == 9


def test_rows_with_ends_of_their_own():
    layer = imle.layer("grid-shortest-path", neighbours=4, pool=0.0).eval()
    costs = torch.rand(2, 4, 4) + 0.1
    first = layer(costs, source=[(0, 0), (1, 1)])
    second = layer(costs.flip(0), source=[(0, 0), (1, 1)])
    assert torch.equal(first, second)  # one path is known for each
    assert layer.stats.events["pooled_rows"] == 2


def test_rows_that_are_refused_do_not_join():
    """A solver of any size is given nan as it is, and what it makes of it need not be feasible."""
    layer = imle.layer("topk", k=2, pool=0.0, noise=None)
    scores = -torch.rand(4, 5)
    scores[1:, :4] = torch.nan
    with pytest.raises(ObjectiveError, match="row 1"):
        layer(scores)
    assert len(layer.pool) == 1
    assert layer(-1 - torch.rand(4, 5)).sum(dim=1).tolist() == [2, 2, 2, 2]


def test_graphs_are_known_by_content():
    graph = nx.DiGraph([(0, 1), (1, 3), (0, 2), (2, 3)])
    layer = imle.layer("networkx-shortest-path", graph=graph, source=0, target=3, pool=0.0, noise=None)
    layer(torch.rand(1, 4))
    layer(torch.rand(5, 4))
    assert layer.stats.events["pooled_rows"] == 5


def test_failed_rows_do_not_join():
    layer = imle.layer(Hazard(), pool=0.0, noise=None, on_failure="zero-grad", executor=2)
    objective = torch.eye(4)
    objective[0, 0], objective[2, 0] = RAISE, KILL
    out = layer(objective)
    assert torch.equal(out[[1, 3]], torch.eye(4)[[1, 3]])
    assert len(layer.pool) == 2
    assert not layer.pool.solutions(layer.pool.instances[0])[:, 0].any()


def test_state_dict_deepcopy_and_diagnosis():
    layer = imle.layer("topk", k=2, pool=0.0)
    layer(torch.randn(16, 6))
    known = len(layer.pool)
    assert known > 1
    copied = copy.deepcopy(layer)
    assert copied.pool is copied.solver.pool is not layer.pool
    stored = io.BytesIO()
    torch.save(layer.state_dict(), stored)
    stored.seek(0)
    fresh = imle.layer("topk", k=2, pool=0.0)
    fresh.load_state_dict(torch.load(stored))
    theta = torch.randn(5, 6)
    assert torch.equal(fresh.eval()(theta), layer.eval()(theta))
    assert fresh.stats.events["pooled_rows"] == 5
    imle.calibrate(layer.train(), torch.randn(32, 6), entropy=0.5)
    assert len(layer.pool) == known


def test_gradients_flow():
    layer = imle.layer("topk", k=2, pool=0.3, nb_samples=4)
    theta = torch.randn(8, 6, requires_grad=True)
    for _ in range(3):
        layer(theta)[:, 0].sum().backward()
    assert theta.grad.abs().sum() > 0


def test_what_is_no_pool():
    with pytest.raises(OptionError, match="solve_ratio: expected a number in"):
        imle.layer("topk", k=2, pool=2.0)
    with pytest.raises(OptionError, match="expected a SolutionPool, found str"):
        Pooled(Hazard(), "pool")
