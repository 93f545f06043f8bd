"""highs-qp against enumeration and differences of solutions; its instances, its errors, its files."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import torch

import imle
from imle.errors import InstanceError, OptionError, SolveError
from imle.solvers import SolveStatus
from imle_highs.conformance import least_value
from imle_highs.faces import walked
from imle_highs.qp import HighsQPSolver
from imle_highs.qp_engine import QuadraticEngine
from imle_linear.engines import deadline
from imle_linear.program import from_matrices

INSTANCES, ROWS = 200, 5
EYE = np.eye(3)


def drawn(rng):
    """A program with a feasible point, often degenerate, flat in some directions, or with an equation."""
    n, m = int(rng.integers(1, 4)), int(rng.integers(0, 3))
    factor = rng.normal(size=(int(rng.integers(0, n + 1)), n))
    term = factor.T @ factor if rng.random() < 0.6 else np.diag(rng.integers(0, 3, size=n).astype(float))
    inside, left = rng.integers(0, 3, size=n), rng.integers(-2, 3, size=(m, n)).astype(float)
    found = {"Q": term, "bounds": (0, 2), "A_ub": left, "b_ub": left @ inside + rng.integers(0, 2, size=m)}
    if rng.random() < 0.4:
        equation = rng.integers(-1, 2, size=(1, n)).astype(float)
        found |= {"A_eq": equation, "b_eq": equation @ inside}
    whole = rng.random() < 0.5
    costs = rng.integers(-2, 3, size=(ROWS, n)).astype(float) if whole else rng.normal(size=(ROWS, n))
    return found, costs


def test_a_thousand_rows_have_the_least_value():
    rng = np.random.default_rng(0)
    for _ in range(INSTANCES):
        given, costs = drawn(rng)
        result = HighsQPSolver().prepare(**given).solve(costs)
        assert result.status is None
        expected = [least_value(row, **given) for row in costs]
        np.testing.assert_allclose(result.values, expected, rtol=1e-7, atol=1e-7)


def test_the_active_set_method_alone_has_the_least_value():
    rng = np.random.default_rng(1)
    for _ in range(INSTANCES // 4):
        given, costs = drawn(rng)
        program = from_matrices("test", integrality=0, **{k: v for k, v in given.items() if k != "Q"})
        corner = HighsQPSolver().prepare(**{**given, "Q": np.zeros_like(given["Q"])}).solve(costs).solutions
        for start, row in zip(corner, costs, strict=True):
            x = walked(program, given["Q"], row, program.rows, start, deadline(None)).point
            expected = least_value(row, **given)
            np.testing.assert_allclose(row @ x + x @ given["Q"] @ x / 2, expected, rtol=1e-7, atol=1e-7)


def test_rows_together_are_what_they_are_alone():
    """Of definite programs all rows are found together; HiGHS and the active-set method find the same."""
    rng = np.random.default_rng(3)
    for _ in range(30):
        given, costs = drawn(rng)
        n = costs.shape[1]
        terms = [given["Q"] + size * np.eye(n) for size in rng.uniform(0.1, 2.0, ROWS)]
        program = from_matrices("test", integrality=0, **{k: v for k, v in given.items() if k != "Q"})
        engine = QuadraticEngine(program, {})
        rows = [program.rows] * ROWS
        together = engine.solve_all(costs, terms, rows, None)
        for row, (one, term) in enumerate(zip(together, terms, strict=True)):
            alone = engine.solve(costs[row], term, program.rows, None)
            np.testing.assert_allclose(one.proof.point, alone.proof.point, atol=1e-8)


def test_derivatives_are_those_of_solutions():
    """Solutions are piecewise affine: differences along a line are exact but for kinks."""
    rng = np.random.default_rng(2)
    step, compared = 2.0**-16, 0
    for trial in range(60):
        given, costs = drawn(rng)
        n = costs.shape[1]
        given["Q"] = given["Q"] + 0.1 * np.eye(n)
        sense = ("min", "max")[trial % 2]
        prepared = HighsQPSolver(sense=sense).prepare(**given)
        costs = costs + 0.1 * rng.normal(size=costs.shape)
        direction, cotangents = rng.normal(size=costs.shape), rng.normal(size=costs.shape)
        below, at, above = (prepared.solve(costs + s * direction).solutions for s in (-step, 0.0, step))
        told = prepared.solution_vjp(costs, cotangents, solutions=at.astype(np.float32).astype(np.float64))
        slope = ((above - below) / (2 * step) * cotangents).sum(axis=1)
        smooth = np.abs(above - 2 * at + below).max(axis=1) < 1e-9
        compared += int((smooth & (np.abs(slope) > 1e-3)).sum())
        np.testing.assert_allclose((told * direction).sum(axis=1)[smooth], slope[smooth], atol=1e-6)
    assert compared > 50


@pytest.mark.parametrize("size", [2.0**-20, 1e-4, 1.0, 1e6])
def test_exact_at_any_size(size):
    """HiGHS itself adds 1e-7 to the diagonal: it would answer 9990 for 10000."""
    layer = imle.layer("highs-qp", Q=size * EYE, bounds=(None, None)).eval()
    costs = torch.tensor([[0.0, -1.0, 0.5]], dtype=torch.float64)
    assert torch.allclose(layer(costs), -costs / size, rtol=1e-12)


def test_without_curvature_it_is_a_linear_program():
    layer = imle.layer("highs-qp", Q=0 * EYE, A_eq=[[1, 1, 1]], b_eq=[1], estimator="implicit")
    costs = torch.tensor([[3.0, 1.0, 2.0]], requires_grad=True)
    layer(costs)[:, 0].sum().backward()
    assert layer(costs).tolist() == [[0.0, 1.0, 0.0]]
    assert costs.grad.tolist() == [[0.0, 0.0, 0.0]]


def test_every_row_has_its_own_matrix_and_right_side():
    layer = imle.layer("highs-qp", A_eq=[[1, 1]], estimator="implicit")
    costs = torch.zeros(2, 2, requires_grad=True)
    found = layer(costs, Q=np.array([np.eye(2), np.diag([1.0, 3.0])]), b_eq=[[1.0], [2.0]])
    assert torch.allclose(found, torch.tensor([[0.5, 0.5], [1.5, 0.5]]))
    found[:, 0].sum().backward()  # -P of the line: 1 / (Q_00 + Q_11) and its negative
    assert torch.allclose(costs.grad, torch.tensor([[-0.5, 0.5], [-0.25, 0.25]]))


def test_a_time_limit_ends_rows():
    size = np.random.default_rng(0).normal(size=(40, 40))
    flat = size[:, :20] @ size[:, :20].T  # not definite: one row after the other
    prepared = HighsQPSolver(time_limit=1e-9).prepare(Q=flat, bounds=(0, 1))
    result = prepared.solve(size[:2])
    assert result.status.tolist() == [SolveStatus.TIMEOUT] * 2
    assert result.messages[0] == "the time limit was reached"


def test_a_matrix_alone_tells_how_many_variables_there_are():
    layer = imle.layer("highs-qp", sense="max", Q=scipy.sparse.eye(3), bounds=(0, 2)).eval()
    assert layer(torch.tensor([[1.0, 3.0, -1.0]])).tolist() == [[1.0, 2.0, 0.0]]


def test_variables_that_are_not_learned_take_their_best_values():
    given = {"Q": np.array([[1.0, -1.0], [-1.0, 2.0]]), "variables": [0], "costs": [0, -1], "bounds": (0, 10)}
    layer = imle.layer("highs-qp", estimator="implicit", **given)
    costs = torch.tensor([[-1.0]], dtype=torch.float64, requires_grad=True)
    found = layer(costs)  # x - y = 1 and 2y - x = 1
    found.sum().backward()
    assert torch.allclose(found, torch.tensor([[3.0]], dtype=torch.float64))
    assert torch.allclose(costs.grad, torch.tensor([[-2.0]], dtype=torch.float64))  # an entry of minus Q's inverse
    terms = layer.prepared.fixed_terms(np.array([[3.0], [0.0], [11.0]]))
    np.testing.assert_allclose(terms[:2], [4.5 - 6 + 4 - 2, -0.25])
    assert np.isnan(terms[2])


def test_values_have_derivatives_in_the_matrix_and_in_right_sides():
    layer = imle.layer("highs-qp", sense="max", A_eq=[[1.0, 1.0]], bounds=(0, None))
    term = torch.diag(torch.tensor([1.0, 3.0], dtype=torch.float64)).requires_grad_()
    side = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)
    value = layer.value(torch.zeros(1, 2, dtype=torch.float64), Q=term, b_eq=side)
    value.sum().backward()  # -x'Qx/2 at x = (1.5, 0.5)
    assert torch.allclose(value, torch.tensor([-1.5], dtype=torch.float64))
    assert torch.allclose(term.grad, -torch.tensor([[2.25, 0.75], [0.75, 0.25]], dtype=torch.float64) / 2)
    assert torch.allclose(side.grad, torch.tensor([-1.5], dtype=torch.float64))


def test_rows_without_an_optimum_say_why():
    prepared = HighsQPSolver().prepare(Q=np.diag([1.0, 0.0]), A_ub=[[1, -1]], b_ub=[3])
    result = prepared.solve(np.array([[1.0, 1.0], [1.0, -1.0], [0.0, 0.0]]))
    assert result.status.tolist() == [SolveStatus.OPTIMAL, SolveStatus.UNBOUNDED, SolveStatus.OPTIMAL]
    assert "direction in which Q is 0" in result.messages[1]
    empty = prepared.solve(np.ones((2, 2)), bounds=[(0, 1), (2, 1)])
    assert empty.status.tolist() == [SolveStatus.OPTIMAL, SolveStatus.INFEASIBLE]
    layer = imle.layer("highs-qp", Q=EYE, A_eq=[[1, 1, 1]], b_eq=[5], bounds=(0, 1))
    with pytest.raises(SolveError, match="infeasible"):
        layer(torch.ones(1, 3))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"Q": -EYE}, "positive semidefinite matrix, found one with the eigenvalue -1"),
        ({"Q": np.array([[0.0, 1.0], [1.0, 0.0]])}, "eigenvalue -1"),
        ({"Q": np.eye(2), "A_ub": [[1, 1, 1]], "b_ub": [1]}, r"expected a matrix \[3, 3\].*found shape \[2, 2\]"),
        ({"Q": [1.0, 2.0]}, r"expected a matrix \[n, n\], found shape \[2\]"),
        ({"Q": [[1.0, np.nan], [0.0, 1.0]]}, "found nan"),
        ({"Q": [["a", 1.0], [0.0, 1.0]]}, "expected numbers, found 'a'"),
        ({"Q": EYE, "model": "plan.lp"}, "expected either model or Q"),
        ({"Q": EYE, "bounds": [(0, 1)] * 2}, r"expected a matrix \[2, 2\]"),
    ],
)
def test_instances_that_are_refused(given, message):
    with pytest.raises(InstanceError, match=message):
        imle.layer("highs-qp", **given)


def test_rows_that_are_refused():
    layer = imle.layer("highs-qp", A_eq=[[1, 1]], b_eq=[1])
    with pytest.raises(InstanceError, match="Q missing"):
        layer(torch.ones(1, 2))
    with pytest.raises(InstanceError, match=r"eigenvalue -1 \(row 1\)"):
        layer(torch.ones(2, 2), Q=np.array([np.eye(2), -np.eye(2)]))
    with pytest.raises(InstanceError, match="expected one value per row, 2 in all"):
        layer(torch.ones(2, 2), Q=[np.eye(2)])


MODEL = """\
{sense}
 obj: x + 2 y + [ {sign}2 x ^2 {sign} 2 x * y {sign} 4 y ^2 ] / 2
