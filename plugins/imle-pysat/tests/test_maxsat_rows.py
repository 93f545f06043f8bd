"""Rows on their own, limits, threads; through `imle.layer`; a spec that is true."""

from __future__ import annotations

import dataclasses
import inspect
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import imle
from imle.errors import InstanceError, ObjectiveError, OptionError
from imle.solvers import PreparedSolver, Solver, SolveStatus
from imle_pysat.maxsat import MaxSATSolver
from imle_pysat.plugin import MAXSAT, imle_solvers


def random_clauses(seed, variables, count, size):
    random = np.random.default_rng(seed)
    return [
        [
            int(v + 1) * int(s)
            for v, s in zip(random.choice(variables, size, False), random.choice([-1, 1], size), strict=True)
        ]
        for _ in range(count)
    ]


MIDDLING = {"hard": random_clauses(0, 12, 20, 3), "soft": random_clauses(1, 12, 15, 2)}
HARD = {"hard": random_clauses(0, 100, 300, 3), "soft": random_clauses(1, 100, 150, 2)}


def test_labels_are_clauses_or_numbers_of_variables():
    clauses = {"hard": [[1, 2]], "soft": [[-1], [2, -3]]}
    assert MaxSATSolver().prepare(**clauses).labels == [(-1,), (2, -3)]
    assert list(MaxSATSolver(weights="variables").prepare(hard=[[1, 2], [3]]).labels) == [1, 2, 3]


@pytest.mark.parametrize("stratified", [True, False])
def test_batch_equals_loop_ties_included(stratified):
    prepared = MaxSATSolver(stratified=stratified).prepare(**MIDDLING)
    objective = np.random.default_rng(0).integers(-1, 2, (20, 15)).astype(float)
    whole = prepared.solve(objective)
    again = MaxSATSolver(stratified=stratified).prepare(**MIDDLING)
    for row in reversed(range(20)):
        np.testing.assert_array_equal(again.solve(objective[row : row + 1]).solutions[0], whole.solutions[row])
    for given in (np.asfortranarray(objective), np.repeat(objective, 2, axis=1)[:, ::2], objective.astype(np.float32)):
        np.testing.assert_array_equal(prepared.solve(given).solutions, whole.solutions)
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(prepared.solve, [objective] * 8):
            np.testing.assert_array_equal(result.solutions, whole.solutions)


def test_the_same_factor_changes_nothing():
    prepared = MaxSATSolver().prepare(**MIDDLING)
    objective = np.random.default_rng(0).normal(size=(4, 15))
    expected = prepared.solve(objective).solutions
    for scale in (2.0**-900, 2.0**900):
        np.testing.assert_array_equal(prepared.solve(objective * scale).solutions, expected)


def test_rows_that_are_not_finite_fail_alone():
    prepared = MaxSATSolver().prepare(soft=[[1], [-1]])
    result = prepared.solve(np.array([[1.0, 2.0], [np.nan, 0.0], [2.0, 1.0]]))
    assert result.status.tolist() == [SolveStatus.OPTIMAL, SolveStatus.ERROR, SolveStatus.OPTIMAL]
    assert result.messages == {1: "the objective is nan at position 0"}
    assert result.solutions.tolist() == [[0, 1], [0, 0], [1, 0]]


@pytest.mark.parametrize("stratified", [True, False])
def test_a_time_limit_keeps_an_incumbent(stratified):
    prepared = MaxSATSolver(time_limit=0.2, stratified=stratified).prepare(**HARD)
    result = prepared.solve(np.random.default_rng(0).normal(size=(2, 150)))
    assert result.status.tolist() == [SolveStatus.FEASIBLE] * 2
    assert set(result.messages.values()) == {"stopped at the time limit with a model"}
    assert np.isfinite(result.values).all()
    assert (result.bound > result.values).all()
    assert np.isfinite(result.gap).all()


