"""The learning-to-explain example, in its quick mode."""

from __future__ import annotations

import pytest
import torch


def test_explainers_find_features_that_differ_by_row(quick):
    explain, found, shown = quick("learning_to_explain")
    results = found["switch"]
    (chance,) = results[explain.CHANCE]
    assert chance.found == pytest.approx(0.5)
    (best,) = results["simple"]
    assert best.found > 0.85
    assert f"{100 * best.found:.1f}" in shown
    for name in explain.IN_QUICK:
        (result,) = results[name]
        assert result.found > 0.65, name  # the same five features in every row are right for 60 % at most
        assert 0 < result.loss < 0.2, name
        assert result.chosen.sum().item() == pytest.approx(5)


def test_the_predictor_sees_only_what_is_chosen(example):
    explain = example("learning_to_explain")
    torch.manual_seed(0)
    model = explain.Model()
    masks = explain.METHODS["imle"](k=3)(model.explainer(torch.randn(6, 10)))
    assert masks.shape == (6, 1, 10)
    features = torch.randn(6, 10)
    hidden = torch.where(masks.squeeze(1) == 1, features, torch.randn(6, 10))
    assert torch.equal(model.predict(features, masks), model.predict(hidden, masks))


def test_the_relaxation_tends_to_masks(example):
    explain = example("learning_to_explain")
    torch.manual_seed(0)
    scores = torch.randn(50, 10)
    masks = explain.Concrete(k=3, temperature=1e-4)(scores)
    assert masks.shape == (50, 1, 10)
    ones = (masks > 0.999).sum(dim=2)
    assert ((masks < 0.001).sum(dim=2) + ones == 10).float().mean() > 0.95
    assert ones.min() >= 1
    assert ones.max() <= 3  # k draws, of which some may be of the same feature


@pytest.mark.parametrize("name", ["concrete", "imle, not divided", "aimle", "simple", "identity", "perturbed"])
def test_every_method_reaches_the_explainer(example, name):
    explain = example("learning_to_explain")
    torch.manual_seed(0)
    data = explain.learning_to_explain(40, "xor")
    model = explain.Model()
    masks = explain.METHODS[name](k=2)(30 * model.explainer(data.features))  # steps are relative to the scores
    explain.cross_entropy(model.predict(data.features, masks), data.probabilities).backward()
    for parameter in model.parameters():
        assert parameter.grad.isfinite().all()
    assert model.explainer[0].weight.grad.abs().sum() > 0
