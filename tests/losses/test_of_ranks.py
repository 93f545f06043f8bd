"""Losses and metrics of ranks: their definitions entry by entry, the published code's numbers, padding, bad input."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch
from sklearn.metrics import average_precision_score

import imle
from imle.errors import ObjectiveError, OptionError
from imle.losses import AveragePrecisionLoss, RecallLoss
from imle.metrics import average_precision, recall_at

LOSSES = [AveragePrecisionLoss, RecallLoss]


def ranking(lambda_=1.0, **options):
    return imle.layer("ranking", estimator={"name": "blackbox", "lambda_": lambda_}, **options)


def draw(rows, n, seed=0):
    """Scores, and relevant entries, at least one of them."""
    generator = torch.Generator().manual_seed(seed)
    relevant = torch.rand(rows, n, generator=generator) < 0.3
    relevant[:, 0] = True
    return torch.randn(rows, n, generator=generator), relevant


def by_definition(scores, relevant, weight):
    """Average precision, and the recall loss, of one row."""
    ranks = [1 + sum(other > score for other in scores) for score in scores]
    wanted = [i for i, one in enumerate(relevant) if one]
    precision = [sum(ranks[j] <= ranks[i] for j in wanted) / ranks[i] for i in wanted]
    higher = [sum(scores[j] > scores[i] for j in range(len(scores)) if not relevant[j]) for i in wanted]
    return sum(precision) / len(wanted), sum(map(weight, higher)) / len(wanted)


@pytest.mark.parametrize("weight", ["log", "log-log"])
def test_values_are_those_of_the_definition(weight):
    scores, relevant = draw(200, 9)
    function = {"log": math.log1p, "log-log": lambda r: math.log1p(math.log1p(r))}[weight]
    expected = [by_definition(*row, function) for row in zip(scores.tolist(), relevant.tolist(), strict=True)]
    precision, recall = torch.tensor(expected).T
    ranks = ranking().eval()(scores)
    torch.testing.assert_close(average_precision(ranks, relevant), precision)
    torch.testing.assert_close(AveragePrecisionLoss(ranking(), reduction="none")(scores, relevant), 1 - precision)
    torch.testing.assert_close(RecallLoss(ranking(), weight=weight, reduction="none")(scores, relevant), recall)
    for k in (1, 3, 9):
        top = scores.topk(k, dim=1).indices
        assert torch.equal(recall_at(ranks, relevant, k), relevant.gather(1, top).any(dim=1).float())


def test_average_precision_is_that_of_scikit_learn():
    scores, relevant = draw(50, 12)
    expected = [average_precision_score(y.numpy(), x.numpy()) for x, y in zip(scores, relevant, strict=True)]
    found = average_precision(ranking().eval()(scores), relevant)
    torch.testing.assert_close(found.double(), torch.tensor(expected, dtype=torch.float64), atol=1e-6, rtol=1e-6)


class NormalisedRanks(torch.autograd.Function):
    """Ranks divided by n, as the authors' code differentiates them: with a step of lambda on these."""

    @staticmethod
    def forward(ctx, scores, lambda_):
        ranks = (torch.argsort(torch.argsort(-scores, dim=1), dim=1) + 1) / scores.shape[1]
        ctx.save_for_backward(scores, ranks)
        ctx.lambda_ = lambda_
        return ranks

    @staticmethod
    def backward(ctx, dy):
        scores, ranks = ctx.saved_tensors
        return (NormalisedRanks.apply(scores + ctx.lambda_ * dy, 1.0) - ranks) / ctx.lambda_, None


@pytest.mark.parametrize("cls", LOSSES)
@pytest.mark.parametrize("margin", [0.0, 0.4])
def test_value_and_gradient_are_those_of_blackbox_backprop(cls, margin):
    """Written from the authors' formulas, whose ranks are divided by n: their lambda is ours divided by n."""
    scores, relevant = draw(30, 8, seed=3)
    theirs, wanted = scores.clone().requires_grad_(), relevant.float()
    ranks = NormalisedRanks.apply(theirs - margin * (wanted - 0.5), 0.7)
    among = NormalisedRanks.apply(2.0 * wanted - ranks.detach(), 1.0)  # relevant ones first
    terms = torch.log1p(torch.log1p(8 * (ranks - among) * wanted)) if cls is RecallLoss else 1 - among / ranks
    expected = (terms * wanted).sum(dim=1) / wanted.sum(dim=1)
    expected.sum().backward()
    ours = scores.clone().requires_grad_()
    found = cls(ranking(8 * 0.7), margin=margin, reduction="none")(ours, relevant)
    found.sum().backward()
    torch.testing.assert_close(found, expected)
    assert theirs.grad.any()
    torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize("cls", LOSSES)
def test_with_noise_it_is_the_mean_over_samples(cls):
    scores, relevant = draw(4, 6)
    options = {"nb_samples": 7, "temperature": 1.0}
    layer = imle.layer("ranking", **options, generator=torch.Generator().manual_seed(0))
    found = cls(layer, reduction="none")(scores, relevant)
    again = imle.layer("ranking", **options, output="samples", generator=torch.Generator().manual_seed(0))
    sampled = again(scores)  # minus ranks are scores with these ranks
    one_by_one = [cls(ranking(), reduction="none")(-sampled[:, s], relevant) for s in range(7)]
    torch.testing.assert_close(found, torch.stack(one_by_one).mean(dim=0))


