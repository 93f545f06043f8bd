"""Noise in units of theta: measured once, kept, and the same by every way to run a layer."""

from __future__ import annotations

import copy
import math

import pytest
import torch

import imle
from imle.errors import OptionError
from imle.noise import GumbelNoiseDistribution, MultiplicativeNoiseDistribution, RelativeNoiseDistribution

ROWS = [[3.0, 1.0, 2.0, 0.0, -1.0], [0.0, 2.0, 0.0, 2.0, 1.0], [0.0] * 5, [4.0] * 5]


def spread_of(row):
    mean = math.fsum(row) / len(row)
    return math.sqrt(math.fsum((x - mean) ** 2 for x in row) / len(row))


def made(noise=None, **options):
    noise = noise or RelativeNoiseDistribution()
    return imle.layer("topk", **{"k": 2, "noise": noise, "temperature": 0.5, "nb_samples": 4, **options}), noise


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [1e-30, 1e-3, 1.0, 1e3, 1e30])
def test_the_unit_is_the_mean_spread_of_rows_that_have_one(size, dtype):
    layer, noise = made()
    layer(size * torch.tensor(ROWS, dtype=dtype))
    assert noise.unit.item() == pytest.approx(size * (spread_of(ROWS[0]) + spread_of(ROWS[1])) / 2, rel=1e-5)
    layer(1e3 * torch.tensor(ROWS))
    assert noise.unit.item() == pytest.approx(size * (math.sqrt(2.0) + math.sqrt(0.8)) / 2, rel=1e-5), "kept"


@pytest.mark.parametrize("estimator", ["imle", "aimle", "perturbed", "straight-through", "score-function"])
@pytest.mark.parametrize("size", [2.0**-20, 2.0**20])
def test_layers_do_the_same_at_every_scale(estimator, size):
    def trained(size):
        torch.manual_seed(0)
        noise = RelativeNoiseDistribution("gaussian")
        layer, _ = made(noise, estimator=estimator)
        theta = (size * torch.randn(3, 6)).requires_grad_()
        losses = layer.expected_loss(theta, lambda z: (z * torch.arange(6.0)).sum(dim=-1))
        losses.sum().backward()
        return losses.detach(), theta.grad

    (losses, gradient), (one, unscaled) = trained(size), trained(1.0)
    assert torch.equal(losses, one)
    degree = 0.0 if estimator == "straight-through" else 1.0  # of a derivative of something homogeneous
    torch.testing.assert_close(gradient * size**degree, unscaled, rtol=1e-5, atol=0.0)


def test_a_density_in_units_of_theta():
    """The score is that of noise whose scale is the temperature times the unit."""
    noise, theta, eps = RelativeNoiseDistribution("logistic"), torch.tensor([ROWS[0]]), torch.randn(1, 3, 5)
    noise.observe(theta)
    unit = noise.unit.item()
    plain = imle.noise.LogisticNoiseDistribution()
    torch.testing.assert_close(noise.score(theta[:, None], eps, 0.5), plain.score(theta[:, None], eps, 0.5 * unit))
    torch.testing.assert_close(noise.perturb(theta[:, None], eps, 0.5), plain.perturb(theta[:, None], eps, 0.5 * unit))
    assert torch.equal(noise.mirror(eps), plain.mirror(eps))


@pytest.mark.parametrize(("first", "unit"), [(0.0, 1.0), (4.0, 4.0), (-1e-3, 1e-3)])
def test_scores_that_start_equal_have_the_unit_of_their_size_and_zeros_one(first, unit):
    layer, noise = made()
    layer(torch.full((2, 5), first))
    layer(torch.tensor(ROWS))
    assert noise.unit.item() == pytest.approx(unit)


def test_one_row_and_one_score():
    layer, noise = made()
    layer(torch.tensor(ROWS[0]))
    assert noise.unit.item() == pytest.approx(spread_of(ROWS[0]))
    layer, noise = made(k=1)
    layer(torch.tensor([[-3.0], [1.0]]))  # nothing differs within rows: their mean size
    assert noise.unit.item() == 2.0


def test_a_constant_on_all_scores_does_not_change_the_unit():
    layer, noise = made()
    layer(100.0 + torch.tensor(ROWS[:2]))
    assert noise.unit.item() == pytest.approx((spread_of(ROWS[0]) + spread_of(ROWS[1])) / 2, rel=1e-4)


