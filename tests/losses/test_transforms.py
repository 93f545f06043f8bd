"""Losses within transforms of torch.func: the gradients that torch's autograd gives, or a word that there are none."""

from __future__ import annotations

import inspect
import re

import pytest
import torch
from torch.func import grad, vmap

import imle
from imle import losses
from imle.errors import OptionError

QUIET = {"noise": None}


def layer_of(kind):
    if kind == "torch":
        return imle.layer("topk", k=2)
    return imle.layer("highs-ilp", A_ub=[[3.0, 2.0, 4.0, 1.0, 2.0]], b_ub=[6.0], bounds=(0, 1), sense="max")


def made(name, kind):
    cls = getattr(losses, name)
    return cls(layer_of(kind), **(QUIET if "noise" in inspect.signature(cls).parameters else {}))


def targets(loss):
    known = {
        "solution": torch.tensor([[1.0, 1, 0, 0, 0], [0, 0, 0, 1, 1]], dtype=torch.float64),
        "true_objective": torch.tensor([[5.0, 4, 1, 2, 3], [1, 2, 3, 5, 4]], dtype=torch.float64),
    }
    takes = inspect.signature(loss.forward).parameters
    return {name: value for name, value in known.items() if name in takes and takes[name].default is not None}


@pytest.mark.parametrize("kind", ["torch", "numpy"])
@pytest.mark.parametrize(
    "name", ["PerturbedFenchelYoung", "ImplicitMLE", "SPOPlus", "StructuredHinge", "PerturbationGradient"]
)
def test_gradients_are_those_of_autograd(name, kind):
    loss = made(name, kind)
    scores = torch.rand(3, 2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def value(one):
        return loss(one, **targets(loss))

    expected = []
    for one in scores:
        own = one.clone().requires_grad_()
        expected += torch.autograd.grad(value(own), own)
    torch.testing.assert_close(torch.stack([grad(value)(one) for one in scores]), torch.stack(expected))
    torch.testing.assert_close(vmap(grad(value))(scores), torch.stack(expected))


@pytest.mark.parametrize("kind", ["torch", "numpy"])
@pytest.mark.parametrize(
    "name",
    ["RegularisedFenchelYoung", "CaVE", "NCE", "MAPContrastive", "ListwiseLTR", "PairwiseLTR", "PointwiseLTR"],
)
def test_others_say_that_they_have_none(name, kind):
    loss = made(name, kind)
    message = re.escape(f"{name}: it does not work inside of transforms of torch.func, such as vmap and grad")
    for function in (grad, lambda value: vmap(grad(value))):
        scores = torch.rand(*([] if function is grad else [3]), 2, 5, dtype=torch.float64)
        with pytest.raises(OptionError, match=message):
            function(lambda one: loss(one, **targets(loss)))(scores)


def test_copies_that_vmap_makes_have_the_noise_of_one():
    loss = losses.PerturbedFenchelYoung(layer_of("torch"), nb_samples=2)
    known, scores = targets(loss)["solution"], torch.zeros(2, 5, dtype=torch.float64, requires_grad=True)
    torch.manual_seed(0)
    loss(scores, known).backward()
    torch.manual_seed(0)
    found = vmap(grad(lambda one: loss(one, known)), randomness="same")(torch.zeros(3, 2, 5, dtype=torch.float64))
    torch.testing.assert_close(found, scores.grad.expand(3, 2, 5))
