"""Knapsack: against enumeration, limits, and capacities per row."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imle.errors import InstanceError, ObjectiveError, OptionError
from imle.solvers import SolveStatus
from imle_kernels.knapsack import KnapsackSolver
from imle_kernels.packing import Searches

value = st.one_of(st.integers(-2, 5).map(float), st.floats(-1, 3))
weight = st.one_of(st.integers(0, 4).map(float), st.integers(0, 30).map(lambda i: i / 10))
thousandths = st.integers(0, 8000).map(lambda i: i / 1000)


@st.composite
def problems(draw):
    m, n, rows = draw(st.integers(1, 3)), draw(st.integers(1, 7)), draw(st.integers(1, 4))
    weights = np.array(draw(st.lists(weight, min_size=m * n, max_size=m * n))).reshape(m, n)
    capacity = np.array(draw(st.lists(st.one_of(weight, thousandths), min_size=m * rows, max_size=m * rows)))
    values = np.array(draw(st.lists(value, min_size=rows * n, max_size=rows * n))).reshape(rows, n)
    return weights, capacity.reshape(rows, m), values


@pytest.mark.slow
@settings(max_examples=1000)
@given(problems())
def test_matches_enumeration(problem):
    weights, capacity, values = problem
    sets = np.array(list(itertools.product((0.0, 1.0), repeat=weights.shape[1])))
    result = KnapsackSolver().prepare(weights=weights).solve(values, capacity=capacity)
    assert result.status is None
    for row, (limit, own) in enumerate(zip(capacity, values, strict=True)):
        solution = result.solutions[row]
        assert set(np.unique(solution)) <= {0.0, 1.0}
        loads, limits = np.rint(1000 * sets @ weights.T), np.rint(1000 * limit)  # all numbers are whole thousandths
        fit = (loads <= limits).all(axis=1)
        assert (np.rint(1000 * weights @ solution) <= limits).all()
        assert own @ solution == pytest.approx((sets[fit] @ own).max(), abs=1e-12)
        assert result.values[row] == pytest.approx(own @ solution, abs=1e-12)
        assert not solution[own <= 0].any()


def test_tenths_fit():
    result = KnapsackSolver().prepare(weights=[0.1, 0.2, 0.3], capacity=0.3).solve(np.array([[2.0, 2.0, 3.0]]))
    assert result.solutions.tolist() == [[1, 1, 0]]  # although 0.1 + 0.2 > 0.3 in floating point


def test_whole_weights_of_any_size_are_not_exceeded_by_a_unit():
    rng = np.random.default_rng(0)
    sets = np.array(list(itertools.product((0, 1), repeat=8)))
    for size in (10**6, 10**9, 10**14):
        for _ in range(20):
            weights, values = rng.integers(size // 2, size, 8), rng.integers(1, 9, 8)
            loads = sets @ weights
            capacity = int(loads[np.argsort(loads)[200]]) - 1  # one below a set
            result = KnapsackSolver().prepare(weights, capacity).solve(values[None].astype(float))
            assert weights @ result.solutions[0].astype(np.int64) <= capacity
            assert result.values[0] == (sets @ values)[loads <= capacity].max()


def test_fractions_fill_a_capacity_and_nothing_is_cut_off():
    weights = [1 / 7, 2 / 7, 4 / 7, 1 / 3]
    solved = KnapsackSolver().prepare(weights, 1.0).solve(np.array([[1.0, 2.0, 4.0, 6.0], [5.0, 5.0, 5.0, 1.0]]))
    assert solved.solutions.tolist() == [[0, 0, 1, 1], [1, 1, 1, 0]]
    assert KnapsackSolver().prepare([0.1] * 3, 0.3 - 1e-12).solve(np.ones((1, 3))).solutions.sum() == 2


def test_weights_without_a_common_denominator_fit_up_to_round_off():
    weights = np.random.default_rng(0).random((2, 12))
    all_of_them = weights.sum(axis=1)
    backwards = np.array([sum(row[::-1]) for row in weights.tolist()])  # rounded in another order
    for capacity in (all_of_them, backwards):
        assert KnapsackSolver().prepare(weights, capacity).solve(np.ones((1, 12))).solutions.all()
    assert not KnapsackSolver().prepare(weights, all_of_them * (1 - 1e-13)).solve(np.ones((1, 12))).solutions.all()


def test_a_search_that_runs_out_knows_how_good_a_set_can_be():
    weights, capacity, values = hard(n=30, m=3, rows=4)
    best = KnapsackSolver().prepare(weights=weights, capacity=capacity).solve(values)
    assert best.bound is None
    gaps = []
    for nodes in (5, 300, 3000):
        result = KnapsackSolver(node_limit=nodes).prepare(weights=weights, capacity=capacity).solve(values)
        assert (result.status == SolveStatus.FEASIBLE).any()
        assert (result.bound >= best.values - 1e-9).all()
        assert (result.gap < 0.2).all()
        gaps.append(result.gap)
    assert (gaps[0] >= gaps[1]).all()
    assert (gaps[1] >= gaps[2]).all()


def test_kernels_are_compiled_before_the_clock_runs():
    from imle_kernels.compiled.knapsack import fill_up, pack

    prepared = KnapsackSolver(time_limit=1.0, node_limit=3).prepare(weights=np.ones((2, 9)), capacity=np.ones(2))
    ready = pack.signatures, fill_up.signatures
    assert [len(kinds) for kinds in ready] == [1, 1]
    prepared.solve(np.random.default_rng(0).random((70, 9)))
    assert (pack.signatures, fill_up.signatures) == ready


def hard(n=60, m=5, rows=2):
    rng = np.random.default_rng(0)
    weights = rng.integers(300, 800, size=(m, n)) / 100
    return weights, weights.sum(axis=1) / 2, weights.mean(axis=0) + rng.random((rows, n)) * 0.1


def test_larger_ones_agree_with_another_order_of_items():
    rng = np.random.default_rng(1)
    weights = rng.integers(300, 800, size=(3, 32)) / 100
    values, order = rng.random((50, 32)), rng.permutation(32)
    one = KnapsackSolver().prepare(weights=weights, capacity=20.0).solve(values)
    other = KnapsackSolver().prepare(weights=weights[:, order], capacity=20.0).solve(values[:, order])
    assert np.array_equal(one.solutions[:, order], other.solutions)


def test_a_node_limit_keeps_the_best_set_and_is_deterministic():
    weights, capacity, values = hard()
    easy = np.zeros_like(values[:1])
    few = KnapsackSolver(node_limit=1000).prepare(weights=weights, capacity=capacity)
    result = few.solve(np.concatenate([values, easy]))
    assert result.status.tolist() == [SolveStatus.FEASIBLE, SolveStatus.FEASIBLE, SolveStatus.OPTIMAL]
    assert (weights @ result.solutions.T <= capacity[:, None]).all()
    assert (result.values[:2] > 0.8 * values.sum(axis=1) / 2).all()
    assert np.array_equal(few.solve(values).solutions, result.solutions[:2])


def test_fewer_nodes_than_items_give_a_greedy_set():
    weights, capacity, values = hard(n=80, m=3, rows=6)
    result = KnapsackSolver(node_limit=5).prepare(weights=weights, capacity=capacity).solve(values)
    assert (result.status == SolveStatus.FEASIBLE).all()
    assert set(result.messages.values()) == {"stopped at a limit with the best set so far"}
    load = weights @ result.solutions.T
    assert (load <= capacity[:, None]).all()
    room = capacity[:, None, None] - load[:, None, :]  # [m, 1, N]
    fits = (weights[:, :, None] <= room).all(axis=0).T
    assert not (fits & (result.solutions == 0)).any()  # nothing that is left out would still fit
    assert np.array_equal(result.values, (values * result.solutions).sum(axis=1))
    more = KnapsackSolver(node_limit=5000).prepare(weights=weights, capacity=capacity).solve(values)
    assert (more.values >= result.values).all()


def test_a_search_cut_into_slices_finds_the_same(monkeypatch):
    import imle_kernels.knapsack

    weights, capacity, values = hard(n=22, m=3, rows=6)
    whole = KnapsackSolver().prepare(weights=weights, capacity=capacity).solve(values)
    monkeypatch.setattr(imle_kernels.knapsack, "_SLICE", 371)
    sliced = KnapsackSolver(time_limit=60.0).prepare(weights=weights, capacity=capacity).solve(values)
    assert sliced.status is None
    assert np.array_equal(sliced.solutions, whole.solutions)
    limited = KnapsackSolver(node_limit=500).prepare(weights=weights, capacity=capacity).solve(values)
    both = KnapsackSolver(node_limit=500, time_limit=60.0).prepare(weights=weights, capacity=capacity).solve(values)
    assert np.array_equal(limited.solutions, both.solutions)


def test_a_time_limit_ends_the_search():
    weights, capacity, values = hard(n=200, m=8)
    result = KnapsackSolver(time_limit=0.1).prepare(weights=weights, capacity=capacity).solve(values)
    assert result.status.tolist() == [SolveStatus.FEASIBLE] * 2
    assert (result.solutions.sum(axis=1) > 50).all()


def test_bad_rows_do_not_disturb_the_others():
    values = np.array([[1.0, 2.0], [np.nan, 1.0], [1.0, 2.0], [1e308, 1e308]])
    result = (
        KnapsackSolver().prepare(weights=[[1, 1], [2, 2]]).solve(values, capacity=[[1, 2], [1, 2], [1, -0.5], [2, 4]])
    )
    assert result.status.tolist() == [0, SolveStatus.ERROR, SolveStatus.INFEASIBLE, SolveStatus.ERROR]
    assert result.solutions[0].tolist() == [0, 1]
    assert result.messages == {
        1: "the objective is nan at position 0",
        2: "capacity -0.5 at [1] is negative: not even the empty set fits",
        3: "values add up to infinity",
    }


def test_rows_are_the_same_alone_together_and_in_any_order():
    weights = np.ones((2, 10))
    values = np.random.default_rng(0).integers(0, 3, size=(12, 10)).astype(float)  # ties everywhere
    solver = KnapsackSolver().prepare(weights=weights, capacity=4)
    together = solver.solve(values).solutions
    assert np.array_equal(solver.solve(values[::-1]).solutions, together[::-1])
    assert np.array_equal(np.concatenate([solver.solve(row[None]).solutions for row in values]), together)


ID = "knapsack"


@pytest.mark.parametrize(
    ("instance", "message"),
    [
        (
            {"weights": [1, -2], "capacity": 1},
            "weights: expected numbers >= 0, found -2 at [1]\n"
            "  hint: replace an item of negative weight by the choice to leave it",
        ),
        (
            {"weights": [1, np.inf], "capacity": 1},
            "weights: expected finite numbers, found inf at [1]\n"
            "  hint: where there is no limit, give a number that cannot be reached",
        ),
        (
            {"weights": "heavy", "capacity": 1},
            "weights: expected numbers, found 'heavy'",
        ),
        ({"weights": 3, "capacity": 1}, "weights: expected shape [m, n] or [n], found []"),
        ({"weights": np.zeros((2, 0)), "capacity": 1}, "weights: expected shape [m, n] or [n], found [2, 0]"),
        (
            {"weights": [1, 2], "capacity": -1},
            "capacity: expected numbers >= 0, found -1 at [0]\n  hint: not even the empty set would fit",
        ),
        (
            {"weights": [1, 2], "capacity": [1, 2]},
            "capacity: expected a number or shape [1], one per row of weights, found shape [2]",
        ),
    ],
)
def test_instances(instance, message):
    with pytest.raises(InstanceError) as caught:
        KnapsackSolver().prepare(**instance)
    assert str(caught.value) == f"{ID}: {message}"


def test_capacities_per_row():
    solver = KnapsackSolver().prepare(weights=[1, 2])
    with pytest.raises(InstanceError) as caught:
        solver.solve(np.ones((2, 2)))
    assert str(caught.value) == (
        f"{ID}: capacity missing\n  hint: give capacity=... to imle.layer for all rows, or to the call, one per row"
    )
    with pytest.raises(InstanceError) as caught:
        solver.solve(np.ones((2, 2)), capacity=[1])
    assert str(caught.value) == f"{ID}: capacity: expected one per row, 2 in all, found 1"
    with pytest.raises(InstanceError) as caught:
        solver.solve(np.ones((2, 2)), capacity=[1, [1, 2]])
    assert caught.value.row == 1
    assert solver.solve(np.ones((2, 2)), capacity=[1, 3]).solutions.tolist() == [[1, 0], [1, 1]]


def test_wrong_shapes():
    with pytest.raises(ObjectiveError) as caught:
        KnapsackSolver().prepare(weights=[1, 2], capacity=1).solve(np.zeros((1, 3)))
    assert str(caught.value) == f"{ID}: expected objectives of shape [N, 2], found [1, 3]"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time_limit": -1}, "time_limit: expected a number > 0 or None, found -1"),
        ({"node_limit": 0}, "node_limit: expected an int from 1 to 2147483647 or None, found 0"),
        ({"node_limit": 1.5}, "node_limit: expected int | None, found 1.5 (float)"),
    ],
)
def test_options(options, message):
    with pytest.raises(OptionError) as caught:
        KnapsackSolver(**options)
    assert str(caught.value) == f"{ID}: {message}"


def test_a_node_limit_is_spent_to_the_last_node():
    """As many nodes as a search needs, counted one by one, are enough; one less is not."""
    rng = np.random.default_rng(5)
    weights, values = rng.integers(5, 60, (2, 24)).astype(float), rng.uniform(1, 10, (1, 24))
    capacity = weights.sum(axis=1) / 3
    prepared = KnapsackSolver().prepare(weights=weights, capacity=capacity)
    searches = Searches.of(values, prepared.packing.weights, prepared.packing.rooms(capacity[None]))
    needed = 0
    while len(searches.open) and needed < 10_000:
        searches.go_on(slice(0, 1), 1)
        needed += 1
    assert 10 < needed < 10_000
    for nodes, status in ((needed, SolveStatus.OPTIMAL), (needed - 1, SolveStatus.FEASIBLE)):
        found = KnapsackSolver(node_limit=nodes).prepare(weights=weights, capacity=capacity).solve(values)
        assert SolveStatus(0 if found.status is None else int(found.status[0])) is status
