"""Answers against enumeration and against cvxpy's own, with Parameters wherever they may stand."""

from __future__ import annotations

import copy
import itertools
import pickle

import cvxpy as cp
import numpy as np
import pytest
import torch
from cvxpy.lin_ops.lin_utils import ID_COUNTER
from scipy import sparse

import imle
from imle_cvxpy.solver import CvxpySolver


def test_random_problems_against_enumeration():
    """Coefficients, right sides and fixed costs are Parameters; learned ones multiply sums of variables."""
    rng = np.random.default_rng(0)
    points = np.array(list(itertools.product([0, 1], repeat=5)))
    checked = 0
    for number in range(24):
        c, d, b, a = (cp.Parameter(size, name=name) for size, name in ((3, "c"), (5, "d"), (2, "b"), (5, "a")))
        x = cp.Variable(5, boolean=True, name="x")
        sums, rows = rng.integers(-1, 2, size=(3, 5)).astype(float), rng.integers(-2, 3, size=(2, 5)).astype(float)
        maximise = bool(number % 2)
        objective = c @ (sums @ x + 1) + (d @ x if number % 3 else 0) + 2
        constraints = [rows @ x <= b] + ([a @ x <= 2] if number % 4 == 0 else [])
        problem = cp.Problem((cp.Maximize if maximise else cp.Minimize)(objective), constraints)
        engine = "auto" if number % 5 else "highs"
        solver = CvxpySolver(sense="max" if maximise else "min", engine=engine)
        count = 12 if number % 3 == 0 and number % 4 else 5
        given = []
        for _ in range(count):
            own = {"b": rng.integers(-1, 4, size=2)}
            if number % 3:
                own["d"] = rng.normal(size=5)
            if number % 4 == 0:
                own["a"] = rng.integers(-2, 4, size=5)
            given.append(own)
        theta = rng.normal(size=(count, 3))
        result = solver.prepare(problem, parameters=c).solve(theta, values=given)
        prepared = solver.prepare(problem, parameters=c)
        for row, own in enumerate(given):
            ok = (points @ rows.T <= own["b"]).all(axis=1)
            if "a" in own:
                ok &= points @ own["a"] <= 2
            kept = points[ok]
            if not len(kept):
                assert result.status[row] == imle.SolveStatus.INFEASIBLE
                continue
            z = kept @ sums.T + 1
            rest = 2 + kept @ own.get("d", np.zeros(5))
            values = z @ theta[row] + rest
            best = values.max() if maximise else values.min()
            assert result.values[row] == pytest.approx(best, abs=1e-9)
            same = (np.abs(z - result.solutions[row]) < 1e-9).all(axis=1)
            assert same.any()
            added = (rest[same].max() if maximise else rest[same].min()) if same.any() else np.nan
            checked += 1
            if row == 0:
                found = prepared.fixed_terms(result.solutions[:1], values=given[:1])
                assert found[0] == pytest.approx(added, abs=1e-6)
    assert checked > 100


def test_many_rows_of_one_problem_against_enumeration():
    rng = np.random.default_rng(1)
    points = np.array(list(itertools.product([0, 1], repeat=6)))
    c, b, x = cp.Parameter(6, name="c"), cp.Parameter(2, name="b"), cp.Variable(6, boolean=True)
    rows = rng.integers(0, 5, size=(2, 6))
    prepared = CvxpySolver(sense="max", engine="auto").prepare(cp.Problem(cp.Maximize(c @ x), [rows @ x <= b]))
    theta, sides = rng.normal(size=(3000, 6)), rng.integers(0, 12, size=(3000, 2)).astype(float)
    result = prepared.solve(theta, values=sides)
    feasible = (points @ rows.T)[None] <= sides[:, None]
    best = np.where(feasible.all(axis=2), theta @ points.T, -np.inf).max(axis=1)
    np.testing.assert_allclose(result.values, best, atol=1e-12)
    assert result.counters == {"knapsacks": 3000}


