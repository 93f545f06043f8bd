"""The synthetic sets of Learning to Explain, against the definitions in the paper."""

from __future__ import annotations

import math

import pytest
import torch

from imle import datasets
from imle.errors import OptionError

NAMES = ["xor", "orange-skin", "nonlinear-additive", "switch"]


def orange(x1, x2, x3, x4):
    return x1**2 + x2**2 + x3**2 + x4**2 - 4


def additive(x1, x2, x3, x4):
    return -100 * math.sin(2 * x1) + 2 * abs(x2) + x3 + math.exp(-x4)


def published(name, x, relevant):
    """g(x) of section 4.1; which half of the switch a row is in shows in its relevant features."""
    if name == "xor":
        return x[0] * x[1]
    if name == "orange-skin":
        return orange(*x[:4])
    if name == "nonlinear-additive":
        return additive(*x[:4])
    return orange(*x[1:5]) if relevant[1] else additive(*x[5:9])


@pytest.mark.parametrize("name", NAMES)
def test_probabilities_are_the_published_ones(name):
    data = datasets.learning_to_explain(200, name, seed=5)
    for x, relevant, found in zip(data.features.tolist(), data.relevant, data.probabilities.tolist(), strict=True):
        g = published(name, x, relevant)
        # features are given in float32, which the sine's factor of 100 makes visible
        assert found == pytest.approx(1 / (1 + math.exp(-g)), abs=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_labels_follow_the_probabilities(name):
    rows = 20_000
    data = datasets.learning_to_explain(rows, name, seed=1)
    assert set(data.labels.tolist()) == {0.0, 1.0}
    error = (data.labels - data.probabilities).sum()
    assert error.abs() < 4 * (data.probabilities * (1 - data.probabilities)).sum().sqrt()
    # no test of the mean alone: labels agree with probabilities row by row, too
    sure = (data.probabilities - 0.5).abs() > 0.499
    if sure.any():
        assert (data.labels[sure] == data.probabilities[sure].round()).float().mean() > 0.99


@pytest.mark.parametrize(("name", "count"), list(zip(NAMES, [2, 4, 4, 5], strict=True)))
def test_only_relevant_features_matter(name, count):
    data = datasets.learning_to_explain(50, name)
    assert (data.relevant.sum(dim=1) == count).all()
    other = torch.where(data.relevant.bool(), data.features, torch.full_like(data.features, 7.0))
    for x, relevant, found in zip(other.tolist(), data.relevant, data.probabilities.tolist(), strict=True):
        assert found == pytest.approx(1 / (1 + math.exp(-published(name, x, relevant))), abs=1e-4)


def test_features_are_standard_normal():
    x = datasets.learning_to_explain(20_000, "xor").features
    assert x.shape == (20_000, 10)
    assert x.mean(dim=0).abs().max() < 0.03
    assert (x.std(dim=0) - 1).abs().max() < 0.03


def test_the_switch_is_the_first_feature():
    data = datasets.learning_to_explain(20_000, "switch")
    orange_rows = data.relevant[:, 1].bool()
    assert 0.48 < orange_rows.float().mean() < 0.52
    assert data.features[orange_rows, 0].mean() == pytest.approx(3, abs=0.05)
    assert data.features[~orange_rows, 0].mean() == pytest.approx(-3, abs=0.05)
    assert torch.equal(data.relevant[~orange_rows][0], torch.tensor([1.0, 0, 0, 0, 0, 1, 1, 1, 1, 0]))


def test_a_seed_is_all_there_is():
    first, second = (datasets.learning_to_explain(10, "switch", seed=2) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first.features, datasets.learning_to_explain(10, "switch", seed=3).features)


def test_bad_arguments():
    with pytest.raises(OptionError, match="rows: expected an int >= 1, found 0"):
        datasets.learning_to_explain(0, "xor")
    with pytest.raises(OptionError, match="expected one of xor, orange-skin, nonlinear-additive, switch, found 'and'"):
        datasets.learning_to_explain(3, "and")
