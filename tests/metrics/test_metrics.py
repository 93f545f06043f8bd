"""Metrics against enumeration, in both senses."""

from __future__ import annotations

import pytest
import torch

import imle
from imle.errors import ObjectiveError, OptionError
from imle.metrics import (
    exact_match,
    hamming,
    normalised_regret,
    optimality_gap,
    regret,
    unambiguous_regret,
    worst_tied,
)
from support.problems import SETS, best, draw, layer_over, table

SENSES = {"max": 1.0, "min": -1.0}


@pytest.mark.parametrize("sense", SENSES)
@pytest.mark.parametrize("name", SETS)
def test_regret(name, sense):
    solutions, sign = table(name), SENSES[sense]
    true, guess = draw(20, solutions.shape[1], seed=1), draw(20, solutions.shape[1], seed=2)
    chosen, optimal = best(guess, solutions), best(true, solutions)
    values = true @ solutions.T
    expected = values.amax(1) - (true * chosen).sum(1)
    found = regret(sign * true, chosen, optimal, sense=sense)
    torch.testing.assert_close(found, expected)
    assert (found >= -1e-12).all()
    share = normalised_regret(sign * true, chosen, optimal, sense=sense)
    torch.testing.assert_close(share, expected.sum() / values.amax(1).abs().sum())


@pytest.mark.parametrize("sense", SENSES)
@pytest.mark.parametrize("name", SETS)
def test_unambiguous_regret_is_the_worst_over_ties(name, sense):
    solutions, sign, rows = table(name), SENSES[sense], 20
    n = solutions.shape[1]
    true = draw(rows, n, seed=1)
    guess = draw(rows, n, seed=2).round()  # small integers tie
    expected = []
    for c, p in zip(true, guess, strict=True):
        worth = solutions @ p
        expected.append((solutions @ c).max() - (solutions[worth == worth.max()] @ c).min())
    expected = torch.stack(expected)
    found = unambiguous_regret(sign * true, sign * guess, solutions, sense=sense)
    torch.testing.assert_close(found, expected)
    layer = layer_over(SETS[name], sense)
    tied = worst_tied(layer, sign * guess, sign * true)
    assert tied.dtype == guess.dtype
    torch.testing.assert_close(regret(sign * true, tied, best(true, solutions), sense=sense), expected)
    lucky = regret(sign * true, best(guess, solutions), best(true, solutions), sense=sense)
    assert (expected > lucky + 1e-9).any()
    assert (expected >= lucky - 1e-9).all()


def test_nothing_predicted_ties_everything():
    true = torch.tensor([[3.0, 1.0, 2.0]])
    solutions = torch.eye(3)
    assert unambiguous_regret(true, torch.zeros(1, 3), solutions, sense="max").item() == 2.0
    tied = worst_tied(imle.layer("topk", k=1), torch.zeros(1, 3), true)
    assert regret(true, tied, torch.tensor([[1, 0, 0]]), sense="max").item() == 2.0


def test_worst_tied_with_instances_per_row_and_half_precision():
    tied = worst_tied(imle.layer("topk"), torch.zeros(2, 3).half(), torch.tensor([[3.0, 1, 2], [3, 1, 2]]), k=[1, 2])
    assert tied.tolist() == [[0, 1, 0], [0, 1, 1]]
    assert tied.dtype == torch.float16


@pytest.mark.parametrize(
    ("sense", "value", "best_value", "gap", "absolute"),
    [("min", 12.0, 10.0, 0.2, 2.0), ("max", 8.0, 10.0, 0.2, 2.0), ("max", -12.0, -10.0, 0.2, 2.0)],
)
def test_optimality_gap(sense, value, best_value, gap, absolute):
    value, best_value = torch.tensor([value, best_value]), torch.tensor(best_value)
    torch.testing.assert_close(optimality_gap(value, best_value, sense=sense), torch.tensor([gap, 0.0]))
    found = optimality_gap(value, best_value, sense=sense, relative=False)
    torch.testing.assert_close(found, torch.tensor([absolute, 0.0]))