def test_as_cvxpy_solves_it():
    """Parameters in bounds, piecewise linear terms, continuous and integer variables; the problem stays as it was."""
    rng = np.random.default_rng(2)
    c, most, target = cp.Parameter((2, 3), name="c"), cp.Parameter(3, name="most", nonneg=True), cp.Parameter(name="t")
    x, y = cp.Variable((2, 3), bounds=[0, 4], name="x"), cp.Variable(3, integer=True, bounds=[0, most], name="y")
    objective = cp.sum(cp.multiply(c, x)) + cp.norm1(x[0] - y) + cp.pos(cp.sum(y) - target)
    problem = cp.Problem(cp.Minimize(objective), [cp.sum(x, axis=0) >= y, cp.sum(x) + cp.sum(y) >= target])
    prepared = CvxpySolver().prepare(problem, parameters=c)
    theta = rng.normal(size=(8, 2, 3))
    rows = [{"most": rng.integers(0, 4, size=3).astype(float), "t": float(rng.integers(0, 5))} for _ in range(8)]
    assert prepared.objective_shape == (2, 3)
    result = prepared.solve(theta, values=rows)
    assert c.value is None
    assert x.value is None
    for row in range(8):
        c.value, most.value, target.value = theta[row], rows[row]["most"], rows[row]["t"]
        problem.solve(solver=cp.HIGHS)
        assert result.values[row] == pytest.approx(problem.value, abs=1e-6)
        np.testing.assert_allclose(result.solutions[row], x.value, atol=1e-6)


def test_labels_and_shapes():
    x, y = cp.Variable((2, 2), name="x"), cp.Variable(name="y")
    a, b, s = cp.Parameter((2, 2), name="a"), cp.Parameter(name="b"), cp.Parameter((2, 2), name="s", symmetric=True)
    box = [x >= 0, x <= 1, y == cp.sum(x)]
    one = cp.Problem(cp.Minimize(cp.sum(cp.multiply(a, x)) + b * y), box)
    both = CvxpySolver().prepare(one)
    assert both.objective_shape == (5,)
    assert both.labels == ["x[0, 0]", "x[0, 1]", "x[1, 0]", "x[1, 1]", "y"]
    matrix = CvxpySolver().prepare(one, parameters=a, values=[0.5])
    assert matrix.objective_shape == (2, 2)
    assert matrix.solve(np.array([[[-1.0, 1], [-0.4, -2]]])).solutions.tolist() == [[[1, 0], [0, 1]]]
    number = CvxpySolver().prepare(one, parameters=[b], values={"a": np.ones((2, 2))})
    assert number.objective_shape == (1,)
    assert number.labels == ["y"]
    assert number.solve(np.array([[-2.0]])).solutions.tolist() == [[4]]
    entries = CvxpySolver().prepare(one, variables=[y, x])
    assert entries.labels[:2] == ["y", "x[0, 0]"]
    rows = cp.Problem(cp.Minimize(cp.sum(a @ x)), box)
    assert CvxpySolver().prepare(rows, parameters=a).labels == ["a[0, 0]", "a[0, 1]", "a[1, 0]", "a[1, 1]"]
    tied = cp.Problem(cp.Minimize(cp.sum(cp.multiply(s, x))), box)
    with pytest.raises(imle.errors.InstanceError, match=r"entries are free, found 's'"):
        CvxpySolver().prepare(tied)


