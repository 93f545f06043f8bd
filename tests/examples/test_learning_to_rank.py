"""The example of learning to rank, in its quick mode."""

from __future__ import annotations

import torch
from sklearn.metrics import average_precision_score


def test_training_on_ranks_beats_pixels_and_pairs(quick):
    _, (found,), shown = quick("learning_to_rank")
    precision = {name: of_method["average precision"] for name, of_method in found.items()}
    for name in ("average precision", "recall"):
        assert precision[name] > max(precision["pixels"], precision["untrained"], precision["pairs"])
    assert precision["average precision, I-MLE"] > precision["pixels"]
    for of_method in found.values():
        for value in of_method.values():
            assert f"{value:.1f}" in shown


def test_queries_look_for_others_of_their_digit(example):
    module = example("learning_to_rank")
    embedded, digit = torch.randn(6, 3), torch.tensor([0, 0, 1, 1, 1, 2])
    scores, alike = module.queries(embedded, digit)
    assert scores.shape == (6, 5)
    assert alike.sum(dim=1).tolist() == [1, 1, 2, 2, 2, 0]
    expected = torch.cosine_similarity(embedded[0], embedded[1:], dim=1)
    torch.testing.assert_close(scores[0], expected)


def test_what_is_shown_is_mean_average_precision(example):
    module = example("learning_to_rank")
    pictures = module.load_pictures().at(torch.arange(60))
    scores, alike = module.queries(pictures.pixels, pictures.digit)
    expected = [average_precision_score(y.numpy(), x.numpy()) for x, y in zip(scores, alike, strict=True)]
    found = module.test(torch.nn.Identity(), pictures)
    assert abs(found["average precision"] - 100 * sum(expected) / 60) < 1e-3
    assert found["recall at 1"] == 100 * float(alike.gather(1, scores.argmax(dim=1, keepdim=True)).float().mean())
