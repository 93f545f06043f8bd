"""The predict-then-optimise example, in its quick mode."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from sklearn.model_selection import train_test_split

from imle import datasets
from imle.errors import OptionError


def test_training_on_decisions_beats_least_squares(quick):
    trio, results, shown = quick("predict_then_optimise")
    for weights in trio.Regret._fields:
        regrets = {name: getattr(found, weights) for name, (found,) in results["paths"].items()}
        floor, two_stage = regrets.pop(trio.FLOOR), regrets["two-stage"]
        assert floor < min(regrets.values())
        assert max(regrets[name] for name in ("imle, distance", "Fenchel-Young", "structured hinge")) < two_stage
        assert f"{100 * two_stage:.2f}" in shown


def test_tours_are_the_shortest_by_enumeration(example):
    problem = example("predict_then_optimise").tours(1, rows=3, unseen=2)
    found = problem.decide()(problem.objectives)
    edges = datasets.tsp(1, nodes=7).edges
    rounds = [(0, *rest) for rest in itertools.permutations(range(1, 7)) if rest[0] < rest[-1]]
    steps = [{frozenset(pair) for pair in itertools.pairwise((*cities, 0))} for cities in rounds]
    tours = torch.tensor([[float(frozenset(edge) in used) for edge in edges] for used in steps])
    assert tours.shape == (360, 21)
    shortest = (problem.objectives @ tours.T).min(dim=1).values
    torch.testing.assert_close((problem.objectives * found).sum(dim=1), shortest)
    for tour in found:
        assert (tours == tour).all(dim=1).any()


def test_grid_costs_follow_the_layers_own_order_of_edges(example):
    problem = example("predict_then_optimise").shortest_path(1, rows=2)
    decide = problem.decide()
    path = decide(problem.objectives)
    assert (path.sum(dim=1) == 8).all()
    assert torch.equal(decide(3 * problem.objectives), path)


def test_published_rows_are_divided_as_there(example):
    problem, data = example("predict_then_optimise").published(seed=9), datasets.shortest_path(2000, seed=42)
    train, test = train_test_split(data.features.numpy(), test_size=1000, random_state=42)
    np.testing.assert_array_equal(problem.features.numpy(), np.concatenate([train, test]))


def test_averaged_weights_are_the_mean_of_the_second_half(example):
    trio = example("predict_then_optimise")
    problem = trio.shortest_path(1, rows=trio.BATCH)  # one step an epoch
    model = torch.nn.Linear(5, 40)
    seen = []

    def loss(predicted, true, best):
        seen.append(model.weight.detach().clone())
        return (predicted - true).square().mean()

    averaged = trio.train(model, loss, problem, problem.decide()(problem.objectives))
    later = [*seen[problem.epochs // 2 + 1 :], model.weight.detach()]
    assert len(later) == problem.epochs // 2
    torch.testing.assert_close(averaged.module.weight, torch.stack(later).mean(dim=0))


@pytest.mark.parametrize("problem", ["paths", "knapsack", "tours"])
def test_losses_take_every_problem_whose_constraints_they_know(example, problem):
    trio = example("predict_then_optimise")
    rows = {"paths": trio.shortest_path, "knapsack": trio.knapsack, "tours": trio.tours}[problem](1, rows=2)
    best = rows.decide()(rows.objectives[:2])
    for method in trio.METHODS:
        if (problem, method) in trio.UNTOLD:
            with pytest.raises(OptionError, match="tells which constraints bind"):
                trio.METHODS[method](rows)(rows.objectives[:2], rows.objectives[:2], best)
            continue
        predicted = rows.objectives[:2].flip(dims=[1]).requires_grad_()
        trio.METHODS[method](rows)(predicted, rows.objectives[:2], best).backward()
        assert predicted.grad.isfinite().all()
        assert predicted.grad.any()


def test_a_method_left_out_has_no_line(example, tmp_path, monkeypatch, capsys):
    trio = example("predict_then_optimise")
    small = trio.knapsack(1, rows=4)
    monkeypatch.setitem(trio.PROBLEMS, "knapsack", lambda seed: small)
    asked = ["--problems", "knapsack", "--seeds", "1", "--methods", "CaVE", "structured hinge"]
    results = trio.main([*asked, "--plot", str(tmp_path / "plot.png")])
    assert list(results["knapsack"]) == ["structured hinge", trio.FLOOR]
    assert "CaVE" not in capsys.readouterr().out


def test_the_second_half_starts_where_the_first_ended(example, monkeypatch):
    trio = example("predict_then_optimise")
    problem = trio.shortest_path(1, rows=trio.BATCH)  # one step an epoch
    steps = []

    def recorded(method):
        def loss(predicted, true, best):
            steps.append((method, predicted.detach().mean().item()))
            return predicted.mean() if method == "SPO+" else 0.0 * predicted.sum()

        return lambda problem: loss

    for method in trio.METHODS:
        monkeypatch.setitem(trio.METHODS, method, recorded(method))
    trio.run(problem, "perturbation gradient, warm", seed=1)
    methods, means = zip(*steps, strict=True)
    half = problem.epochs // 2
    assert methods == ("SPO+",) * half + ("perturbation gradient, warm",) * half
    assert list(means[: half + 1]) == sorted(means[: half + 1], reverse=True)  # down, as long as the first goes on
    np.testing.assert_allclose(means[half:], means[half], rtol=1e-5)