def test_a_flow_is_solved_by_its_kernel_and_learned():
    """Transport of two plants to three shops: the layer's gradient lowers a cost."""
    cost, supply, demand = (
        cp.Parameter((2, 3), name="cost"),
        cp.Parameter(2, name="supply"),
        cp.Parameter(3, name="demand"),
    )
    x = cp.Variable((2, 3), nonneg=True, name="x")
    flow = [cp.sum(x, axis=1) <= supply, cp.sum(x, axis=0) == demand]
    problem = cp.Problem(cp.Minimize(cp.sum(cp.multiply(cost, x))), flow)
    supply.value = np.array([5.0, 5.0])
    values = {"demand": [2, 3, 4]}
    layer = imle.layer("cvxpy", problem=problem, engine="auto", values=values, nb_samples=4)
    theta = torch.rand(4, 2, 3, requires_grad=True)
    layer(theta)[:, 0, 0].sum().backward()
    assert theta.grad.abs().sum() > 0
    assert layer.stats.events["flows"] == 32
    per_row = layer.eval()(theta, values=[{"demand": [1, 1, k]} for k in range(4)])
    assert per_row.sum(dim=(1, 2)).tolist() == [2, 3, 4, 5]
    again = pickle.loads(pickle.dumps(layer))
    assert torch.equal(again(theta), layer(theta))


def test_values_are_those_at_the_time_when_the_problem_is_read():
    c, b, x = cp.Parameter(2, name="c"), cp.Parameter(name="b", value=1.0), cp.Variable(2, nonneg=True)
    problem = cp.Problem(cp.Maximize(c @ x), [cp.sum(x) <= b])
    prepared = CvxpySolver(sense="max").prepare(problem)
    b.value = 5.0
    assert prepared.solve(np.array([[1.0, 2.0]])).values.tolist() == [2.0]


@pytest.mark.parametrize("sense", ["min", "max"])
def test_constants_count_once(sense):
    """On the simplex the best is the least or the greatest entry; entries of c multiply constants, too."""
    theta = torch.tensor([[0.1, -0.2, 0.6], [3.0, 1.0, 2.0]], dtype=torch.float64)
    c, x = cp.Parameter(3, name="c"), cp.Variable(3, nonneg=True)
    least, greatest = theta.amin(1), theta.amax(1)
    best, opposite = (least, -greatest) if sense == "min" else (greatest, -least)
    for objective, expected in (
        (c @ x + 5, best + 5),
        (c @ x + c[0] + 5, best + theta[:, 0] + 5),
        (2 * cp.sum(c) - c @ x + 5, opposite + 2 * theta.sum(1) + 5),
    ):
        kind = cp.Minimize if sense == "min" else cp.Maximize
        layer = imle.layer("cvxpy", problem=cp.Problem(kind(objective), [cp.sum(x) == 1]), sense=sense).eval()
        torch.testing.assert_close(layer.value(theta), expected)


def test_bounds_of_boolean_variables_hold():
    c = cp.Parameter(3, name="c")
    x = cp.Variable(3, boolean=True, bounds=[np.array([0.0, 0.2, -4.0]), np.array([0.0, 7.0, 0.5])])
    found = CvxpySolver().prepare(cp.Problem(cp.Minimize(c @ x))).solve(np.array([[-1.0, 1.0, -1.0]]))
    assert found.solutions.tolist() == [[0, 1, 0]]


def test_entries_that_multiply_nothing():
    """In linear and in quadratic problems: the others are as without them, and no variable is a whole number."""
    c, x = cp.Parameter(3, name="c"), cp.Variable(3, nonneg=True)
    for more, best in ((0.0, [[1, 0]]), (cp.sum_squares(x), [[7 / 12, 1 / 3]])):  # 2 x = 1/6 - c, and 1/12 is left
        prepared = CvxpySolver().prepare(cp.Problem(cp.Minimize(c[:2] @ x[:2] + more), [cp.sum(x) == 1]))
        result = prepared.solve(np.array([[-1.0, -0.5, 9.0]]))
        np.testing.assert_allclose(result.solutions[:, :2], best, atol=1e-9)


