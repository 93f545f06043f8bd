"""The discrete autoencoder example, in its quick mode."""

from __future__ import annotations

import itertools
import math

import pytest
import torch


def test_codes_help_to_draw_unseen_pictures(quick):
    vae, results, shown = quick("discrete_vae")
    (same,) = results[vae.SAME]
    for name in vae.IN_QUICK:
        (result,) = results[name]
        assert result.bound < same.bound - 1, name
        assert 1 < result.kl < result.bound, name
        assert f"{result.bound:.2f}" in shown


def test_kl_and_its_gradient_by_enumeration(example, monkeypatch):
    vae = example("discrete_vae")
    monkeypatch.setattr(vae, "BITS", 7)
    monkeypatch.setattr(vae, "ONES", 3)
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(4, 7, dtype=torch.float64, generator=generator).requires_grad_()
    codes = torch.tensor([[float(i in ones) for i in range(7)] for ones in itertools.combinations(range(7), 3)])
    log_q = (scores @ codes.double().T).log_softmax(dim=1)
    expected = (log_q.exp() * (log_q + math.log(len(codes)))).sum(dim=1)
    torch.testing.assert_close(vae.kl(scores), expected)
    weights = torch.rand(4, dtype=torch.float64, generator=generator)
    found, wanted = (torch.autograd.grad((kl * weights).sum(), scores)[0] for kl in (vae.kl(scores), expected))
    torch.testing.assert_close(found, wanted)


def test_a_uniform_code_costs_nothing(example):
    vae = example("discrete_vae")
    torch.testing.assert_close(vae.kl(torch.full((2, vae.BITS), 0.7)), torch.zeros(2))


@pytest.mark.parametrize("name", ["imle, sum of gamma", "aimle", "identity", "perturbed", "score-function"])
def test_every_method_reaches_encoder_and_decoder(example, name):
    vae = example("discrete_vae")
    torch.manual_seed(0)
    pictures, _ = vae.load()
    model = vae.Autoencoder()
    layer = vae.METHODS[name](k=vae.ONES)
    cost = layer.expected_loss(model.encoder(pictures[:20]), lambda codes: model.cost(codes, pictures[:20]))
    assert cost.shape == (20,)
    cost.mean().backward()
    for parameter in model.parameters():
        assert parameter.grad.isfinite().all()
    assert model.encoder[0].weight.grad.abs().sum() > 0
    assert model.decoder[0].weight.grad.abs().sum() > 0


def test_no_test_picture_is_trained_on(example):
    pictures, unseen = example("discrete_vae").load()
    assert len(pictures) + len(unseen) == 1797
    assert set(pictures.unique().tolist()) == {0.0, 1.0}
    known = {picture.numpy().tobytes() for picture in pictures}
    shared = sum(picture.numpy().tobytes() in known for picture in unseen)
    assert shared < 0.05 * len(unseen)  # in 64 black and white pixels some are bound to be alike
