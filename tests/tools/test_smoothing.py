"""The picture of what noise does: its curves are exact, and layers estimate them without bias."""

from __future__ import annotations

import pytest
import torch
from tools.smoothing import DRAWS, FILE, SIGMAS, VALUES, WEIGHTS, draw, estimates, exact, loss_of, steps

import imle


def test_steps_are_those_of_the_solver():
    layer = imle.layer("knapsack", weights=WEIGHTS).eval()
    capacities = torch.arange(0, 20, 0.25)
    found = loss_of(layer(torch.tensor(VALUES).expand(len(capacities), -1), capacity=capacities.tolist()))
    known = [[step.loss for step in steps() if step.start <= capacity][-1] for capacity in capacities.tolist()]
    assert found.tolist() == known


@pytest.mark.parametrize("sigma", SIGMAS)
def test_slopes_are_derivatives_and_estimates_have_them_for_a_mean(sigma):
    torch.manual_seed(1)
    for prediction in (7.5, 10.3, 12.4):
        _, slope = exact(prediction, sigma)
        (above, _), (below, _) = (exact(prediction + step, sigma) for step in (1e-5, -1e-5))
        assert (above - below) / 2e-5 == pytest.approx(slope, abs=1e-5)
        own = estimates(prediction, sigma, DRAWS)
        assert abs(own.mean().item() - slope) < 4.5 * own.std().item() / DRAWS**0.5


def test_it_is_a_picture(tmp_path):
    draw(tmp_path / "smoothing.svg")
    assert (tmp_path / "smoothing.svg").read_text().count("<path") > 20
    assert FILE.exists()