Subject To
 sum: x + y = 1
Bounds
 0 <= x <= 1
 0 <= y <= 1
{kind}
End
"""


def test_files_with_a_quadratic_term(tmp_path):
    path = tmp_path / "plan.lp"
    path.write_text(MODEL.format(sense="Minimize", sign="+ ", kind=""))
    layer = imle.layer("highs-qp", model=path).eval()
    given = {"Q": [[2.0, 1.0], [1.0, 4.0]], "A_eq": [[1.0, 1.0]], "b_eq": [1.0], "bounds": (0, 1)}
    costs = torch.tensor([[1.0, -1.0]])
    assert torch.allclose(layer(costs), imle.layer("highs-qp", **given).eval()(costs))
    assert layer.labels == ["x", "y"]
    path.write_text(MODEL.format(sense="Maximize", sign="- ", kind=""))
    assert torch.allclose(imle.layer("highs-qp", sense="max", model=path).eval()(-costs), layer(costs))
    with pytest.raises(InstanceError, match="says 'max' and has a quadratic term"):
        imle.layer("highs-qp", model=path)
    with pytest.raises(InstanceError, match="expected a linear objective"):
        imle.layer("highs-lp", model=path)
    path.write_text(MODEL.format(sense="Minimize", sign="+ ", kind="General\n x"))
    with pytest.raises(InstanceError, match="expected continuous variables, found 1 integer ones, the first being 'x'"):
        imle.layer("highs-qp", model=path)


def test_implicit_is_for_solutions_that_move():
    with pytest.raises(OptionError, match="whose solutions do not change, or jump"):
        imle.layer("highs-lp", A_eq=[[1, 1]], b_eq=[1], estimator="implicit")
    with pytest.raises(OptionError, match="deterministic: it takes no noise"):
        imle.layer("highs-qp", Q=EYE, estimator="implicit", noise="gaussian")


@pytest.mark.parametrize("options", [{"executor": 2}, {"cache": 100}, {"pool": 1.0}, {"memory_limit": 1.0}])
def test_whatever_stands_around_the_solver(options):
    plain, wrapped = (
        imle.layer("highs-qp", sense="max", Q=EYE, bounds=(0, 1), estimator="implicit", **more)
        for more in ({}, options)
    )
    scores = torch.linspace(-1, 2, 12).reshape(4, 3)
    grads = []
    for layer in (plain, wrapped):
        leaf = scores.clone().requires_grad_()
        (layer(leaf) * torch.arange(12.0).reshape(4, 3)).sum().backward()
        grads.append(leaf.grad)
    assert torch.equal(*grads)
    inside = (scores > 0) & (scores < 1)
    assert torch.equal(grads[0], torch.arange(12.0).reshape(4, 3) * inside)


def test_losses_and_metrics_count_the_quadratic_term():
    risk = np.array([[0.4, 0.1, 0.0], [0.1, 0.3, -0.2], [0.0, -0.2, 0.5]])
    layer = imle.layer("highs-qp", sense="max", Q=risk, A_eq=[[1, 1, 1]], b_eq=[1])
    generator = torch.Generator().manual_seed(0)
    true, predicted = torch.randn(2, 4, 3, dtype=torch.float64, generator=generator) / 4

    def worth(scores, z):
        return (scores * z).sum(dim=1) - (z @ torch.from_numpy(risk) * z).sum(dim=1) / 2

    y, z = layer.eval()(true), layer(predicted)
    lost = worth(true, y) - worth(true, z)
    assert (lost > 1e-4).any()
    torch.testing.assert_close(imle.metrics.regret(true, z, y, layer=layer), lost)
    loss = imle.losses.PerturbedFenchelYoung(layer, temperature=0.0, reduction="none")
    torch.testing.assert_close(loss(predicted, y), worth(predicted, z) - worth(predicted, y))
    torch.testing.assert_close(loss(predicted.float(), y.float()).double(), loss(predicted, y), atol=1e-5, rtol=1e-5)
    surrogate = imle.losses.SPOPlus(layer, reduction="none")
    assert (surrogate(predicted, true) >= lost - 1e-9).all()
    torch.testing.assert_close(surrogate(true, true), torch.zeros(4, dtype=torch.float64), atol=1e-9, rtol=0)
    assert torch.autograd.gradcheck(lambda scores: surrogate(scores, true), predicted.clone().requires_grad_())
