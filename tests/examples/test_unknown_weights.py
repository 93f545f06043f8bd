"""The example of knapsacks with predicted weights, in its quick mode."""

from __future__ import annotations

from itertools import product

import pytest
import torch

import imle


def test_training_on_post_hoc_regret_beats_least_squares(quick):
    module, results, shown = quick("unknown_weights")
    (scores,) = results["generated"]
    learned = scores[list(module.METHODS)[-1]]
    assert learned.regret < scores["two-stage"].regret
    for name, score in scores.items():
        assert name in shown
        assert f"{100 * score.regret:.1f}" in shown


def test_post_hoc_regret_is_that_of_the_metrics(small):
    module, problem = small
    rows, values = problem.train, problem.values
    sets = torch.tensor([[1.0, 1.0, 1.0, 0.0, 0.0]]).repeat(6, 1)
    offers = values * torch.where(sets > 0.5, module.PENALTY, 1 / module.PENALTY)

    def price(packed, after):  # what is taken out costs PENALTY times its value, what is added earns 1 / PENALTY of it
        removed, added = (packed - after).clamp(min=0), (after - packed).clamp(min=0)
        return (removed * (module.PENALTY - 1) + added * (1 - 1 / module.PENALTY)) @ values

    found = imle.metrics.post_hoc_regret(
        values.expand(6, -1),
        sets,
        problem.pack(rows.weights),
        correct=lambda _: problem.solve(offers, weights=rows.weights),
        penalty=price,
        sense="max",
    )
    own = problem.post_hoc_regret(sets.unsqueeze(1), rows).squeeze(1) * rows.best
    assert torch.allclose(own, found, atol=1e-4)
    assert own.max() > 0


def best_outcome(packed, values, weights, capacity, penalty):
    """What a set earns after the best repacking, by trying all of them."""
    outcomes = []
    for after in product((0, 1), repeat=len(values)):
        if sum(w for w, kept in zip(weights, after, strict=True) if kept) <= capacity:
            added = sum(v for v, old, new in zip(values, packed, after, strict=True) if new > old)
            removed = sum(v for v, old, new in zip(values, packed, after, strict=True) if new < old)
            first = sum(v for v, old in zip(values, packed, strict=True) if old)
            outcomes.append(first + added / penalty - penalty * removed)
    return max(outcomes)


@pytest.fixture
def small(example):
    """The example, and eight rows of five items."""
    module = example("unknown_weights")
    generator = torch.Generator().manual_seed(3)
    weights = torch.randint(1, 20, (8, 5), generator=generator).float()
    values = torch.tensor([3.0, 5.0, 4.0, 7.0, 2.0])
    return module, module.Problem(torch.zeros(8, 2), weights, values, parts=(6, 1), share=0.5)


def test_post_hoc_regret_is_what_the_best_repacking_loses(small):
    module, problem = small
    rows, values = problem.train, problem.values.tolist()
    sets = torch.tensor(list(product((0.0, 1.0), repeat=5))).expand(6, -1, -1)  # all of them, for every row
    found = problem.post_hoc_regret(sets, rows)
    for row, weights in enumerate(rows.weights.tolist()):
        nothing_packed = best_outcome([0] * 5, values, weights, problem.capacity, 1.0)  # repacking is free: the optimum
        assert rows.best[row].item() == pytest.approx(nothing_packed)
        for packed, regret in zip(sets[row].tolist(), found[row].tolist(), strict=True):
            earned = best_outcome(packed, values, weights, problem.capacity, module.PENALTY)
            assert regret == pytest.approx(1 - earned / nothing_packed, abs=1e-5)


def test_who_knows_the_weights_regrets_nothing(small):
    module, problem = small
    score = module.evaluate(problem, problem.train.weights, problem.train)
    assert (score.regret, score.overweight, score.error) == (pytest.approx(0, abs=1e-6), 0, 0)


def test_the_generator_is_that_of_the_papers(example):
    problem = example("unknown_weights").generated(1, train=320, validation=40, test=40)
    features, weights = problem.train.features, problem.train.weights
    assert (features.shape, weights.shape, problem.test.weights.shape) == ((320, 5), (320, 50), (40, 50))
    assert (weights == weights.round()).all()
    assert problem.capacity == pytest.approx(0.2 * weights.sum(dim=1).mean().item(), abs=0.5)
    # an item depends on some features, with 3 in place of 0: the fifth root of its weight is linear in them
    roots = weights.clamp(min=1) ** 0.2
    with_one = torch.cat([features, torch.ones(320, 1)], dim=1)
    solution = torch.linalg.lstsq(with_one, roots).solution
    assert (solution[-1] - 3).abs().max() < 0.1
    slopes = solution[:-1] * 5**0.5
    assert (slopes - slopes.round()).abs().max() < 0.15
    assert set(slopes.round().abs().unique().tolist()) == {0.0, 1.0}


def test_weights_start_as_least_squares_and_are_positive(example):
    module = example("unknown_weights")
    problem = module.generated(0, train=160, validation=20, test=20)
    rows = problem.train
    predicted = module.Weights(rows)(rows.features)
    assert (predicted > 0).all()
    with_one = torch.cat([rows.features, torch.ones(len(rows.features), 1)], dim=1)
    fitted = with_one @ torch.linalg.lstsq(with_one, rows.weights).solution
    large = fitted > 0.3 * rows.weights.mean()
    assert torch.allclose(predicted[large], fitted[large], rtol=0.02)
