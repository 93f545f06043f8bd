"""torch.utils.checkpoint: a layer that is run again gives the gradient it gives without, or says that it cannot."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import imle
from imle.errors import OptionError

RULES = ("imle", "aimle", "perturbed", "perturbed-multiplicative", "simple", "straight-through", "score-function")
X = torch.randn(3, 5, generator=torch.Generator().manual_seed(1))
WEIGHT = torch.tensor([1.0, -2.0, 0.5, 3.0, -1.0, 0.25])


class Model(nn.Module):
    """A layer between two others, of which the second one needs the solutions for its own gradient."""

    def __init__(self, layer):
        super().__init__()
        self.before, self.layer, self.after = nn.Linear(5, 6), layer, nn.Linear(6, 6)

    def forward(self, x):
        return self.after(self.layer(self.before(x)))


class Scored(Model):
    """The same for the one rule that takes losses."""

    def forward(self, x):
        return self.layer.expected_loss(self.before(x), lambda z: (self.after(z) * WEIGHT).sum(dim=-1))


def model(**options):
    torch.manual_seed(0)
    kind = Scored if options.get("estimator") == "score-function" else Model
    return kind(imle.layer("topk", k=2, nb_samples=4, **options))


def gradients(module, run):
    """Two steps, so that estimators that adapt have adapted."""
    torch.manual_seed(5)
    for _ in range(2):
        run(module).sum().backward()
    return [parameter.grad for parameter in module.parameters()]


def again(reentrant):
    # the reentrant variant only works for inputs that require a gradient
    return lambda module: checkpoint(module, X.clone().requires_grad_(), use_reentrant=reentrant)


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("rule", RULES)
def test_the_gradient_is_the_plain_one(rule, reentrant):
    module = model(estimator=rule)
    twin = copy.deepcopy(module)
    expected = gradients(twin, lambda module: module(X))
    assert any(gradient.any() for gradient in expected[:2])
    for found, plain in zip(gradients(module, again(reentrant)), expected, strict=True):
        assert torch.equal(found, plain)
    for found, plain in zip(module.buffers(), twin.buffers(), strict=True):
        assert torch.equal(found, plain)


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("rule", RULES)
def test_a_generator_is_not_replayed_and_says_so(rule, reentrant):
    module = model(estimator=rule, generator=torch.Generator().manual_seed(2))
    assert gradients(copy.deepcopy(module), lambda module: module(X)), "without checkpointing it works"
    with pytest.raises(OptionError, match=r"(?s)topk: generator: .* torch\.manual_seed"):
        gradients(module, again(reentrant))


def test_a_loss_with_a_generator_says_so_too():
    loss = imle.losses.PerturbedFenchelYoung(imle.layer("topk", k=2), generator=torch.Generator())
    theta, truth = torch.randn(3, 6, requires_grad=True), torch.eye(6)[:3] + torch.eye(6)[3:]
    with pytest.raises(OptionError, match=r"PerturbedFenchelYoung: generator: .* run again"):
        checkpoint(loss, theta, truth, use_reentrant=False).backward()


@pytest.mark.parametrize("options", [{"resample": False}, {"output": "map", "estimator": "imle"}])
def test_noise_that_is_kept_or_never_drawn_needs_no_replay(options):
    module = model(generator=torch.Generator().manual_seed(2), **options)
    expected = gradients(copy.deepcopy(module), lambda module: module(X))
    for found, plain in zip(gradients(module, again(False)), expected, strict=True):
        assert torch.equal(found, plain)


def compiled(module):
    torch._dynamo.reset()
    run = torch.compile(lambda x: checkpoint(module, x, use_reentrant=False), fullgraph=True, backend="aot_eager")
    return run(X)


@pytest.mark.parametrize("run", [again(False), compiled])
def test_a_pool_has_learned_since_and_says_so(run):
    module = model(pool=0.5)
    with pytest.raises(OptionError, match=r"topk: pool: .* learned since"):
        gradients(module, run)


@pytest.mark.parametrize("rule", ["imle", "perturbed"])
def test_in_a_graph_it_is_the_same(rule):
    module = model(estimator=rule)
    expected = gradients(copy.deepcopy(module), lambda module: module(X))
    for found, plain in zip(gradients(module, compiled), expected, strict=True):
        torch.testing.assert_close(found, plain)
    module = model(estimator=rule, generator=torch.Generator().manual_seed(2))
    with pytest.raises(OptionError, match=r"topk: generator: .* replayed"):
        gradients(module, compiled)
