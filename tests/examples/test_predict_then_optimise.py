"""The predict-then-optimise example, in its quick mode."""

from __future__ import annotations

import torch


def test_training_on_decisions_beats_least_squares(example, capsys):
    results = example("predict_then_optimise").main(["--quick"])["paths"]
    (two_stage,), (floor,) = results["two-stage"], results["expected costs known"]
    assert results["imle, distance"][0] < two_stage
    assert results["Fenchel-Young"][0] < two_stage
    assert floor < min(value for name, (value,) in results.items() if name != "expected costs known")
    assert f"{100 * two_stage:.2f} %" in capsys.readouterr().out


def test_tours_are_symmetric_matrices(example):
    problem = example("predict_then_optimise").tours(1, rows=2)
    matrix = problem.shape(problem.objectives)
    assert torch.equal(matrix, matrix.mT)
    torch.testing.assert_close(matrix.sum(dim=(1, 2)), 2 * problem.objectives.sum(dim=1))
    assert (problem.make(noise=None)(matrix).sum(dim=(1, 2)) == 7).all()


def test_grid_costs_follow_the_layers_own_order_of_edges(example):
    problem = example("predict_then_optimise").shortest_path(1, rows=2)
    layer = problem.make(noise=None)
    path = layer(problem.objectives)
    assert (path.sum(dim=1) == 8).all()
    assert torch.equal(layer(3 * problem.objectives), path)
