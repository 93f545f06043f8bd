"""The knapsack example, in its quick mode."""

from __future__ import annotations


def test_training_on_regret_beats_least_squares(quick):
    _, (result,), shown = quick("knapsack")
    regrets = result.regrets
    learned = regrets["end to end, 10 samples"]
    assert learned < regrets["before training"] / 2
    assert learned < regrets["two-stage"]
    for name, regret in regrets.items():
        assert name in shown
        assert f"{100 * regret:.1f}" in shown


def test_regret_is_zero_for_the_true_values_and_for_what_leads_to_the_same_choice(example):
    knapsack = example("knapsack")
    weights, data = knapsack.make_instance(seed=3, days=20)
    choose = knapsack.imle.layer("knapsack", weights=weights.numpy(), capacity=[knapsack.CAPACITY] * 3).eval()
    assert knapsack.regret(choose, 2 * data.values, data.values) == 0
    assert knapsack.regret(choose, -data.values, data.values) == 1  # takes nothing
