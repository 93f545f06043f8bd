"""Min-cost flow: against enumeration and linear programming."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import imle
from imle.errors import InstanceError, ObjectiveError, OptionError
from imle.solvers import SolveStatus
from imle_ortools.min_cost_flow import MinCostFlowSolver

entry = st.one_of(st.integers(-3, 3).map(float), st.floats(-2, 2))


def balance(tails, heads, nodes):
    """`[V, E]`: what leaves minus what enters; a loop does neither."""
    matrix = np.zeros((nodes, len(tails)))
    np.add.at(matrix, (tails, np.arange(len(tails))), 1)
    np.add.at(matrix, (heads, np.arange(len(tails))), -1)
    return matrix


@st.composite
def problems(draw):
    nodes = draw(st.integers(1, 4))
    node = st.integers(0, nodes - 1)
    arcs = draw(st.lists(st.tuples(node, node, st.integers(0, 2)), min_size=1, max_size=6))
    tails, heads, capacities = (np.array(column) for column in zip(*arcs, strict=True))
    supplies = draw(st.lists(st.integers(-2, 2), min_size=nodes, max_size=nodes))
    supplies[0] -= sum(supplies)
    costs = draw(st.lists(st.lists(entry, min_size=len(arcs), max_size=len(arcs)), min_size=1, max_size=3))
    return {"tails": tails, "heads": heads, "capacities": capacities, "supplies": supplies}, np.array(costs)


@pytest.mark.slow
@settings(max_examples=500)
@given(problems())
def test_matches_enumeration(problem):
    instance, costs = problem
    solver = MinCostFlowSolver().prepare(**instance)
    assert solver.labels == list(zip(instance["tails"], instance["heads"], strict=True))
    result = solver.solve(costs)
    flows = np.array(list(itertools.product(*(range(c + 1) for c in instance["capacities"]))), float)
    matrix = balance(instance["tails"], instance["heads"], len(instance["supplies"]))
    flows = flows[(flows @ matrix.T == instance["supplies"]).all(axis=1)]
    if not len(flows):
        assert result.status.tolist() == [SolveStatus.INFEASIBLE] * len(costs)
        assert result.messages[0] == "the capacities do not let all supplies reach the demands"
        return
    assert result.status is None
    for own, solution, value, gap in zip(costs, result.solutions, result.values, solver.gap(costs), strict=True):
        assert (flows == solution).all(axis=1).any()
        assert own @ solution == pytest.approx((flows @ own).min(), abs=gap + 1e-12)
        assert value == pytest.approx(own @ solution, abs=1e-12)


def transport(n, m):
    tails, heads = np.repeat(np.arange(n), m), n + np.tile(np.arange(m), n)
    supplies = np.concatenate([np.full(n, m), np.full(m, -n)])
    return {"tails": tails, "heads": heads, "capacities": np.full(n * m, 3), "supplies": supplies}


def test_matches_linear_programming():
    instance = transport(12, 10)
    costs = np.random.default_rng(0).normal(size=(8, 120))
    result = MinCostFlowSolver().prepare(**instance).solve(costs)
    matrix = balance(instance["tails"], instance["heads"], 22)
    for own, solution, value in zip(costs, result.solutions, result.values, strict=True):
        assert np.array_equal(matrix @ solution, instance["supplies"])
        best = linprog(own, A_eq=matrix, b_eq=instance["supplies"], bounds=(0, 3)).fun
        assert value == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("size", [1e-270, 1e-20, 1e20, 1e300])
def test_any_magnitude_is_solved(size):
    instance = transport(5, 6)
    costs = np.random.default_rng(0).normal(size=(4, 30))
    solver = MinCostFlowSolver().prepare(**instance)
    assert np.array_equal(solver.solve(costs * size).solutions, solver.solve(costs).solutions)
    assert (solver.gap(costs * size) <= 1e-10 * size).all()


def test_long_networks_do_not_overflow():
    n = 3000
    tails, heads = np.arange(n - 1), np.arange(1, n)
    supplies = np.zeros(n, int)
    supplies[0], supplies[-1] = 2, -2
    instance = {
        "tails": np.concatenate([tails, tails]),
        "heads": np.concatenate([heads, heads]),
        "capacities": np.full(2 * n - 2, 2),
        "supplies": supplies,
    }
    costs = np.random.default_rng(0).uniform(-1, 1, size=(2, 2 * n - 2))
    result = MinCostFlowSolver().prepare(**instance).solve(costs)
    assert result.status is None
    cheaper = costs[:, : n - 1] <= costs[:, n - 1 :]
    assert np.array_equal(result.solutions, 2.0 * np.concatenate([cheaper, ~cheaper], axis=1))


def test_the_gap_is_a_true_bound():
    instance = transport(3, 4)
    costs = np.random.default_rng(0).normal(size=(40, 12))
    rough, fine = (MinCostFlowSolver(scale=scale).prepare(**instance) for scale in (1.0, "auto"))
    lost = rough.solve(costs).values - fine.solve(costs).values
    assert (lost <= rough.gap(costs) + fine.gap(costs) + 1e-12).all()
    assert lost.max() > 0
    assert (rough.gap(costs) <= 0.5 * 12 * 3).all()
    assert (fine.gap(costs) < 1e-9).all()
    assert not fine.gap(np.round(costs)).any()


def test_bad_rows_do_not_disturb_the_others():
    costs = np.ones((3, 30))
    costs[1, 4] = np.nan
    result = MinCostFlowSolver().prepare(**transport(5, 6)).solve(costs)
    assert result.status.tolist() == [0, SolveStatus.ERROR, 0]
    assert result.messages == {1: "the objective is nan at position 4"}
    assert np.array_equal(result.solutions[0], result.solutions[2])
    large = MinCostFlowSolver(scale=1e6).prepare(**transport(5, 6)).solve(np.array([[1e30] * 30, [1.0] * 30]))
    assert large.status.tolist() == [SolveStatus.ERROR, 0]
    assert large.messages == {0: 'scale=1000000.0 makes the costs overflow; scale="auto" takes one that fits'}


def test_rows_are_the_same_alone_together_and_in_any_order():
    costs = np.random.default_rng(0).integers(0, 2, size=(12, 30)).astype(float)
    solver = MinCostFlowSolver().prepare(**transport(5, 6))
    together = solver.solve(costs).solutions
    assert np.array_equal(solver.solve(costs[::-1]).solutions, together[::-1])
    assert np.array_equal(np.concatenate([solver.solve(row[None]).solutions for row in costs]), together)


ID = "ortools-min-cost-flow"
LINE = {"tails": [0, 1], "heads": [1, 2], "capacities": [2, 2], "supplies": [1, 0, -1]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tails": [0]}, "expected one tail, head and capacity per arc, found 1 tails, 2 heads, 2 capacities"),
        (
            {"tails": [], "heads": [], "capacities": []},
            "expected one tail, head and capacity per arc, found 0 tails, 0 heads, 0 capacities",
        ),
        (
            {"heads": [1, 3]},
            "heads: expected nodes 0..2, one per supply, found 3 at [1]\n"
            "  hint: nodes are numbered from 0, in the order of supplies",
        ),
        (
            {"tails": [-1, 1]},
            "tails: expected nodes 0..2, one per supply, found -1 at [0]\n"
            "  hint: nodes are numbered from 0, in the order of supplies",
        ),
        (
            {"capacities": [2, -1]},
            "capacities: expected numbers >= 0, found -1 at [1]\n  hint: turn the arc around, or leave it out",
        ),
        (
            {"capacities": [2, 0.5]},
            "capacities: expected whole numbers below 2**53, found 0.5 at [1]\n"
            "  hint: multiply capacities and supplies by a common factor, and divide the flow by it",
        ),
        (
            {"capacities": [2, float("inf")]},
            "capacities: expected finite numbers, found inf at [1]\n"
            "  hint: where there is no limit, give a number that cannot be reached",
        ),
        ({"capacities": [[2, 2]]}, "capacities: expected one dimension, found shape [1, 2]"),
        (
            {"supplies": [1, 0, 0]},
            "supplies: expected a sum of zero, found 1\n"
            "  hint: let an extra node send or take the rest, through arcs that cost what leaving it costs",
        ),
        (
            {"supplies": ["a", 0, 0]},
            "supplies: expected numbers, found 'a' at 0",
        ),
    ],
)
def test_instances(change, message):
    with pytest.raises(InstanceError) as caught:
        MinCostFlowSolver().prepare(**{**LINE, **change})
    assert str(caught.value) == f"{ID}: {message}"


def test_wrong_shapes_and_options():
    with pytest.raises(ObjectiveError) as caught:
        MinCostFlowSolver().prepare(**LINE).solve(np.zeros((1, 3)))
    assert str(caught.value) == f"{ID}: expected objectives of shape [N, 2], found [1, 3]"
    with pytest.raises(OptionError) as caught:
        MinCostFlowSolver(scale=-1)
    assert str(caught.value) == f'{ID}: scale: expected "auto" or a finite number > 0, found -1'


def test_flows_that_whole_costs_do_not_resolve_are_feasible_with_a_bound():
    """Two ways whose costs differ by 1e-7, at a scale that tells them apart no more."""
    network = {"tails": [0, 0], "heads": [1, 1], "capacities": [5, 5], "supplies": [4, -4]}
    costs = np.array([[1.0 + 1e-7, 1.0], [1.0, 2.0]])
    result = MinCostFlowSolver(scale=1024.0).prepare(**network).solve(costs)
    assert result.status.tolist() == [SolveStatus.FEASIBLE, SolveStatus.OPTIMAL]
    assert "whole numbers resolve" in result.messages[0]
    assert result.bound[0] <= 4.0 <= result.values[0] <= result.bound[0] + 1e-6
    exact = MinCostFlowSolver().prepare(**network).solve(costs)
    assert exact.status is None
    assert exact.values.tolist() == [4.0, 4.0]


def test_capacities_and_supplies_per_row_give_what_each_row_gives_alone():
    rng = np.random.default_rng(3)
    tails, heads = rng.integers(0, 5, (2, 12))
    costs = rng.normal(size=(40, 12))
    capacities = rng.integers(0, 4, (40, 12))
    supplies = rng.integers(-2, 3, (40, 5))
    supplies[:, 0] -= supplies.sum(axis=1)
    solver = MinCostFlowSolver()
    together = solver.prepare(tails, heads).solve(costs, capacities=capacities, supplies=supplies)
    statuses = []
    for row in range(40):
        alone = solver.prepare(tails, heads, capacities[row], supplies[row]).solve(costs[row : row + 1])
        statuses.append(0 if alone.status is None else int(alone.status[0]))
        assert np.array_equal(together.solutions[row], alone.solutions[0])
    assert together.status.tolist() == statuses
    assert {*statuses} == {SolveStatus.OPTIMAL, SolveStatus.INFEASIBLE}
    some = solver.prepare(tails, heads, capacities[0], supplies[0])
    mixed = some.solve(costs, supplies=supplies)
    again = solver.prepare(tails, heads).solve(costs, capacities=[capacities[0]] * 40, supplies=supplies)
    assert np.array_equal(mixed.solutions, again.solutions)
    assert np.array_equal(
        some.gap(costs[:1]),
        solver.prepare(tails, heads).gap(costs[:1], capacities=capacities[:1], supplies=supplies[:1]),
        equal_nan=True,
    )


def test_rows_that_no_flow_meets_say_so():
    prepared = MinCostFlowSolver().prepare(LINE["tails"], LINE["heads"])
    capacities = [[2, 2], [2, -1], [2, 2], [0, 2]]
    supplies = [[1, 0, -1], [1, 0, -1], [1, 0, 0], [1, 0, -1]]
    found = prepared.solve(np.ones((4, 2)), capacities=capacities, supplies=supplies)
    assert found.status.tolist() == [0, *[SolveStatus.INFEASIBLE] * 3]
    assert found.messages == {
        1: "capacity -1 at [1] is negative: no flow is that small",
        2: "supplies are not balanced: their sum is 1, not zero",
        3: "the capacities do not let all supplies reach the demands",
    }


@pytest.mark.parametrize(
    ("given", "message", "row"),
    [
        ({"capacities": [[2, 2]] * 2}, "supplies missing", None),
        (
            {"capacities": [[2, 2]], "supplies": [[1, 0, -1]] * 2},
            "capacities: expected one vector per row, 2 in all",
            None,
        ),
        ({"capacities": [[2, 2], [2, 0.5]], "supplies": [[1, 0, -1]] * 2}, "capacities: expected whole numbers", 1),
        ({"capacities": [[2, 2], [2, np.nan]], "supplies": [[1, 0, -1]] * 2}, "capacities: expected finite numbers", 1),
        (
            {"capacities": np.ones((2, 3)), "supplies": [[1, 0, -1]] * 2},
            "capacities: expected 2 numbers, one per arc",
            None,
        ),
        ({"capacities": [[2, 2], [2]], "supplies": [[1, 0, -1]] * 2}, "capacities: expected 2 numbers, one per arc", 1),
        ({"capacities": [[2, 2]] * 2, "supplies": [[1, -1]] * 2}, "heads: expected nodes 0..1, one per supply", None),
    ],
)
def test_what_is_given_per_row_is_checked(given, message, row):
    with pytest.raises(InstanceError) as caught:
        MinCostFlowSolver().prepare(LINE["tails"], LINE["heads"]).solve(np.ones((2, 2)), **given)
    assert caught.value.message.startswith(f"{ID}: {message}")
    assert caught.value.row == row


def test_supplies_take_no_noise():
    with pytest.raises(OptionError, match=r"supplies: .*found int array \[V\]: integers cannot take noise"):
        imle.layer(ID, tails=[0], heads=[1], capacities=[1], learned={"supplies": 0.1})


def test_supplies_per_row_through_a_layer():
    layer = imle.layer(ID, tails=[0, 0, 1], heads=[1, 2, 2], capacities=[3, 1, 3], nb_samples=2, noise=None)
    costs = torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]], requires_grad=True)
    found = layer(costs, supplies=torch.tensor([[2, 0, -2], [1, 0, -1]]))
    assert found.tolist() == [[1.0, 1.0, 1.0], [0.0, 1.0, 0.0]]
    assert layer.stats.batches == 1
    with pytest.raises(InstanceError, match="supplies: expected whole numbers below"):
        layer(costs, supplies=torch.tensor([[0.5, 0, -0.5], [1, 0, -1]]))
