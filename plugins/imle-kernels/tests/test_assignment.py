"""Assignment: against enumeration and scipy, any shape, any mask."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

import imle
from imle.errors import InstanceError, ObjectiveError, OptionError
from imle.solvers import SolveStatus
from imle_kernels.assignment import AssignmentSolver
from imle_scipy.assignment import ScipyAssignmentSolver

entry = st.one_of(st.integers(-3, 3).map(float), st.floats(-2, 2))


def check(solution, allowed=None):
    """Fails unless this is a complete assignment."""
    assert set(np.unique(solution)) <= {0.0, 1.0}
    assert solution.sum() == min(solution.shape)
    assert solution.sum(axis=0).max() == solution.sum(axis=1).max() == 1
    assert allowed is None or not solution[~allowed].any()


def enumerated(costs, allowed):
    """The least cost of an assignment of a matrix, or infinity."""
    if costs.shape[0] > costs.shape[1]:
        costs, allowed = costs.T, allowed.T
    costs = np.where(allowed, costs, np.inf)
    n, m = costs.shape
    return min(sum(costs[i, j] for i, j in zip(range(n), p, strict=True)) for p in itertools.permutations(range(m), n))


@st.composite
def problems(draw):
    n, m, rows = draw(st.integers(1, 4)), draw(st.integers(1, 5)), draw(st.integers(1, 4))
    values = draw(st.lists(entry, min_size=rows * n * m, max_size=rows * n * m))
    mask = draw(st.lists(st.sampled_from([True, True, False]), min_size=n * m, max_size=n * m))
    return np.array(values).reshape(rows, n, m), np.array(mask).reshape(n, m)


@pytest.mark.slow
@settings(max_examples=700)
@given(problems(), st.sampled_from(["min", "max"]), st.booleans())
def test_matches_enumeration(problem, sense, masked):
    objective, allowed = problem
    sign = 1.0 if sense == "min" else -1.0
    solver = AssignmentSolver(sense=sense).prepare(allowed=allowed if masked else None)
    result = solver.solve(objective)
    within = allowed if masked else np.ones_like(allowed)
    for row, matrix in enumerate(objective):
        best = sign * enumerated(sign * matrix, within)
        if np.isinf(best):
            assert result.status[row] == SolveStatus.INFEASIBLE
            assert result.messages[row] == (
                "the allowed pairs leave no complete assignment; unmatched= leaves objects out, at a price"
            )
            continue
        assert result.status is None
        check(result.solutions[row], within)
        assert (matrix * result.solutions[row]).sum() == pytest.approx(best, abs=1e-12)
        assert result.values[row] == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (20, 20), (50, 50), (40, 90), (90, 40)])
@pytest.mark.parametrize("kind", ["uniform", "integers", "tied", "large", "masked"])
def test_matches_scipy(shape, kind):
    rng = np.random.default_rng(0)
    costs = {
        "uniform": lambda: rng.uniform(-1, 1, (6, *shape)),
        "integers": lambda: rng.integers(-50, 50, (6, *shape)).astype(float),
        "tied": lambda: rng.integers(0, 2, (6, *shape)).astype(float),
        "large": lambda: rng.normal(size=(6, *shape)) * 10.0 ** rng.integers(0, 12, (6, *shape)),
        "masked": lambda: rng.random((6, *shape)),
    }[kind]()
    allowed = None
    if kind == "masked":
        allowed = rng.random(shape) < 0.2
        np.fill_diagonal(allowed, True)
    result = AssignmentSolver().prepare(allowed=allowed).solve(costs)
    assert result.status is None
    for matrix, solution, value in zip(costs, result.solutions, result.values, strict=True):
        check(solution, allowed)
        limited = matrix if allowed is None else np.where(allowed, matrix, np.inf)
        assert value == pytest.approx(limited[linear_sum_assignment(limited)].sum(), rel=1e-12)


def test_rows_are_the_same_alone_together_and_in_any_order():
    costs = np.random.default_rng(0).integers(0, 2, size=(12, 6, 6)).astype(float)
    solver = AssignmentSolver().prepare()
    together = solver.solve(costs).solutions
    assert np.array_equal(solver.solve(costs[::-1]).solutions, together[::-1])
    assert np.array_equal(np.concatenate([solver.solve(matrix[None]).solutions for matrix in costs]), together)


def test_a_bad_row_does_not_disturb_the_others_and_input_is_left_alone():
    costs = np.random.default_rng(0).random((4, 3, 4))
    good = AssignmentSolver().prepare().solve(costs).solutions
    costs[1, 2, 3], costs[2, 0, 0] = np.inf, 1e305
    before = costs.copy()
    result = AssignmentSolver().prepare().solve(costs)
    assert result.status.tolist() == [0, SolveStatus.ERROR, SolveStatus.ERROR, 0]
    assert result.messages == {
        1: "the objective is inf at position (2, 3)",
        2: "an entry is larger than 2**1000 in size: sums would overflow",
    }
    assert np.array_equal(result.solutions[[0, 3]], good[[0, 3]])
    assert np.array_equal(costs, before)


def test_empty():
    for shape in [(0, 3, 3), (2, 0, 3), (2, 3, 0)]:
        result = AssignmentSolver().prepare().solve(np.zeros(shape))
        assert result.solutions.shape == shape
        assert result.status is None


MASK = "assignment: allowed: expected a matrix [n, m] of bool or 0/1, found"


@pytest.mark.parametrize(
    ("allowed", "found"),
    [
        (np.ones(3, bool), "ndarray of shape [3]"),
        (np.full((2, 2), 2), "ndarray of shape [2, 2]"),
        ([["a"]], "list"),
        ([[1], [1, 0]], "list"),
    ],
)
def test_masks_that_are_none(allowed, found):
    with pytest.raises(InstanceError) as caught:
        AssignmentSolver().prepare(allowed=allowed)
    assert str(caught.value) == f"{MASK} {found}\n  hint: True where a pair may be chosen"


def test_wrong_shapes():
    with pytest.raises(ObjectiveError) as caught:
        AssignmentSolver().prepare(allowed=np.ones((2, 3))).solve(np.zeros((1, 3, 3)))
    assert str(caught.value) == "assignment: expected objectives of shape [N, 2, 3], found [1, 3, 3]"
    with pytest.raises(ObjectiveError) as caught:
        AssignmentSolver().prepare().solve(np.zeros((1, 3)))
    assert str(caught.value) == "assignment: expected objectives of shape [N, any, any], found [1, 3]"


def test_options():
    with pytest.raises(OptionError) as caught:
        AssignmentSolver(sense="cost")
    assert str(caught.value) == "assignment: sense: expected 'min' or 'max', found 'cost'"


def test_large_batches_are_solved_in_parts_and_stop_between_them():
    from imle.solvers.cancellation import CancelledError, CancelToken

    costs = np.random.default_rng(0).random((300, 100, 101))
    prepared = AssignmentSolver().prepare()
    together = prepared.solve(costs).solutions
    alone = [prepared.solve(row[None]).solutions[0] for row in costs[[0, 48, 49, 50, 299]]]
    assert np.array_equal(together[[0, 48, 49, 50, 299]], alone)
    token = CancelToken()
    token.cancel()
    with token.inside(), pytest.raises(CancelledError):
        prepared.solve(costs)


@functools.cache
def matchings(n, m, shape):
    """Every set of pairs of different objects among the first n and m, as `[count, *shape]`."""
    found = []
    for size in range(min(n, m) + 1):
        for first in itertools.combinations(range(n), size):
            for second in itertools.permutations(range(m), size):
                matrix = np.zeros(shape)
                matrix[first, second] = 1.0
                found.append(matrix)
    return np.array(found)


@pytest.mark.parametrize("sense", ["min", "max"])
@pytest.mark.parametrize("solver", [AssignmentSolver, ScipyAssignmentSolver])
def test_prices_and_sizes_match_enumeration(solver, sense):
    """2,000 rows each, with ties."""
    rng, sign = np.random.default_rng(0), 1.0 if sense == "min" else -1.0
    for _ in range(200):
        n, m = int(rng.integers(1, 4)), int(rng.integers(1, 5))
        objective = rng.integers(-3, 4, (10, n, m)).astype(float)
        allowed = rng.random((n, m)) < rng.choice([0.6, 1.0])
        prices = [None, *(rng.integers(-2, 3, count).astype(float) for count in (1, 2, n + m))][int(rng.integers(4))]
        padded = rng.random() < 0.5
        sizes = rng.integers(0, [n + 1, m + 1], (10, 2)) if padded else np.tile([n, m], (10, 1))
        rows = {"sizes": sizes} if padded else {}
        prepared = solver(sense=sense).prepare(allowed=allowed, unmatched=prices)
        result = prepared.solve(objective, **rows)
        if prices is not None:
            first, second = np.split(prices, [n]) if len(prices) > 2 else ([prices[0]] * n, [prices[-1]] * m)
        for row, (matrix, (a, b)) in enumerate(zip(objective, sizes.tolist(), strict=True)):
            points = matchings(a, b, (n, m))
            points = points[~points[:, ~allowed].any(axis=1)]
            terms = 0.0
            if prices is None:
                points = points[points.sum(axis=(1, 2)) == min(a, b)]
            else:
                terms = (1 - points.sum(axis=2)[:, :a]) @ first[:a] + (1 - points.sum(axis=1)[:, :b]) @ second[:b]
            if not len(points):
                assert result.status[row] == SolveStatus.INFEASIBLE
                continue
            values = (points * matrix).sum(axis=(1, 2)) + terms
            best = sign * (sign * values).min()
            assert result.values[row] == best
            (found,) = np.flatnonzero((points == result.solutions[row]).all(axis=(1, 2)))
            assert values[found] == best
            if prepared.fixed_terms is not None:
                own = {"sizes": [sizes[row]] * len(points)} if padded else {}
                np.testing.assert_array_equal(prepared.fixed_terms(points, **own), terms)


def test_terms_of_what_is_no_matching_are_unknown():
    allowed = np.array([[True, False], [True, True]])
    terms = AssignmentSolver().prepare(allowed=allowed, unmatched=2.0).fixed_terms
    points = np.array([[[0, 0], [0, 1]], [[1, 0], [1, 0]], [[0, 1], [0, 0]], [[0.5, 0], [0, 0]]], float)
    np.testing.assert_array_equal(terms(points), [4.0, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(terms(points[:1], sizes=[[1, 2]]), [np.nan])


@pytest.mark.parametrize("solver", ["assignment", "scipy-assignment"])
def test_objects_left_unmatched_as_padding_by_hand_has_it(solver):
    """A pair is chosen where it costs less than its two objects alone: costs of n + m dummies say the same."""
    costs = torch.rand(20, 4, 5, generator=torch.Generator().manual_seed(0))
    found = imle.layer(solver, unmatched=0.2).eval()(costs)
    padded = torch.full((20, 9, 9), torch.inf)
    padded[:, :4, :5] = costs
    padded[:, 4:, 5:] = 0.0
    padded[:, torch.arange(4), 5 + torch.arange(4)] = 0.2
    padded[:, 4 + torch.arange(5), torch.arange(5)] = 0.2
    for row, matrix in enumerate(padded):
        by_hand = torch.zeros(9, 9)
        by_hand[linear_sum_assignment(matrix.numpy())] = 1.0
        assert torch.equal(found[row], by_hand[:4, :5])
    assert 0 < found.sum() < 80


@pytest.mark.parametrize("solver", ["assignment", "scipy-assignment"])
def test_rows_of_different_sizes_are_solved_together(solver):
    sizes = [(2, 3), (3, 2), (0, 3), (3, 4), (1, 1)]
    costs = torch.rand(5, 3, 4, generator=torch.Generator().manual_seed(0))
    padded = costs.clone()
    for row, (n, m) in enumerate(sizes):
        padded[row, n:] = padded[row, :, m:] = -torch.inf  # whatever is there
    layer = imle.layer(solver).eval()
    found = layer(padded, sizes=sizes)
    assert layer.stats.batches == 1
    for row, (n, m) in enumerate(sizes):
        assert found[row].sum() == found[row, :n, :m].sum() == min(n, m)
        if n:
            assert torch.equal(found[row, :n, :m], imle.layer(solver).eval()(costs[row, :n, :m]))
    same = imle.layer(solver, sizes=(2, 3)).eval()
    assert torch.equal(same(padded[:1]), found[:1])
    train = imle.layer(solver, nb_samples=20)
    costs.requires_grad_()
    train(costs, sizes=torch.tensor(sizes)).square().sum().backward()
    assert costs.grad[1, :, 2:].abs().sum() == 0
    assert costs.grad[0].any()


def test_losses_and_metrics_count_the_price_of_unmatched_objects():
    layer = imle.layer("assignment", unmatched=1.0)
    costs = torch.tensor([[[1.0, 9.0], [9.0, 3.0]]])
    both, one = torch.eye(2).unsqueeze(0), torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    assert torch.equal(layer.eval()(costs), one)
    assert layer.value(costs).item() == 3.0  # 1 + 1 + 1
    assert imle.metrics.regret(costs, both, one, layer=layer).item() == 1.0  # 4 instead of 3
    loss = imle.losses.PerturbedFenchelYoung(layer, temperature=0.0)
    assert loss(costs, both).item() == 1.0


def test_prices_can_be_learned_and_differ_per_row():
    layer = imle.layer("assignment").eval()
    costs = torch.full((2, 1, 1), 1.0)
    assert layer(costs, unmatched=[0.4, 0.6]).flatten().tolist() == [0.0, 1.0]
    torch.manual_seed(0)
    price = torch.zeros((), requires_grad=True)
    learning = imle.layer("assignment", nb_samples=10, noise=None, learned={"unmatched": 0.3})
    optimizer = torch.optim.Adam([price], lr=0.2)
    for _ in range(6):
        optimizer.zero_grad()
        (1 - learning(costs, unmatched=price)).sum().backward()  # pairs that cost 1 are wanted
        optimizer.step()
    assert price.item() > 0.5


@pytest.mark.parametrize(
    ("instance", "told"),
    [
        (
            {"unmatched": "much"},
            "unmatched: expected a finite number, one for each side, or one for each object, found",
        ),
        ({"unmatched": np.inf}, "unmatched: expected a finite number"),
        ({"unmatched": np.zeros((2, 2))}, "unmatched: expected a finite number"),
        ({"unmatched": [1.0] * 4, "allowed": np.ones((2, 3))}, r"or 5, one for each of 2 \+ 3 objects, found 4"),
        ({"sizes": 3}, "sizes: expected two ints, how many objects each side has, found 3"),
        ({"sizes": [(1, 2), (2, 2)]}, "sizes: expected two ints, how many objects each side has, found"),
        ({"sizes": (1, 2.5)}, r"sizes: expected two ints, how many objects each side has, found \(1, 2.5\)"),
        ({"sizes": (3, 3), "allowed": np.ones((2, 3))}, r"sizes: expected at most \[2, 3\], .*, found \[3, 3\]"),
    ],
)
def test_prices_and_sizes_that_are_none(instance, told):
    for solver in ("assignment", "scipy-assignment"):
        with pytest.raises(InstanceError, match=told):
            imle.layer(solver, **instance)


def test_sizes_that_do_not_fit_name_their_row():
    layer = imle.layer("assignment")
    with pytest.raises(InstanceError, match=r"sizes: expected at most \[2, 2\], .*, found \[2, 3\] \(row 1\)"):
        layer(torch.zeros(2, 2, 2), sizes=[(1, 1), (2, 3)])
    with pytest.raises(InstanceError, match=r"sizes: expected ints >= 0, found \[2, -1\] \(row 0\)"):
        layer(torch.zeros(2, 2, 2), sizes=[(2, -1), (2, 3)])
    for solver in ("assignment", "scipy-assignment"):
        assert imle.layer(solver)(torch.zeros(0, 2, 2), sizes=[]).shape == (0, 2, 2)
    with pytest.raises(InstanceError, match=r"unmatched: expected a number, one for each side, or 4, .*, found 3"):
        imle.layer("assignment", unmatched=[0.0, 1.0, 2.0])(torch.zeros(1, 2, 2))
