"""Bounds of variables per row, changed on a kept model: against one model per row, and against enumeration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import Bounds

import imle
from imle.errors import InstanceError
from imle.solvers import SolveStatus
from imle_highs.ilp import HighsILPSolver
from imle_highs.lp import HighsLPSolver
from imle_ortools.ilp.solver import ILPSolver


def one_by_one(solver, instance, objective, bounds):
    """Status and value of each row, prepared with its own bounds."""
    results = [
        solver.prepare(**instance, bounds=own).solve(row[None]) for own, row in zip(bounds, objective, strict=True)
    ]
    status = [0 if result.status is None else int(result.status[0]) for result in results]
    return status, np.array([result.values[0] for result in results])


def programs(seed, count=12, n=4, rows=3):
    """Random programs with bounds per row of the batch; some rows are infeasible, some bounds infinite."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        matrix = rng.integers(-3, 6, (rows, n)).astype(float)
        lower = rng.uniform(-2, 1, (8, n))
        bounds = np.stack([lower, lower + rng.uniform(0, 4, (8, n))], axis=-1)
        bounds[rng.random((8, n)) < 0.1, 1] = np.inf
        yield {"A_ub": matrix, "b_ub": rng.uniform(0, 8, rows)}, rng.normal(size=(8, n)), bounds


@pytest.mark.parametrize("warm", [False, True])
def test_linear_programs_give_what_each_row_gives_alone(warm):
    statuses = set()
    for instance, objective, bounds in programs(0):
        solver = HighsLPSolver(warm=warm)
        expected, values = one_by_one(solver, instance, objective, bounds)
        kept = solver.prepare(**instance)
        for _ in range(2):  # what the rows before have left changes nothing
            found = kept.solve(objective, bounds=bounds)
            status = np.zeros(8, int) if found.status is None else found.status
            assert status.tolist() == expected
            np.testing.assert_allclose(found.values, values, rtol=1e-7, atol=1e-7)
        again = kept.solve(objective)  # and nothing of them stays
        fixed = solver.prepare(**instance).solve(objective)
        assert np.array_equal(again.status, fixed.status)
        np.testing.assert_allclose(again.values, fixed.values, rtol=1e-7)
        statuses |= {*status.tolist()}
    assert statuses >= {SolveStatus.OPTIMAL, SolveStatus.UNBOUNDED}


def test_integer_programs_match_enumeration():
    infeasible = 0
    for instance, objective, bounds in programs(1):
        bounds = np.nan_to_num(bounds, posinf=3.5)
        found = HighsILPSolver().prepare(**instance).solve(objective, bounds=bounds)
        for n, (costs, own) in enumerate(zip(objective, bounds, strict=True)):
            ranges = [range(int(np.ceil(low)), int(np.floor(high)) + 1) for low, high in own]
            points = np.array(list(itertools.product(*ranges))).reshape(-1, 4)
            points = points[(points @ instance["A_ub"].T <= instance["b_ub"]).all(axis=1)]
            if len(points):
                assert found.values[n] == pytest.approx((points @ costs).min(), abs=1e-9)
                assert (points == found.solutions[n]).all(axis=1).any()
            else:
                infeasible += 1
                assert found.status[n] == SolveStatus.INFEASIBLE
    assert infeasible > 2


def test_delicate_programs_with_bounds_of_their_own_are_still_exact():
    """Their points are not listed, as those of fixed bounds are: two runs of HiGHS have to agree."""
    rng = np.random.default_rng(2)
    sizes = rng.integers(10**8, 10**9, (1, 6)).astype(float)
    values, tops = rng.uniform(1, 2, (6, 6)), rng.integers(1, 4, (6, 6)).astype(float)
    limit = np.floor(sizes.sum() * 1.3)
    bounds = np.stack([np.zeros_like(tops), tops + rng.uniform(0, 0.9, tops.shape)], axis=-1)
    found = HighsILPSolver(sense="max").prepare(A_ub=sizes, b_ub=[limit]).solve(values, bounds=bounds)
    for row, (own, top) in enumerate(zip(values, tops.astype(int), strict=True)):
        points = np.array(list(itertools.product(*(range(most + 1) for most in top))))
        best = (points[points @ sizes[0] <= limit] @ own).max()
        assert sizes[0] @ found.solutions[row] <= limit
        if found.status is None or found.status[row] == SolveStatus.OPTIMAL:
            assert found.values[row] == pytest.approx(best, rel=1e-12)
        else:
            assert found.status[row] == SolveStatus.FEASIBLE