def test_optimality_gap_around_zero():
    found = optimality_gap(torch.tensor([0.0, 1.0]), torch.zeros(2), sense="min")
    assert found.tolist() == [0.0, float("inf")]


def test_hamming_and_exact_match():
    one = torch.tensor([[[1, 0], [0, 1]], [[1, 0], [0, 1]]])
    other = torch.tensor([[[1, 0], [0, 1]], [[0, 1], [0, 1]]])
    assert hamming(one, other).tolist() == [[0, 0], [2, 0]]
    assert hamming(one, other, event_ndim=2).tolist() == [0, 2]
    assert hamming(one, other, event_ndim=2, share=True).tolist() == [0, 0.5]
    assert exact_match(one, other).tolist() == [[1, 1], [0, 1]]
    assert exact_match(one, other, event_ndim=2).mean().item() == 0.5
    assert hamming(one.float(), one + 1e-9).sum() == 0
    assert exact_match(one.bool(), one.half()).all()


def test_leading_dimensions():
    true, chosen = draw(2, 3, 4, 4), draw(2, 3, 4, 4, seed=1)
    assert regret(true, chosen, chosen, sense="min").shape == (2, 3, 4)
    assert regret(true, chosen, chosen, sense="min", event_ndim=2).shape == (2, 3)
    assert regret(true, chosen, chosen, sense="min", event_ndim=4).shape == ()


@pytest.mark.parametrize("function", [regret, normalised_regret])
def test_bad_input_of_regrets(function):
    ok = torch.ones(2, 3)
    with pytest.raises(OptionError, match=r"sense: expected 'max' .* found 'minimise'"):
        function(ok, ok, ok, sense="minimise")
    with pytest.raises(ObjectiveError, match=r"optimal: expected shape \[2, 3\].*found \[2, 4\]"):
        function(ok, ok, torch.ones(2, 4), sense="min")
    with pytest.raises(ObjectiveError, match="expected a torch tensor, found list"):
        function([1.0], ok, ok, sense="min")
    with pytest.raises(OptionError, match="event_ndim: expected an int between 1 and 2, found 3"):
        function(ok, ok, ok, sense="min", event_ndim=3)
    for known in ({"sense": "max"}, {"event_ndim": 1}):
        with pytest.raises(OptionError, match=f"{next(iter(known))}: expected it without layer=.* found both"):
            function(ok, ok, ok, layer=imle.layer("topk", k=3), **known)


def test_bad_input_of_others():
    ok = torch.ones(2, 3)
    with pytest.raises(ObjectiveError, match=r"solutions: expected \[M, 3\] with M >= 1, found \[4, 2\]"):
        unambiguous_regret(ok, ok, torch.ones(4, 2), sense="min")
    with pytest.raises(ObjectiveError, match=r"solutions: .* found \[0, 3\]"):
        unambiguous_regret(ok, ok, torch.ones(0, 3), sense="min")
    with pytest.raises(ObjectiveError, match=r"true_objective: expected shape \[2, 3\], found list"):
        worst_tied(imle.layer("topk", k=1), ok, [1.0])
    with pytest.raises(ObjectiveError, match="expected torch tensors"):
        optimality_gap(1.0, ok, sense="min")
    with pytest.raises(ObjectiveError, match=r"best: expected a shape that fits \[2, 3\]"):
        optimality_gap(ok, torch.ones(2), sense="min")


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_ties_are_relative_to_the_size_of_the_prediction(scale):
    true, solutions = torch.tensor([[3.0, 1.0]], dtype=torch.float64), torch.eye(2, dtype=torch.float64)
    for apart, expected in ((1e-7, 2.0), (1e-5, 0.0)):
        guess = scale * torch.tensor([[1.0 + apart, 1.0]], dtype=torch.float64)
        assert unambiguous_regret(true, guess, solutions, sense="max", tolerance=1e-6).item() == expected