def test_values_may_be_sparse():
    c, k, x = cp.Parameter(3, name="c"), cp.Parameter((2, 3), name="k"), cp.Variable(3, nonneg=True)
    k.value = sparse.csr_array(np.eye(2, 3))
    prepared = CvxpySolver(sense="max").prepare(cp.Problem(cp.Maximize(c @ x), [k @ x <= 1, cp.sum(x) <= 3]))
    assert prepared.solve(np.array([[3.0, 2.0, 1.0]])).values.tolist() == [6.0]
    again = prepared.solve(np.array([[3.0, 2.0, 1.0]]), values=[{"k": sparse.csr_array([[0, 2, 0], [0, 0, 3]])}])
    assert again.values.tolist() == [9.0]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_of_a_layer_whose_problem_was_solved(copied):
    """cvxpy keeps what it made of a problem, with numbers that copies do not have: they crashed, or were wrong."""
    c, d, x = cp.Parameter(3, name="c"), cp.Parameter(name="d", value=1.0), cp.Variable(3, nonneg=True, name="x")
    problem = cp.Problem(cp.Minimize(c @ x + cp.norm1(x - d / 2)), [cp.sum(x) == d])
    c.value = np.array([1.0, 5.0, 5.0])
    value = problem.solve(solver=cp.HIGHS)
    layer = imle.layer("cvxpy", problem=problem).eval()
    theta = torch.tensor([[1.0, 5.0, 5.0]], dtype=torch.float64)
    assert copied(layer).value(theta).tolist() == layer.value(theta).tolist() == [pytest.approx(value)]
    assert x.value.tolist() == [1, 0, 0]
    assert copied(problem).value == value


def test_numbers_of_another_process(monkeypatch):
    """cvxpy numbers variables by a counter of the process: a problem from another one has the same as its own."""
    for first in range(1, 60, 3):
        monkeypatch.setattr(ID_COUNTER, "count", first)
        c, x = cp.Parameter(3, name="c"), cp.Variable(3, nonneg=True)
        problem = cp.Problem(cp.Minimize(c @ x + cp.norm1(x - np.array([0.2, 0.3, 0.5]))), [cp.sum(x) == 1])
        sent = pickle.dumps(problem)
        monkeypatch.setattr(ID_COUNTER, "count", 1)
        result = CvxpySolver().prepare(pickle.loads(sent)).solve(np.array([[4.0, 3.0, 0.0]]))
        assert result.values.tolist() == [pytest.approx(1.0)]  # all in the third


def portfolio():
    """Expected returns are learned; aversion to risk and what is held before are Parameters."""
    returns, aversion = cp.Parameter(4, name="returns"), cp.Parameter(nonneg=True, name="aversion")
    held = cp.Parameter(4, name="held", value=np.full(4, 0.25))
    root = np.random.default_rng(3).normal(size=(4, 4))
    x = cp.Variable(4, name="x")
    risk = cp.quad_form(x, root @ root.T)
    objective = cp.Maximize(returns @ x - aversion * risk - cp.sum_squares(x - held) - 0.1 * cp.norm1(x - held))
    return cp.Problem(objective, [cp.sum(x) == 1, x >= 0, x <= 0.6]), returns, aversion, held, x


def test_quadratic_objectives_as_cvxpy_solves_them():
    problem, returns, aversion, held, x = portfolio()
    rng = np.random.default_rng(4)
    theta = rng.normal(size=(10, 4))
    rows = [{"aversion": float(k % 3), "held": rng.dirichlet(np.ones(4))} for k in range(10)]
    prepared = CvxpySolver(sense="max").prepare(problem, parameters=returns)
    result = prepared.solve(theta, values=rows)
    assert not prepared.homogeneous
    terms = prepared.fixed_terms(result.solutions, values=rows)
    np.testing.assert_allclose(terms + (theta * result.solutions).sum(axis=1), result.values, atol=1e-5)
    for row, own in enumerate(rows):
        returns.value, aversion.value, held.value = theta[row], own["aversion"], own["held"]
        problem.solve(solver=cp.CLARABEL)
        assert result.values[row] == pytest.approx(problem.value, abs=1e-6)
        np.testing.assert_allclose(result.solutions[row], x.value, atol=1e-4)


