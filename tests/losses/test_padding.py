"""What is given on the padding of rows counts for nothing: losses and metrics are those of each row by itself."""

from __future__ import annotations

import inspect
from itertools import permutations

import pytest
import torch

import imle
from imle import losses, metrics

SIZES = [3, 2, 1]
ROWS = {"sizes": [(n, n) for n in SIZES]}
OWN = torch.stack([(torch.arange(3) < n)[:, None] & (torch.arange(3) < n) for n in SIZES])
LOSSES = {
    "fy": lambda layer: losses.PerturbedFenchelYoung(layer, temperature=0.5, nb_samples=3, reduction="none"),
    "imle": lambda layer: losses.ImplicitMLE(layer, temperature=0.5, nb_samples=3, reduction="none"),
    "regularised": lambda layer: losses.RegularisedFenchelYoung(layer, reduction="none"),
    "spo+": lambda layer: losses.SPOPlus(layer, reduction="none"),
    "hinge": lambda layer: losses.StructuredHinge(layer, reduction="none"),
    "pg": lambda layer: losses.PerturbationGradient(layer, reduction="none"),
    "cave": lambda layer: losses.CaVE(layer, reduction="none"),
    "nce": lambda layer: losses.NCE(layer, reduction="none"),
    "map": lambda layer: losses.MAPContrastive(layer, reduction="none"),
    "listwise": lambda layer: losses.ListwiseLTR(layer, reduction="none"),
    "pairwise": lambda layer: losses.PairwiseLTR(layer, reduction="none"),
    "pointwise": lambda layer: losses.PointwiseLTR(layer, reduction="none"),
}


def costs(seed):
    return torch.rand(3, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) + 0.1


def best(cost):
    """`[n, n]` the cheapest assignment of all."""
    n = len(cost)
    every = [torch.eye(n, dtype=cost.dtype)[list(order)] for order in permutations(range(n))]
    return min(every, key=lambda z: float((cost * z).sum()))


def all_best(cost):
    found = torch.zeros_like(cost)
    for row, n in enumerate(SIZES):
        found[row, :n, :n] = best(cost[row, :n, :n])
    return found


@pytest.mark.parametrize("garbage", [1.0, -7e30, torch.nan])
@pytest.mark.parametrize("name", LOSSES)
def test_losses(name, garbage):
    loss = LOSSES[name](imle.layer("assignment"))
    truth = costs(2)
    takes = inspect.signature(loss.forward).parameters
    given = [key for key in ("solution", "true_objective") if key in takes and takes[key].default is not None]
    target = {"solution": all_best(truth), "true_objective": truth}
    found = []
    for noise in (0.0, garbage):
        torch.manual_seed(3)
        objective = costs(1).masked_fill(~OWN, noise).requires_grad_()
        targets = {key: target[key].masked_fill(~OWN, noise) for key in given}
        values = loss(objective, **targets, **ROWS)
        values.sum().backward()
        found.append((values.detach(), objective.grad))
    torch.testing.assert_close(found[0], found[1], rtol=1e-12, atol=1e-12)
    assert not found[1][1][~OWN].any()


@pytest.mark.parametrize("garbage", [1.0, -7.0, 1e30])
def test_spo_plus_by_enumeration(garbage):
    predicted, truth = costs(1), costs(2)
    optimal = all_best(truth)
    shifted = 2 * predicted - truth
    expected = -(shifted * all_best(shifted)).sum((1, 2)) + (shifted * optimal * OWN).sum((1, 2))
    loss = losses.SPOPlus(imle.layer("assignment"), reduction="none")
    given = [tensor.masked_fill(~OWN, garbage) for tensor in (predicted, truth, optimal)]
    torch.testing.assert_close(loss(*given, **ROWS), expected)


@pytest.mark.parametrize("garbage", [1.0, 1e30, torch.nan])
def test_regrets_by_enumeration(garbage):
    layer, truth = imle.layer("assignment"), costs(2)
    chosen, optimal = all_best(costs(1)), all_best(truth)
    expected = (truth * (chosen - optimal)).sum((1, 2))
    given = [tensor.masked_fill(~OWN, garbage) for tensor in (truth, chosen, optimal)]
    torch.testing.assert_close(metrics.regret(*given, layer=layer, **ROWS), expected)
    share = expected.sum() / (truth * optimal).sum()
    torch.testing.assert_close(metrics.normalised_regret(*given, layer=layer, **ROWS), share)