def test_rows_without_a_point_say_so_and_leave_the_others_alone():
    prepared = HighsILPSolver().prepare(A_ub=[[1.0, 1.0]], b_ub=[4.0], bounds=[(0, 1), (0, 1)])
    bounds = [[(0, 3), (0, 3)], [(2, 1), (0, 3)], [(0, 3), (0.2, 0.8)], [(3, 3), (3, 3)], [(1, 2), (1, 2)]]
    found = prepared.solve(-np.ones((5, 2)), bounds=bounds)
    infeasible = SolveStatus.INFEASIBLE
    assert found.status.tolist() == [0, infeasible, infeasible, infeasible, 0]
    assert found.messages[1] == "no whole number lies between the bounds of variable 0, 2 and 1"
    assert found.messages[2] == "no whole number lies between the bounds of variable 1, 1 and 0"
    assert found.values[[0, 4]].tolist() == [-4, -4]
    assert prepared.solve(-np.ones((1, 2))).values.tolist() == [-2]
    line = HighsLPSolver().prepare(A_ub=[[1.0]], b_ub=[4.0]).solve(np.ones((1, 1)), bounds=[(1, 0.5)])
    assert line.messages[0] == "no number lies between the bounds of variable 0, 1 and 0.5"


def test_bounds_are_read_as_prepare_reads_them():
    prepared = HighsLPSolver().prepare(A_ub=[[1.0, 1.0]], b_ub=[10.0])
    given = [(0, 2), [(0, None), (1, 3)], Bounds([0, 1], [4, 5]), None, (-1e30, 3)]
    found = prepared.solve(-np.ones((5, 2)), bounds=given)
    assert found.status is not None
    assert not found.status.any()
    assert found.values.tolist() == [-4, -10, -9, -10, -6]
    pairs = np.array([[0.0, 2.0], [0.0, 1.0]])  # as many rows as variables, a pair for each
    assert prepared.solve(-np.ones((2, 2)), bounds=pairs).values.tolist() == [-4, -2]


@pytest.mark.parametrize(
    ("bounds", "message", "row"),
    [
        ([(0, 1)], "bounds: expected one value per row, 2 in all, found 1", None),
        (
            [(0, 1), [(0, 1)] * 3],
            "bounds: expected a pair (lower, upper) or 2 pairs, one per variable, found shape [3, 2]",
            1,
        ),
        (
            np.array([[[0, 1], [0, 1]], [[0, 1], [0, np.nan]]]),
            "bounds: expected lower <= upper, found (0, nan) for variable 1",
            1,
        ),
        (["ab", (0, 1)], "bounds: expected numbers, found 'ab'", 0),
    ],
)
def test_bounds_that_are_none_name_their_row(bounds, message, row):
    prepared = HighsLPSolver().prepare(A_ub=[[1.0, 1.0]], b_ub=[10.0])
    with pytest.raises(InstanceError) as caught:
        prepared.solve(np.ones((2, 2)), bounds=bounds)
    assert caught.value.message == f"highs-lp: {message}"
    assert caught.value.row == row


def test_other_engines_refuse_them_but_layers_make_instances_of_their_own():
    with pytest.raises(InstanceError, match="ortools-ilp: bounds: expected them with the instance"):
        ILPSolver().prepare(A_ub=[[1.0]], b_ub=[1.0]).solve(np.ones((1, 1)), bounds=[(0, 1)])
    given = torch.tensor([[[0.0, 1.0]], [[0.0, 3.0]]])
    for solver, batches in (("highs-ilp", 1), ("ortools-ilp", 2), ("scipy-milp", 2)):
        layer = imle.layer(solver, sense="max", A_ub=[[1.0]], b_ub=[2.0]).eval()
        assert layer(torch.ones(2, 1), bounds=given).tolist() == [[1.0], [2.0]]
        assert layer.stats.batches == batches


def test_variables_that_are_not_learned_are_at_their_best_within_their_rows_bounds():
    """x and y are learned, w costs 2 and has to make up for what x lacks."""
    prepared = HighsLPSolver().prepare(
        A_ub=[[-1.0, 0.0, -1.0]], b_ub=[-3.0], bounds=[(0, 1), (0, 1), (0, None)], variables=[0, 1], costs=[0, 0, 2]
    )
    bounds = np.array([[[0, 1], [0, 1], [0, 9]], [[0, 2], [0, 1], [0, 9]], [[0, 2], [0, 1], [0, 0.5]]], float)
    found = prepared.solve(np.full((3, 2), 0.5), bounds=bounds)
    assert found.values[:2].tolist() == [4.5, 3.0]
    assert found.status.tolist() == [0, 0, SolveStatus.INFEASIBLE]
    terms = prepared.fixed_terms(np.array([[1.0, 0.0], [2.0, 0.0], [2.0, 0.0]]), bounds=bounds)
    assert terms[:2].tolist() == [4.0, 2.0]
    assert np.isnan(terms[2])
