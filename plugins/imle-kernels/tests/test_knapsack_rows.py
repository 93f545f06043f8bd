"""Weights per row: against enumeration, against each row prepared alone, and their units against exact arithmetic."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
import torch

import imle
from imle.errors import InstanceError, ObjectiveError
from imle.solvers import SolveStatus
from imle_kernels.knapsack import KnapsackSolver
from imle_kernels.packing import PackingProblem
from imle_linear.whole import whole_row

KINDS = {
    "whole": lambda rng, shape: rng.integers(0, 30, shape).astype(float),
    "large": lambda rng, shape: rng.integers(10**14, 10**15, shape).astype(float),
    "huge": lambda rng, shape: rng.integers(1, 50, shape) * 2.0**70,
    "quarters": lambda rng, shape: rng.integers(0, 60, shape) / 4,
    "tenths": lambda rng, shape: rng.integers(0, 60, shape) / 10,
    "thousandths": lambda rng, shape: rng.integers(0, 9000, shape) / 1000,
    "thirds": lambda rng, shape: rng.integers(0, 30, shape) / 3,
    "sevenths and tenths": lambda rng, shape: rng.integers(0, 30, shape) / 7 + rng.integers(0, 30, shape) / 10,
    "noisy": lambda rng, shape: rng.uniform(3, 8, shape) * rng.lognormal(0, 0.1, shape),
    "float32": lambda rng, shape: rng.uniform(3, 8, shape).astype(np.float32).astype(float),
}


def sample(kind, seed, rows, m, n):
    """Weights `[N, m, n]`, and capacities that some sets just fill."""
    rng = np.random.default_rng(seed)
    weights = KINDS[kind](rng, (rows, m, n))
    some = rng.random((rows, n)) < 0.5
    return rng, weights, np.einsum("rmn,rn->rm", weights, some)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_what_enumeration_finds(kind):
    sets = np.array(list(itertools.product((0.0, 1.0), repeat=6)))
    for seed in range(12):
        rng, weights, capacity = sample(kind, seed, 8, 2, 6)
        values = rng.uniform(-0.2, 1, (8, 6))
        found = KnapsackSolver().prepare().solve(values, weights=weights, capacity=capacity)
        assert found.status is None
        for row in range(8):
            loads = sets @ weights[row].T
            fit = (loads <= capacity[row] * (1 + 1e-13)).all(axis=1)  # a set fills each capacity up to round-off
            assert found.values[row] == pytest.approx((sets[fit] @ values[row]).max(), abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_what_each_gives_alone(kind):
    rng, weights, capacity = sample(kind, 100, 12, 3, 14)
    values = rng.uniform(0, 1, (12, 14))
    together = KnapsackSolver().prepare().solve(values, weights=weights, capacity=capacity)
    for row in range(12):
        alone = KnapsackSolver().prepare(weights=weights[row], capacity=capacity[row]).solve(values[row : row + 1])
        assert np.array_equal(together.solutions[row], alone.solutions[0])
    fixed = KnapsackSolver().prepare(capacity=capacity[0]).solve(values, weights=weights)
    shared = KnapsackSolver().prepare().solve(values, weights=weights, capacity=[capacity[0]] * 12)
    assert np.array_equal(fixed.solutions, shared.solutions)


@pytest.mark.parametrize("kind", KINDS)
def test_units_are_those_of_exact_arithmetic(kind):
    rng, weights, capacity = sample(kind, 200, 30, 1, 5)
    packing = PackingProblem.of(weights)
    beside = capacity * rng.choice([1.0, 1 - 1e-9, 1 + 1e-9], capacity.shape)
    for limits in (capacity, beside, np.floor(capacity), -capacity):
        rooms = packing.rooms(limits)
        for row, own in enumerate(weights[:, 0]):
            whole = whole_row(np.arange(5), own)
            if whole is None:
                assert np.array_equal(packing.weights[row, :, 0], own)
                assert rooms[row, 0] == pytest.approx(min(limits[row, 0], own.sum()), rel=1e-14)
                continue
            assert packing.weights[row, :, 0].tolist() == whole.coefficients.tolist()
            expected = min(Fraction(whole.ends(-np.inf, limits[row, 0])[1]), Fraction(int(whole.coefficients.sum())))
            assert min(rooms[row, 0], 0) == min(expected, 0) or (rooms[row, 0] < 0 and expected < 0)
            if expected >= 0:
                assert Fraction(rooms[row, 0]) == expected


def test_a_capacity_below_a_set_by_one_unit_is_not_exceeded():
    """Whole weights of any size, in all rows at once."""
    rng = np.random.default_rng(0)
    sets = np.array(list(itertools.product((0, 1), repeat=8)))
    weights, values = rng.integers(10**14, 10**15, (20, 1, 8)), rng.integers(1, 9, (20, 8)).astype(float)
    loads = np.array([sets @ own[0] for own in weights])
    capacity = np.sort(loads, axis=1)[:, 200] - 1
    found = KnapsackSolver().prepare().solve(values, weights=weights, capacity=capacity)
    for row in range(20):
        assert weights[row, 0] @ found.solutions[row].astype(np.int64) <= capacity[row]
        assert found.values[row] == (sets @ values[row])[loads[row] <= capacity[row]].max()


def test_rows_that_run_out_of_nodes_keep_their_own_weights():
    rng, weights, _ = sample("noisy", 5, 6, 3, 40)
    values, capacity = weights.mean(axis=1) + rng.random((6, 40)) * 0.1, weights.sum(axis=2) / 2
    easy = np.zeros_like(values[:1])
    found = (
        KnapsackSolver(node_limit=800)
        .prepare()
        .solve(np.concatenate([easy, values]), weights=weights[[0, *range(6)]], capacity=capacity[[0, *range(6)]])
    )
    assert found.status.tolist() == [SolveStatus.OPTIMAL] + [SolveStatus.FEASIBLE] * 6
    loads = np.einsum("rmn,rn->rm", weights, found.solutions[1:])
    assert (loads <= capacity + 1e-9).all()
    assert (found.bound[1:] >= found.values[1:]).all()
    for row in range(6):
        alone = KnapsackSolver(node_limit=800).prepare(weights[row], capacity[row]).solve(values[row : row + 1])
        assert np.array_equal(alone.solutions[0], found.solutions[row + 1])


def test_through_a_layer_with_one_constraint_and_samples():
    layer = imle.layer("knapsack", capacity=3.0, nb_samples=4, noise=None)
    weights = torch.tensor([[1.0, 2.0, 3.0], [3.0, 3.0, 1.0]])
    values = torch.tensor([[1.0, 1.0, 1.0], [1.0, 2.0, 1.5]], requires_grad=True)
    assert layer(values, weights=weights).tolist() == [[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
    assert layer.stats.batches == 1
    rows = [[[1.0, 2.0, 3.0], [0.0, 3.0, 0.0]], [[3.0, 3.0, 1.0], [0.0, 4.0, 0.0]]]
    found = imle.layer("knapsack", noise=None)(values, weights=rows, capacity=[[3.0, 2.0], [3.0, 3.0]])
    assert found.tolist() == [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


BAD = np.ones((2, 1, 3))
BAD[1, 0, 2] = -2


@pytest.mark.parametrize(
    ("weights", "message", "row"),
    [
        (None, "weights missing", None),
        (np.ones((3, 3)), "weights: expected one per row, 2 in all, found 3", None),
        (np.ones(2), "weights: expected shape [m, n] or [n], found []", 0),
        (np.where(BAD < 0, np.nan, BAD), "weights: expected finite numbers, found nan at [0, 2]", 1),
        ([np.ones((1, 3)), np.ones((2, 3))], "weights: expected shape [1, 3] as in row 0, found [2, 3]", 1),
        ([[1, 2, 3], [1, "2", 3]], "weights: expected numbers, found '2' at 1", 1),
        (np.ones((2, 4)), "weights: expected 3 columns, one per value, found 4 in each row", None),
    ],
)
def test_weights_that_are_none_name_their_row(weights, message, row):
    with pytest.raises(InstanceError) as caught:
        KnapsackSolver().prepare(capacity=1.0).solve(np.ones((2, 3)), weights=weights)
    assert caught.value.message == f"knapsack: {message}"
    assert caught.value.row == row


@pytest.mark.parametrize(
    ("capacity", "message", "row"),
    [
        (np.array([1.0, np.nan]), "capacity: expected finite numbers, found nan", 1),
        (np.ones((2, 2)), "capacity: expected a number or shape [1], one per row of weights, found shape [2]", 0),
        ([1.0, "2"], "capacity: expected numbers, found '2'", 1),
    ],
)
def test_capacities_that_are_none_name_their_row(capacity, message, row):
    with pytest.raises(InstanceError) as caught:
        KnapsackSolver().prepare(weights=[1, 2, 3]).solve(np.ones((2, 3)), capacity=capacity)
    assert caught.value.message == f"knapsack: {message}"
    assert caught.value.row == row


def test_what_a_fixed_capacity_has_to_fit():
    with pytest.raises(InstanceError, match=r"expected a number or shape \[m\], one per row of weights, found shape"):
        KnapsackSolver().prepare(capacity=np.ones((2, 2)))
    prepared = KnapsackSolver().prepare(capacity=[1.0, 2.0])
    with pytest.raises(
        InstanceError, match=r"expected a number or shape \[1\], one per row of weights, found shape \[2\]"
    ):
        prepared.solve(np.ones((2, 3)), weights=np.ones((2, 3)))
    assert prepared.objective_shape == (None,)
    with pytest.raises(ObjectiveError, match=r"expected objectives of shape \[N, 3\], found \[2, 2, 3\]"):
        prepared.solve(np.ones((2, 2, 3)), weights=np.ones((2, 2, 3)))


def test_negative_weights_are_an_error_of_their_row():
    found = KnapsackSolver().prepare(capacity=2.0).solve(np.ones((2, 3)), weights=BAD)
    assert found.status.tolist() == [SolveStatus.OPTIMAL, SolveStatus.ERROR]
    assert found.messages == {1: "weight -2 at [0, 2] is negative"}
    assert found.solutions.tolist() == [[1, 1, 0], [0, 0, 0]]
    layer = imle.layer("knapsack", capacity=2.0, noise=None, on_failure="zero-grad")
    weights = torch.ones(3, 2)
    weights[1, 0] = -1
    assert layer(torch.ones(3, 2), weights=weights).tolist() == [[1.0, 1.0], [0.0, 0.0], [1.0, 1.0]]
    assert layer.stats.status["error"] == 1
    found = layer(torch.ones(3, 2), weights=torch.ones(3, 2), capacity=torch.tensor([2.0, -1.0, 1.0]))
    assert found.tolist() == [[1.0, 1.0], [0.0, 0.0], [1.0, 0.0]]
    assert layer.stats.status["infeasible"] == 1
