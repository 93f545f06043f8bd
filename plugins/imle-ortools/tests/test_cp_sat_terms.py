"""CP-SAT: terms that are not learned, and bounds of rows that are not proven optimal."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from ortools.sat.python import cp_model

import imle
from imle.losses import ImplicitMLE, PerturbedFenchelYoung, SPOPlus
from imle.metrics import regret
from imle.solvers import SolveStatus
from imle_ortools.cp_sat import CPSATSolver
from imle_ortools.scaling import UNRESOLVED


def model_with_costs(sense):
    """x0 <= u, x1 + y <= 3, with costs of u and y and a constant; learned are x0, the opposite of x1, and y twice."""
    model = cp_model.CpModel()
    x = [model.new_bool_var("x0"), model.new_bool_var("x1")]
    u, y = model.new_bool_var("u"), model.new_int_var_from_domain(cp_model.Domain.from_values([0, 1, 3]), "y")
    v = model.new_int_var(-2, 2, "v")
    model.add_implication(x[0], u)
    model.add(x[1] + y <= 3)
    model.add(v >= y - 2)
    sign = 1 if sense == "min" else -1
    (model.minimize if sense == "min" else model.maximize)(sign * (10 * u + 3 * v) + 7)
    return model, [x[0], ~x[1], y, y], sign


def completions(sign):
    """Each solution of the learned variables, and what is best to add to it."""
    best = {}
    for x0, x1, u, y, v in itertools.product((0, 1), (0, 1), (0, 1), (0, 1, 3), range(-2, 3)):
        if x0 <= u and x1 + y <= 3 and v >= y - 2:
            z, terms = (x0, 1 - x1, y, y), sign * (10 * u + 3 * v) + 7
            best[z] = min(best.get(z, terms), terms, key=lambda h: sign * h)
    return best


@pytest.mark.parametrize("sense", ["min", "max"])
def test_fixed_terms_by_enumeration(sense):
    model, variables, sign = model_with_costs(sense)
    prepared = CPSATSolver(sense=sense).prepare(model, variables)
    assert not prepared.homogeneous
    known = completions(sign)
    points = np.array(list(itertools.product((0, 1), (0, 1), range(-1, 5), range(-1, 5))), float)
    found = prepared.fixed_terms(points)
    expected = [known.get(tuple(map(int, point)), np.nan) for point in points]
    np.testing.assert_array_equal(found, expected)
    assert np.isnan(prepared.fixed_terms(np.array([[0.5, 0, 0, 0], [np.nan, 0, 0, 0], [2, 0, 0, 0]]))).all()
    objective = np.random.default_rng(0).normal(size=(20, 4))
    result = prepared.solve(objective)
    points = np.array(list(known), float)
    values = objective @ points.T + np.array(list(known.values()))
    np.testing.assert_allclose(sign * result.values, (sign * values).min(axis=1))
    np.testing.assert_allclose(
        (objective * result.solutions).sum(axis=1) + prepared.fixed_terms(result.solutions), result.values
    )


def test_models_without_terms_of_their_own():
    model = cp_model.CpModel()
    x = [model.new_bool_var("") for _ in range(3)]
    prepared = CPSATSolver().prepare(model, x)
    assert prepared.homogeneous
    assert prepared.fixed_terms is None
    model.maximize(x[0] + 5)  # x[0] is learned: only the constant is left
    prepared = CPSATSolver().prepare(model, x)
    assert prepared.homogeneous
    assert prepared.fixed_terms(np.array([[0.0, 1.0, 1.0], [0.0, 2.0, 1.0]])).tolist() == pytest.approx(
        [5, np.nan], nan_ok=True
    )


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_losses_count_what_is_not_learned(sign):
    """min <c, x> + 10 u with x[0] <= u: (0, 1) is best for (-5, -1), and both are for (-20, -1), which cost -11."""
    model = cp_model.CpModel()
    x, u = [model.new_bool_var("x0"), model.new_bool_var("x1")], model.new_bool_var("u")
    model.add_implication(x[0], u)
    (model.minimize if sign > 0 else model.maximize)(int(10 * sign) * u)
    layer = imle.layer("ortools-cp-sat", model=model, variables=x, sense="min" if sign > 0 else "max")
    guess, truth = sign * torch.tensor([[-5.0, -1.0]]), sign * torch.tensor([[-20.0, -1.0]])
    alone, both = torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 1.0]])
    assert torch.equal(layer.eval()(guess), alone)
    assert torch.equal(layer(truth), both)
    assert PerturbedFenchelYoung(layer, temperature=0.0)(guess, both).item() == 5
    assert ImplicitMLE(layer, temperature=0.0)(guess, both).item() == 5
    assert SPOPlus(layer)(guess, truth).item() == 20
    assert regret(truth, alone, both, layer=layer).item() == 10


@pytest.mark.parametrize("sense", ["min", "max"])
def test_wide_bounds_leave_too_few_bits_and_rows_say_so(sense):
    model = cp_model.CpModel()
    x = [model.new_int_var(0, 10**9, "") for _ in range(3)]
    sign = 1 if sense == "min" else -1
    model.add(sum(x) >= 2)
    objective = sign * np.array([[1, 1 + 3e-7, 1 + 2e-7], [1.0, 2.0, 3.0]])  # steps of about 1e-6
    result = CPSATSolver(sense=sense).prepare(model, x).solve(objective)
    assert result.status.tolist() == [SolveStatus.FEASIBLE, SolveStatus.OPTIMAL]
    assert result.messages == {0: UNRESOLVED}
    assert (sign * result.bound <= [2, 2]).all()
    assert result.gap[0] < 1e-5  # though rounding could hide 500 within such bounds
    assert result.gap[1] == 0


@pytest.mark.slow
@pytest.mark.parametrize("sense", ["min", "max"])
def test_bounds_hold_where_time_runs_out(sense):
    """Against the optimum that another engine proves; constants, negated literals and fixed terms are part of both."""
    rng = np.random.default_rng(0)
    sign = 1 if sense == "min" else -1
    weights = rng.integers(100, 1000, (12, 30))
    half = weights.sum(axis=1) // 2
    model = cp_model.CpModel()
    x = [model.new_bool_var("") for _ in range(30)]
    for row, side in zip(weights.tolist(), half.tolist(), strict=True):
        model.add(cp_model.LinearExpr.weighted_sum(x, row) <= side)
    (model.minimize if sense == "min" else model.maximize)(-sign * x[29] + 11)
    variables = [~v for v in x[:5]] + x[5:29] + [model.new_constant(3)]
    objective = -sign * rng.uniform(0.9, 1.1, (1, 30))
    objective[:, :5] *= -1
    best = CPSATSolver(sense=sense).prepare(model, variables).solve(objective)
    assert best.status is None
    stopped = CPSATSolver(sense=sense, time_limit=0.05).prepare(model, variables).solve(objective)
    assert stopped.status.tolist() == [SolveStatus.FEASIBLE]
    assert sign * stopped.bound <= sign * best.values + 1e-9
    assert sign * stopped.values >= sign * best.values - 1e-9
    assert stopped.gap < 1