def test_a_state_of_absolute_noise_goes_on_with_it():
    old, layer = imle.layer("topk", k=2, temperature=1.0), imle.layer("topk", k=2)
    layer.load_state_dict(old.state_dict())
    layer(torch.tensor(ROWS))
    assert layer.noise.unit.item() == 1.0


def test_an_empty_batch_is_not_measured():
    layer, noise = made()
    assert layer(torch.zeros(0, 5)).shape == (0, 5)
    assert noise.unit.isnan()
    assert "not measured" in repr(layer)
    layer(torch.tensor(ROWS))
    assert noise.unit.item() == pytest.approx((math.sqrt(2.0) + math.sqrt(0.8)) / 2)
    assert "unit=1.15432" in repr(layer)


def test_rows_that_are_refused_are_not_measured():
    layer, noise = made()
    with pytest.raises(imle.errors.ObjectiveError):
        layer(torch.tensor([[math.inf, 1.0, 2.0], [math.nan, 0.0, 0.0]]))
    assert noise.unit.isnan()


def test_validation_does_not_measure():
    layer, noise = made()
    layer.eval()(torch.tensor(ROWS))
    assert noise.unit.isnan()


def test_the_state_of_a_layer():
    layer, noise = made()
    layer(torch.tensor(ROWS))
    other, _ = made()
    other.load_state_dict(layer.state_dict())
    other(1e3 * torch.tensor(ROWS))
    assert torch.equal(other.noise.unit, noise.unit)
    twin = copy.deepcopy(layer)
    twin.noise.reset_parameters()
    assert not noise.unit.isnan()
    twin(1e3 * torch.tensor(ROWS))
    assert twin.noise.unit.item() == pytest.approx(1e3 * noise.unit.item())
    assert layer.half().noise.unit.dtype is torch.float32


def test_another_noise_may_take_its_place():
    layer, noise = made()
    layer.noise = GumbelNoiseDistribution()
    assert not layer.state_dict()
    layer.noise = noise
    assert [*layer.state_dict()] == ["noise.unit"]
    layer.noise = None
    assert layer(torch.tensor(ROWS))[0].tolist() == [1, 0, 1, 0, 0]


def test_compiled_layers_measure_too():
    layer, noise = made()
    rows = torch.tensor(ROWS, requires_grad=True)
    torch.manual_seed(0)
    torch.compile(layer, backend="eager")(rows).square().sum().backward()
    compiled, rows.grad = rows.grad, None
    unit = noise.unit.item()
    noise.reset_parameters()
    torch.manual_seed(0)
    layer(rows).square().sum().backward()
    assert torch.equal(rows.grad, compiled)
    assert noise.unit.item() == unit == pytest.approx((math.sqrt(2.0) + math.sqrt(0.8)) / 2)


def test_parts_of_a_batch_have_the_unit_of_the_whole():
    rows = torch.randn(64, 40, generator=torch.Generator().manual_seed(0)) * torch.logspace(-2, 2, 64)[:, None]
    found = []
    for limit in (None, 64 * 40 * 4 * 16):
        torch.manual_seed(0)
        layer, noise = made(memory_limit=limit, nb_samples=40)
        theta = rows.clone().requires_grad_()
        out = layer(theta)
        out.square().sum().backward()
        found.append((out.detach(), theta.grad, noise.unit))
    for whole, parts in zip(*found, strict=True):
        assert torch.equal(whole, parts)


def test_mapped_rows_are_measured_together():
    layer, noise = made()
    rows = torch.tensor(ROWS)
    torch.vmap(layer, randomness="different")(rows[:, None])
    assert noise.unit.item() == pytest.approx((math.sqrt(2.0) + math.sqrt(0.8)) / 2)


def test_what_it_takes():
    assert isinstance(RelativeNoiseDistribution().noise, GumbelNoiseDistribution)
    with pytest.raises(OptionError, match="adds its draws"):
        RelativeNoiseDistribution(MultiplicativeNoiseDistribution())
    with pytest.raises(OptionError, match="expected a name or a noise distribution"):
        RelativeNoiseDistribution(3)