@pytest.mark.parametrize("cls", LOSSES)
def test_padding_and_rows_without_relevant_entries(cls):
    scores, relevant = draw(3, 6)
    relevant[1] = False
    relevant[2, 4:] = False
    given = scores.clone().requires_grad_()
    each = cls(ranking(), reduction="none")(given, relevant, lengths=[6, 6, 4])
    alone = cls(ranking())(scores[2:, :4], relevant[2:, :4])
    torch.testing.assert_close(each[2], alone)
    assert each[1] == 0
    mean = cls(ranking())(given, relevant, lengths=[6, 6, 4])
    torch.testing.assert_close(mean, each[[0, 2]].mean())
    torch.testing.assert_close(cls(ranking(), reduction="sum")(given, relevant, lengths=[6, 6, 4]), each.sum())
    mean.backward()
    assert not given.grad[2, 4:].any()
    assert not given.grad[1].any()
    assert cls(ranking())(scores[:0], relevant[:0]).item() == 0
    ranks = ranking().eval()(scores, lengths=[6, 6, 4])
    assert average_precision(ranks, relevant).isnan().tolist() == [False, True, False]
    assert recall_at(ranks, relevant, 1).isnan().tolist() == [False, True, False]


@pytest.mark.parametrize("cls", LOSSES)
def test_training_brings_relevant_entries_to_the_top(cls):
    torch.manual_seed(0)
    features, truth = torch.randn(40, 10, 4), torch.randn(4)
    relevant = features @ truth > 1.5
    relevant[:, 0] |= ~relevant.any(dim=1)
    model = torch.nn.Linear(4, 1, bias=False)
    loss = cls(ranking(20.0), margin=0.1)
    before = loss(model(features).squeeze(-1), relevant).item()
    for _ in range(25):
        model.zero_grad()
        loss(model(features).squeeze(-1), relevant).backward()
        with torch.no_grad():
            model.weight -= 2.0 * model.weight.grad
    assert loss(model(features).squeeze(-1), relevant).item() < 0.5 * before


@pytest.mark.parametrize("cls", LOSSES)
def test_copies_and_pickles(cls):
    scores, relevant = draw(3, 5)
    loss = cls(ranking(), margin=0.3)
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert other(scores, relevant).item() == loss(scores, relevant).item()
    assert "margin=0.3" in repr(loss)


@pytest.mark.parametrize("cls", LOSSES)
def test_bad_input(cls):
    scores, relevant = draw(3, 5)
    loss = cls(ranking())
    name = cls.__name__
    with pytest.raises(ObjectiveError, match=rf"{name}: relevant: expected shape \[3, 5\], that of the scores, found"):
        loss(scores, relevant[:, :4])
    with pytest.raises(ObjectiveError, match=rf"{name}: relevant: expected bool or 0/1, found other numbers"):
        loss(scores, relevant * 2.0)
    with pytest.raises(ObjectiveError, match=rf"{name}: relevant: expected entries that have ranks, found one without"):
        loss(scores, torch.ones_like(scores), lengths=[5, 5, 4])
    with pytest.raises(OptionError, match=rf"{name}: layer: "):
        cls("ranking")
    with pytest.raises(OptionError, match=rf"{name}: layer: expected .* rank 1, found sense='max' of ranking"):
        cls(imle.layer("ranking", sense="max"))
    with pytest.raises(OptionError, match=rf"{name}: reduction: expected"):
        cls(ranking(), reduction="max")
    with pytest.raises(OptionError, match=rf"{name}: margin: expected"):
        cls(ranking(), margin=-1.0)
    with pytest.raises(OptionError, match="recall_at: k: expected"):
        recall_at(scores, relevant, 0)


@pytest.mark.parametrize("cls", LOSSES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_narrow_dtypes_rank_as_wide_ones(cls, dtype):
    """bfloat16 has no 257, and float16 no 2,049: ranks and their sums are in float32."""
    scores, relevant = draw(2, 2500)
    narrow = scores.to(dtype).requires_grad_()
    wide = narrow.detach().float().requires_grad_()
    found, expected = cls(ranking(50.0))(narrow, relevant), cls(ranking(50.0))(wide, relevant)
    assert found.item() == expected.item()
    found.backward()
    expected.backward()
    assert wide.grad.any()
    assert torch.equal(narrow.grad, wide.grad.to(dtype))


@pytest.mark.parametrize("metric", [average_precision, lambda ranks, relevant: recall_at(ranks, relevant, 1)])
def test_metrics_refuse_what_are_no_ranks(metric):
    ranks, relevant = torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([[1, 0, 0]])
    for wrong in (ranks + 2, ranks - 1, ranks / 2):
        with pytest.raises(ObjectiveError, match="ranks: expected whole numbers, 1 to 3, and 0 for padding, found"):
            metric(wrong, relevant)
    with pytest.raises(ObjectiveError, match="relevant: expected bool or 0/1"):
        metric(ranks, 2 * relevant)
    with pytest.raises(ObjectiveError, match="relevant: expected entries that have ranks, found one without"):
        metric(ranks, relevant.flip(1))


def test_weights_of_recall():
    scores, relevant = draw(3, 5)
    counted = RecallLoss(ranking(), weight=lambda r: r)(scores, relevant)
    higher = (scores.unsqueeze(1) > scores.unsqueeze(2)) & ~relevant.unsqueeze(1)
    expected = (higher.sum(dim=2) * relevant).sum(dim=1) / relevant.sum(dim=1)
    torch.testing.assert_close(counted, expected.mean())
    with pytest.raises(OptionError, match="weight: expected 'log', 'log-log' or a function, found 'linear'"):
        RecallLoss(ranking(), weight="linear")
