"""Temperatures that are known in closed form, both senses, and what a calibration leaves alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import imle
from imle.errors import ObjectiveError, OptionError, SolveError
from imle.noise import GumbelNoiseDistribution, MultiplicativeNoiseDistribution, SumOfGammaNoiseDistribution
from support.problems import SETS, best, draw, layer_over, table
from support.solvers import ThresholdSolver


@pytest.mark.parametrize("tau", [0.3, 2.0])
@pytest.mark.parametrize("sense", ["max", "min"])
def test_one_of_n_with_gumbel_noise_is_a_softmax(tau, sense):
    """Marginals softmax(theta / tau): the reference's temperature, and its entropy's, are tau."""
    theta = draw(200, 4)
    sign = 1.0 if sense == "max" else -1.0
    layer = layer_over(np.eye(4), sense, generator=torch.Generator().manual_seed(99))
    reference = torch.softmax(theta / tau, 1)
    by_marginals = imle.calibrate(layer, sign * theta, marginals=reference, nb_samples=400)
    assert by_marginals.temperature == pytest.approx(tau, rel=0.03)
    assert by_marginals.achieved.value == pytest.approx(by_marginals.target, abs=0.01)
    assert by_marginals.achieved.error < 0.02
    bits = float(
        -(torch.special.xlogy(reference, reference) + torch.special.xlogy(1 - reference, 1 - reference)).mean()
    )
    by_entropy = imle.calibrate(layer, sign * theta, entropy=bits / math.log(2), nb_samples=400)
    assert by_entropy.temperature == pytest.approx(tau, rel=0.03)
    assert by_entropy.achieved.entropy == pytest.approx(bits / math.log(2), rel=0.01)


def test_free_binary_choices_with_logistic_noise():
    """Marginals sigmoid(theta / tau)."""
    theta = draw(100, 6)
    layer = imle.layer(ThresholdSolver(limit=math.inf), noise="logistic", generator=torch.Generator().manual_seed(99))
    found = imle.calibrate(layer, theta, marginals=torch.sigmoid(theta / 0.7), nb_samples=400)
    assert found.temperature == pytest.approx(0.7, rel=0.03)


def test_known_solutions_alone_are_the_reference():
    """Solutions sampled at a temperature lead back to it."""
    theta = draw(4000, 5)
    generator = torch.Generator().manual_seed(99)
    sampled = imle.layer("topk", k=2, temperature=0.8, generator=generator)(theta)
    found = imle.calibrate(imle.layer("topk", k=2, generator=generator), theta, solutions=sampled)
    assert found.kappa == 2.0
    assert found.temperature == pytest.approx(0.8, rel=0.05)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_scores_that_know_nothing_of_the_solutions(size):
    """Noise as large as their spread: that of Gumbel noise is pi / sqrt 6."""
    theta, solutions = size * draw(200, 8), best(draw(200, 8, seed=1) - draw(200, 8), table("knapsack of 8"))
    layer = layer_over(SETS["knapsack of 8"], generator=torch.Generator().manual_seed(99))
    found = imle.calibrate(layer, theta, solutions=solutions)
    assert found.matched == "spread"
    assert found.temperature == pytest.approx(size * 6**0.5 / math.pi, rel=0.1)
    assert found.target < found.achieved.value
    assert "knows next to nothing of the solutions" in str(found)
    assert found.apply(layer).temperature == found.temperature


def test_temperatures_are_absolute():
    """Whether or not the layer has measured a unit."""
    theta = draw(50, 10)
    new, used = (imle.layer("topk", k=3, generator=torch.Generator().manual_seed(99)) for _ in range(2))
    used(1e3 * theta)
    used.generator.manual_seed(99)
    found = [imle.calibrate(layer, theta, entropy=0.5) for layer in (new, used)]
    assert found[0].temperature == found[1].temperature
    assert new.noise.unit.isnan()
    assert isinstance(found[0].apply(used).noise, GumbelNoiseDistribution)


@pytest.mark.parametrize("name", SETS)
def test_the_score_never_rises_with_the_temperature(name):
    """Exactly so, with common random numbers."""
    n = SETS[name].shape[1]
    reference = torch.from_numpy(SETS[name]).mean(0) * 0.5 + 0.5 * torch.from_numpy(SETS[name])[0]
    theta = torch.from_numpy(SETS[name])[0] + 0.3 * draw(10, n)
    layer = layer_over(SETS[name], generator=torch.Generator().manual_seed(99))
    found = imle.calibrate(layer, theta, marginals=reference.expand(10, n), nb_samples=20)
    values = [point.value for point in found.curve]
    assert values == sorted(values, reverse=True)
    assert [point.temperature for point in found.curve] == sorted(point.temperature for point in found.curve)
    assert found.achieved in found.curve


def test_kappa_is_the_mean_number_of_ones():
    knapsacks = SETS["knapsack of 8"]
    theta = draw(50, 8)
    best = torch.from_numpy(knapsacks)[(theta @ torch.from_numpy(knapsacks).T).argmax(1)]
    layer = layer_over(knapsacks, noise=SumOfGammaNoiseDistribution(k=99, nb_iterations=20))
    found = imle.calibrate(layer, theta, entropy=0.5, nb_samples=20)
    assert found.kappa == pytest.approx(best.sum(1).mean().item())
    assert (found.noise.k, found.noise.nb_iterations) == (found.kappa, 20)
    given = imle.calibrate(layer, theta, solutions=torch.ones(50, 8), entropy=0.5, nb_samples=20, noise="sum-of-gamma")
    assert given.kappa == given.noise.k == 8.0


def test_sum_of_gamma_needs_a_higher_temperature_than_gumbel():
    theta = draw(100, 10)
    gumbel, gamma = (
        imle.calibrate(imle.layer("topk", k=5), theta, entropy=0.8, noise=noise) for noise in ("gumbel", "sum-of-gamma")
    )
    assert gamma.temperature > 2 * gumbel.temperature


def test_apply_sets_noise_and_temperatures():
    layer = imle.layer("topk", k=5, temperature=7.0)
    found = imle.calibrate(layer, draw(20, 10), entropy=0.5, noise="sum-of-gamma")
    assert layer.temperature == 7.0
    assert found.apply(layer) is layer
    assert layer.noise is found.noise
    assert layer.temperature == layer.target_temperature == found.temperature
    with pytest.raises(OptionError):
        found.apply(imle.layer("topk", k=5, estimator="blackbox"))
    with pytest.raises(OptionError, match="expected a solver layer"):
        found.apply(torch.nn.Identity())


def test_multiplicative_noise_works_on_costs():
    costs = draw(20, 12).abs()
    layer = layer_over(SETS["paths on 3x3"], "min", noise=MultiplicativeNoiseDistribution())
    found = imle.calibrate(layer, costs, entropy=0.4)
    assert found.achieved.value == pytest.approx(0.4, abs=0.02)


def test_the_layer_and_the_generators_stay_as_they_are():
    layer = imle.layer("topk", k=2, estimator="aimle", generator=torch.Generator().manual_seed(3)).eval()
    before, globally, own = layer.state_dict(), torch.get_rng_state(), layer.generator.get_state()
    noise = layer.noise
    imle.calibrate(layer, draw(8, 5), entropy=0.4, noise="gaussian")
    assert not layer.training
    assert layer.stats.solves == 0
    assert layer.noise is noise
    assert torch.equal(torch.get_rng_state(), globally)
    assert torch.equal(layer.generator.get_state(), own)
    assert str(layer.state_dict()) == str(before)


def test_instances_per_row_and_leading_dimensions():
    found = imle.calibrate(imle.layer("topk"), draw(2, 3, 6), entropy=0.5, k=[1, 2, 3, 1, 2, 3])
    assert found.kappa == 2.0
    assert found.rows == 6


def test_rows_that_cannot_be_solved_do_not_count():
    theta = draw(4, 5)
    theta[1, 0] = 1e6
    found = imle.calibrate(imle.layer(ThresholdSolver(limit=1e5), noise="logistic"), theta, entropy=0.5)
    assert found.rows == 3
    with pytest.raises(SolveError, match="no row"):
        imle.calibrate(imle.layer(ThresholdSolver(limit=-1e9)), theta, entropy=0.5)


def test_text():
    found = imle.calibrate(imle.layer("topk", k=2), draw(8, 5), solutions=None, entropy=0.4)
    text = str(found)
    assert f"temperature {found.temperature:.4g}, kappa 2" in text
    assert "asked for 0.4" in text
    assert "▸" in text
    assert "calibration.apply(layer)" in text
    by_marginals = imle.calibrate(imle.layer("topk", k=1), draw(8, 5), marginals=torch.softmax(draw(8, 5), 1))
    assert "mean error of marginals" in str(by_marginals)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, OptionError, "expected something to match"),
        ({"entropy": 1.5}, OptionError, "between 0 and 1, found 1.5"),
        ({"entropy": 0.9999}, OptionError, r"entropy: expected between .* found 0.9999"),
        ({"entropy": 0.5, "marginals": torch.zeros(8, 5)}, OptionError, "entropy or marginals, found both"),
        ({"marginals": torch.zeros(8, 4)}, ObjectiveError, r"marginals: expected shape \[8, 5\].*found \[8, 4\]"),
        ({"marginals": torch.full((8, 5), 1.5)}, ObjectiveError, r"entries in \[0, 1\]"),
        ({"solutions": [1.0]}, ObjectiveError, "solutions: expected shape .* found list"),
        ({"entropy": 0.5, "nb_samples": 0}, OptionError, "nb_samples: expected an int >= 1"),
        ({"entropy": 0.5, "noise": "gumble"}, OptionError, "did you mean 'gumbel'"),
        ({"entropy": 0.5, "noise": 3}, OptionError, "noise: expected a name"),
    ],
)
def test_bad_input(options, error, message):
    with pytest.raises(error, match=message):
        imle.calibrate(imle.layer("topk", k=2), draw(8, 5), **options)


@pytest.mark.parametrize("solver", [("topk", {"k": 2}), ("grid-shortest-path", {})])
def test_noise_free_solutions_have_no_temperature(solver):
    layer = imle.layer(solver[0], **solver[1])
    objective = draw(8, 5, 5).abs() + 0.1
    with pytest.raises(OptionError, match=r"less than that of the noise-free solutions.*\n.*observed solutions"):
        imle.calibrate(layer, objective, solutions=layer.eval()(objective))


def test_bad_layers_and_objectives():
    with pytest.raises(OptionError, match="expected a solver layer"):
        imle.calibrate(lambda x: x, draw(8, 5), entropy=0.5)
    with pytest.raises(ObjectiveError, match="at least one row"):
        imle.calibrate(imle.layer("topk", k=2), draw(0, 5), entropy=0.5)
    with pytest.raises(OptionError, match="the layer has none"):
        imle.calibrate(imle.layer("topk", k=2, noise=None), draw(8, 5), entropy=0.5)
