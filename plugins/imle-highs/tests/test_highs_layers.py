"""Through `imle.layer`: training, rows with instances of their own, refused objectives, specs that are true."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch

import imle
from imle.errors import InstanceError, ObjectiveError, OptionError, SolveError
from imle.plugins.registry import import_target
from imle_highs import problems
from imle_highs.ilp import HighsILPSolver
from imle_highs.plugin import ILP, LP, imle_solvers


def test_training_through_a_knapsack():
    """Values are learned from optimal selections alone."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    instance = problems.knapsack(rng.integers(2, 9, size=(1, 6)), [14])
    features = torch.from_numpy(rng.normal(size=(12, 3))).float()
    gold_map = torch.from_numpy(rng.normal(size=(3, 6))).float()
    exact = imle.layer("highs-ilp", sense="max", **instance).eval()
    wanted = exact(features @ gold_map)
    weights = torch.nn.Parameter(torch.zeros(3, 6))
    layer = imle.layer("highs-ilp", sense="max", nb_samples=2, temperature=0.3, **instance)
    optimizer = torch.optim.Adam([weights], lr=0.1)

    def mistakes():
        return float((exact(features @ weights.detach()) - wanted).abs().mean())

    before = mistakes()
    for _ in range(25):
        optimizer.zero_grad()
        (layer(features @ weights) - wanted).square().mean().backward()
        optimizer.step()
    assert mistakes() < 0.5 * before
    assert layer.stats.status["optimal"] == layer.stats.solves


def test_rows_with_right_sides_and_matrices_of_their_own():
    layer = imle.layer("highs-ilp", sense="max", bounds=(0, 1)).eval()
    scores = torch.tensor([[3.0, 2.0], [3.0, 2.0], [3.0, 2.0]])
    matrices = [np.array([[1.0, 1.0]]), np.array([[2.0, 1.0]]), np.array([[1.0, 1.0]])]
    found = layer(scores, A_ub=matrices, b_ub=[[1], [1], [2]])
    assert found.tolist() == [[1, 0], [0, 1], [1, 1]]
    with pytest.raises(InstanceError, match="found none of them"):
        layer(scores)
    fixed = imle.layer("highs-ilp", sense="max", A_ub=[[1, 1]], bounds=(0, 1)).eval()
    assert fixed(scores, b_ub=torch.tensor([[0.0], [1.0], [2.0]])).tolist() == [[0, 0], [1, 0], [1, 1]]


def test_a_bad_right_side_is_reported_with_the_users_row():
    layer = imle.layer("highs-ilp", A_ub=[[1, 1]], bounds=(0, 1)).eval()
    with pytest.raises(InstanceError, match=r"found shape \[2\] \(row 1"):
        layer(torch.zeros(2, 2), b_ub=[[1], [1, 2]])


def test_infeasible_rows_raise_or_give_zeros():
    scores = torch.ones(2, 2, requires_grad=True)
    sides = [[1], [-1]]
    with pytest.raises(SolveError, match="no point satisfies all constraints and bounds"):
        imle.layer("highs-ilp", sense="max", A_ub=[[1, 1]], bounds=(0, 1))(scores, b_ub=sides)
    quiet = imle.layer("highs-ilp", sense="max", A_ub=[[1, 1]], bounds=(0, 1), on_failure="zero-grad")
    out = quiet(scores, b_ub=sides)
    out[1].sum().backward()
    assert out[1].tolist() == [0, 0]
    assert scores.grad[1].tolist() == [0, 0]
    assert quiet.stats.status["infeasible"] > 0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_objectives_that_are_not_finite_never_reach_highs(value, monkeypatch):
    layer = imle.layer("highs-ilp", bounds=[(0, 1)] * 2)
    monkeypatch.setattr("imle_linear.prepared.PreparedProgram.solve", lambda *_, **__: pytest.fail("was called"))
    with pytest.raises(ObjectiveError, match="row 0, position 1"):
        layer(torch.tensor([[1.0, value]]))


def test_layers_count_how_rows_were_solved():
    layer = imle.layer("highs-ilp", **problems.assignment(4)).eval()
    layer(torch.rand(5, 16))
    assert layer.stats.events == {"integral_relaxations": 5}


def test_linear_layers_have_gradients():
    costs = torch.rand(3, 9, requires_grad=True)
    imle.layer("highs-lp", nb_samples=4, **problems.assignment(3))(costs)[:, 0].sum().backward()
    assert costs.grad.abs().sum() > 0


def test_integrality_is_no_parameter_of_linear_programs():
    with pytest.raises(OptionError, match="highs-lp: unknown option 'integrality'"):
        imle.layer("highs-lp", bounds=[(0, 1)], integrality=1)


@pytest.mark.parametrize("spec", [LP, ILP], ids=lambda spec: spec.id)
def test_specs_are_true(spec, capsys):
    assert spec in imle_solvers()
    solver = import_target(spec.target)()
    assert {field.name: field.default for field in dataclasses.fields(solver)} == {
        option.name: option.default for option in spec.options
    }
    assert (solver.sense, solver.array) == (spec.sense, spec.capabilities.array)
    exec(spec.example, {})
    assert "tensor(" in capsys.readouterr().out


def test_listing_does_not_import_highspy():
    code = "import sys, imle_highs.plugin as p; p.imle_solvers(); sys.exit('highspy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_zoo_shapes_and_meanings():
    cover = HighsILPSolver().prepare(**problems.set_cover([[1, 0, 1], [0, 1, 1]]))
    assert cover.solve(np.array([[1.0, 1.0, 3.0], [1.0, 1.0, 1.5]])).solutions.tolist() == [[1, 1, 0], [0, 0, 1]]
    match = HighsILPSolver(sense="max").prepare(**problems.assignment(2))
    assert match.solve(np.array([[1.0, 2.0, 2.0, 1.0]])).solutions.tolist() == [[0, 1, 1, 0]]
    knapsack = HighsILPSolver(sense="max").prepare(**problems.knapsack([2, 3, 4], 5))
    assert knapsack.solve(np.array([[1.0, 1.0, 1.9]])).solutions.tolist() == [[1, 1, 0]]
