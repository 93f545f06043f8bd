"""Layers without options train alike whatever the size of the scores, and whatever constant is on all of them."""

from __future__ import annotations

import functools
import statistics

import pytest
import torch
from torch import nn

import imle
from imle import datasets, metrics

ITEMS, CHOSEN, ROWS, STEPS, SEEDS = 12, 4, 200, 60, range(3)


@functools.cache
def regret(seed, size, constant=0.0):
    """Of a linear model that is trained through a layer to choose 4 items of 12, on days it has not seen, in %."""
    data = datasets.knapsack(2 * ROWS, items=ITEMS, seed=seed)
    layer, solve = imle.layer("topk", k=CHOSEN, nb_samples=4), imle.layer("topk", k=CHOSEN, noise=None)
    best = solve(data.values)
    torch.manual_seed(seed)
    model = nn.Linear(data.features.shape[1], ITEMS)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.03)
    for _ in range(STEPS):
        rows = torch.randint(ROWS, (32,))
        optimiser.zero_grad()
        chosen = layer(constant + size * model(data.features[rows]))
        (data.values[rows] * (best[rows] - chosen)).sum(dim=1).mean().backward()
        optimiser.step()
    with torch.no_grad():
        chosen = solve(constant + size * model(data.features[ROWS:]))
    return 100 * metrics.normalised_regret(data.values[ROWS:], chosen, best[ROWS:], sense="max").item()


@pytest.mark.parametrize("size", [2.0**-10, 2.0**10])
def test_all_scores_times_a_number(size):
    """Number by number for powers of two: noise, steps and gradients are relative."""
    assert regret(0, size) == regret(0, 1.0)


@pytest.mark.parametrize("size", [1e-3, 1e3])
def test_all_scores_times_any_number(size):
    assert regret(0, size) == pytest.approx(regret(0, 1.0), abs=0.5)


@pytest.mark.parametrize(("size", "constant"), [(10.0, 100.0), (1.0, 100.0)])
def test_a_constant_on_all_scores(size, constant):
    """It leaves all choices of 4 items as good as they were: the regret is within its spread over seeds."""
    plain = [regret(seed, 1.0) for seed in SEEDS]
    found = [regret(seed, size, constant) for seed in SEEDS]
    assert statistics.fmean(plain) < 10
    assert statistics.fmean(found) < statistics.fmean(plain) + statistics.stdev(plain)