def test_a_time_limit_before_any_model_is_a_timeout():
    """Twelve pigeons in eleven holes: no solver of this kind finds out in time that there is no model."""
    pigeons, holes = range(12), range(11)
    hard = [[11 * p + h + 1 for h in holes] for p in pigeons]
    hard += [[-(11 * p + h + 1), -(11 * q + h + 1)] for h in holes for p in pigeons for q in range(p)]
    prepared = MaxSATSolver(time_limit=0.05).prepare(hard=hard, soft=[[1], [2]])
    result = prepared.solve(np.array([[1.0, -1.0], [0.0, 2.0]]))
    assert result.status.tolist() == [SolveStatus.TIMEOUT] * 2
    assert set(result.messages.values()) == {"stopped at the time limit without a model"}
    assert not result.solutions.any()
    assert np.isnan(result.values).all()
    assert result.bound is None
    layer = imle.layer("maxsat", hard=hard, soft=[[1], [2]], time_limit=0.05, on_failure="zero-grad").eval()
    assert layer(torch.ones(1, 2)).tolist() == [[0, 0]]
    assert layer.stats.status == {"timeout": 1}


@pytest.mark.parametrize("wrong", ["breaks a clause", "claims too little", "is not the best"])
def test_what_rc2_returns_is_checked(monkeypatch, wrong):
    from imle_pysat import maxsat as module

    original = module.best_model

    def faulty(*arguments, **options):
        best = original(*arguments, **options)
        if wrong == "claims too little":
            return best._replace(missed=best.missed - 1)
        return best._replace(model=[1, 2, 3] if wrong == "breaks a clause" else [-1, -2, -3])

    monkeypatch.setattr(module, "best_model", faulty)
    result = MaxSATSolver().prepare(hard=[[-1, -2]], soft=[[1], [2], [3]]).solve(np.array([[1.0, 2.0, 3.0]]))
    assert result.status.tolist() == [SolveStatus.ERROR]
    assert "RC2 returned a model that breaks a hard clause or has another cost" in result.messages[0]
    assert np.isnan(result.values).all()


def test_assignments_satisfy_the_hard_clauses():
    prepared = MaxSATSolver(weights="variables").prepare(hard=MIDDLING["hard"])
    for assignment in prepared.solve(np.random.default_rng(0).normal(size=(10, 12))).solutions:
        for clause in MIDDLING["hard"]:
            assert any(assignment[abs(literal) - 1] == (literal > 0) for literal in clause)


def test_the_rest_of_the_protocol():
    solver = MaxSATSolver(sense="min", scale=100.0)
    assert isinstance(solver, Solver)
    assert pickle.loads(pickle.dumps(solver)) == solver
    assert hash(solver) == hash(MaxSATSolver(sense="min", scale=100.0))
    prepared = solver.prepare(soft=[[1, 2], [-1]])
    assert isinstance(prepared, PreparedSolver)
    assert prepared.solve(np.zeros((0, 2))).solutions.shape == (0, 2)
    assert prepared.solve(np.zeros((1, 2))).status is None
    with pytest.raises(ObjectiveError, match=r"expected objectives of shape \[N, 2\], found \[1, 3\]"):
        prepared.solve(np.zeros((1, 3)))
    prepared.close()
    prepared.close()
    assert prepared.solve(np.ones((1, 2))).values.tolist() == [1.0]


@pytest.mark.parametrize(
    "options",
    [
        {"weights": "literals"},
        {"sense": "least"},
        {"time_limit": 0.0},
        {"time_limit": "5"},
        {"time_limit": True},
        {"scale": 0.0},
        {"scale": "auto"},
        {"scale": True},
        {"stratified": 1},
    ],
)
def test_options_that_are_refused(options):
    with pytest.raises(OptionError, match=f"maxsat: {next(iter(options))}: expected"):
        MaxSATSolver(**options)


def test_a_gradient_step():
    torch.manual_seed(0)
    weights = torch.rand(8, 15, requires_grad=True)
    layer = imle.layer("maxsat", nb_samples=2, **MIDDLING)
    layer(weights)[:, 0].sum().backward()
    assert torch.isfinite(weights.grad).all()
    assert weights.grad.abs().sum() > 0
    with pytest.raises(ObjectiveError, match="row 0, position 3"):
        layer(weights.detach()[:1].index_fill(1, torch.tensor([3]), float("inf")))