def test_implicit_derivatives_of_quadratic_problems():
    """Against differences of solutions; those of linear problems are 0."""
    problem, returns, *_ = portfolio()
    layer = imle.layer(
        "cvxpy", sense="max", problem=problem, parameters=returns, values={"aversion": 1.0}, estimator="implicit"
    )
    theta = torch.tensor([[0.3, 0.1, -0.2, 0.4]], dtype=torch.float64, requires_grad=True)
    direction = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)
    (layer(theta) @ direction).sum().backward()
    step = 1e-4 * torch.eye(4, dtype=torch.float64)
    with torch.no_grad():
        slopes = ((layer(theta + step) - layer(theta - step)) @ direction) / 2e-4
    assert torch.allclose(theta.grad[0], slopes, atol=1e-4)
    c, y = cp.Parameter(2, name="c"), cp.Variable(2, nonneg=True)
    linear = imle.layer("cvxpy", problem=cp.Problem(cp.Minimize(c @ y), [cp.sum(y) == 1]), estimator="implicit")
    theta = torch.rand(3, 2, requires_grad=True)
    linear(theta).square().sum().backward()
    assert not theta.grad.any()


@pytest.mark.parametrize("quadratic", [False, True])
def test_derivatives_of_values_in_all_parameters(quadratic):
    """In right sides, bounds, coefficients, fixed costs, constants and weights of squares: differences of values."""
    rng = np.random.default_rng(5)
    c, b, most = cp.Parameter(3, name="c"), cp.Parameter(2, name="b"), cp.Parameter(name="most", nonneg=True)
    a, d, w = cp.Parameter((1, 4), name="a"), cp.Parameter(4, name="d"), cp.Parameter(name="w", nonneg=True)
    x, y = cp.Variable(4, bounds=[0, 1.4], name="x"), cp.Variable(bounds=[-most, most], name="y")
    objective = c @ x[:3] - 0.4 * y + d @ x + 3 * d[0] + w * (cp.sum_squares(x) if quadratic else cp.norm1(x - 0.5))
    rows = [rng.uniform(0.5, 1, size=(2, 4)) @ x >= b, a @ x <= 1.2, x[0] + x[3] + 0.1 * y == b[0]]
    problem = cp.Problem(cp.Minimize(objective), rows)
    layer = imle.layer("cvxpy", problem=problem, parameters=c)
    order = [parameter.name() for parameter in problem.parameters() if parameter is not c]
    given = {"b": [1.0, 0.8], "most": [1.1], "a": [0.7, 1.0, 0.4, 1.2], "d": [0.3, -0.4, 0.5, 0.2], "w": [0.6]}
    start = [number for name in order for number in given[name]]
    values = torch.tensor([start], dtype=torch.float64, requires_grad=True)
    theta = torch.tensor([[0.5, -0.7, 0.3]], dtype=torch.float64)
    told = torch.autograd.grad(layer.value(theta, values=values, relaxation=True).sum(), values)[0][0]
    for place in range(len(start)):
        step = torch.zeros_like(values).index_fill_(1, torch.tensor([place]), 1e-5)
        with torch.no_grad():
            above, below = (layer.value(theta, values=values + sign * step, relaxation=True) for sign in (1, -1))
        assert told[place].item() == pytest.approx(((above - below) / 2e-5).item(), abs=1e-4), (order, place)
    assert told.count_nonzero() >= 8


def test_parameters_are_learned_by_noise():
    """A demand that a plan must meet: too little is expensive, and noise on it tells."""
    price, demand, x = cp.Parameter(name="price"), cp.Parameter(name="demand"), cp.Variable(name="x")
    problem = cp.Problem(cp.Minimize(price * x), [x >= demand])
    layer = imle.layer("cvxpy", problem=problem, parameters=price, noise=None, nb_samples=8, learned={"values": 0.1})
    predicted = torch.full((40, 1), 2.0, requires_grad=True)
    loss = layer.expected_loss(torch.ones(40, 1), lambda plan: (plan - 5.0).abs().sum(dim=-1), values=predicted)
    loss.sum().backward()
    assert predicted.grad.mean() < -0.5