def test_formulas_per_row():
    layer = imle.layer("maxsat").eval()
    softs = [[[1], [2]], [[1], [-1]]]
    found = layer(torch.tensor([[1.0, 2.0], [1.0, 2.0]]), soft=softs, hard=[[[-1, -2]], []])
    assert found.tolist() == [[0, 1], [0, 1]]
    with pytest.raises(InstanceError, match="maxsat: expected wcnf, or hard and soft, found neither"):
        layer(torch.ones(1, 2))


def test_the_spec_is_true(capsys):
    assert imle_solvers() == [MAXSAT]
    solver = MaxSATSolver()
    assert (solver.sense, solver.array) == (MAXSAT.sense, MAXSAT.capabilities.array)
    fields = {field.name: field.default for field in dataclasses.fields(solver)}
    assert fields == {option.name: option.default for option in MAXSAT.options}
    parameters = inspect.signature(solver.prepare).parameters
    assert {name: parameter.default for name, parameter in parameters.items()} == {
        parameter.name: parameter.default for parameter in MAXSAT.instance
    }
    assert all(parameter.doc for parameter in MAXSAT.parameters)
    exec(MAXSAT.example, {})
    assert capsys.readouterr().out.startswith("tensor(")


def test_the_light_module_is_light():
    code = "import sys, imle_pysat.plugin as p; p.imle_solvers(); print({'numpy', 'pysat', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("sense", ["min", "max"])
def test_soft_clauses_count_in_losses_regrets_and_pools(sense):
    """FAULTS B1 as clauses: x1 needs x3, which costs 10. Of (x1, x2, x3), best are 010 and 111. By enumeration."""
    sign = 1.0 if sense == "min" else -1.0
    given = {"hard": [[-1, 3]], "soft": [[3]], "soft_weights": [10 * sign], "weights": "variables", "sense": sense}
    layer = imle.layer("maxsat", **given).eval()
    guess, truth = (sign * torch.tensor([[first, -1.0, 0.0]]) for first in (-5.0, -20.0))
    alone, all_three = torch.tensor([[0.0, 1.0, 0.0]]), torch.ones(1, 3)
    assert torch.equal(layer(guess), alone)
    assert torch.equal(layer(truth), all_three)
    assert imle.losses.PerturbedFenchelYoung(layer, temperature=0.0)(guess, all_three).item() == 5
    assert imle.losses.ImplicitMLE(layer, temperature=0.0)(guess, all_three).item() == 5
    assert imle.losses.SPOPlus(layer)(guess, truth).item() == 20
    assert imle.losses.MAPContrastive(layer)(guess, alone).item() == 0
    assert imle.metrics.regret(truth, alone, all_three, layer=layer).item() == 10
    with pytest.raises(ObjectiveError, match="expected feasible solutions, found one that is not"):
        imle.metrics.regret(truth, torch.tensor([[1.0, 1.0, 0.0]]), all_three, layer=layer)
    pooled = imle.layer("maxsat", pool=0.0, **given).eval()
    pooled.pool.add(torch.cat([alone, all_three]))
    assert torch.equal(pooled(guess), alone)
    assert torch.equal(pooled(truth), all_three)
    assert torch.equal(imle.layer("maxsat", estimator="identity", **given).eval()(truth), all_three)


def test_rows_that_are_not_proven_tell_their_gap():
    layer = imle.layer("maxsat", hard=[[-1, -2]], soft=[[1], [2]], scale=2.0).eval()
    found = layer(torch.tensor([[0.7, 0.6], [1.0, 0.5]]))  # 0.7 and 0.6 are both 0.5 here, up to 0.3 in all
    assert found.sum(dim=1).tolist() == [1, 1]
    assert layer.stats.status == {"optimal": 1, "feasible": 1}
    [row] = layer.unproven
    assert row.gap == pytest.approx(0.3 / float(found[0] @ torch.tensor([0.7, 0.6])), rel=1e-6)
