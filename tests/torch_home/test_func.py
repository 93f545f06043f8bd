"""torch.func over a layer: mapped dimensions are batch dimensions."""

from __future__ import annotations

import pytest
import torch
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vmap

import imle
from imle.errors import ForwardModeError, SecondDerivativeError

THETA = torch.randn(5, 4, 6, generator=torch.Generator().manual_seed(0))
WEIGHT = torch.arange(6.0)
DETERMINISTIC = ["blackbox", "identity", "imle"]


def quiet(estimator="imle", **options):
    return imle.layer("topk", k=2, estimator=estimator, noise=None, **options)


@pytest.mark.parametrize("estimator", DETERMINISTIC)
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_vmap_is_a_batch_dimension(estimator, dim):
    layer = quiet(estimator)
    assert torch.equal(vmap(layer, in_dims=dim)(THETA.movedim(0, dim)), layer(THETA))


@pytest.mark.parametrize("estimator", DETERMINISTIC)
def test_gradients_per_sample(estimator):
    layer = quiet(estimator)

    def loss(theta):
        return (layer(theta) * WEIGHT).square().sum()

    one_by_one = []
    for row in THETA[0]:
        theta = row.clone().requires_grad_()
        loss(theta).backward()
        one_by_one.append(theta.grad)
    torch.testing.assert_close(vmap(grad(loss))(THETA[0]), torch.stack(one_by_one))


@pytest.mark.parametrize("estimator", DETERMINISTIC)
def test_jacobians(estimator):
    layer = quiet(estimator)
    theta = THETA[0, 0].clone().requires_grad_()
    rows = [torch.autograd.grad(layer(theta)[i], theta)[0] for i in range(6)]
    torch.testing.assert_close(jacrev(layer)(theta.detach()), torch.stack(rows))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # torch's own
@pytest.mark.parametrize("transform", [jacfwd, hessian, lambda layer: lambda x: jvp(layer, (x,), (x,))])
def test_forward_mode_is_refused(transform):
    with pytest.raises(ForwardModeError, match=r"no forward-mode derivative.*\n.*jacrev"):
        transform(quiet())(THETA[0, 0])


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # torch's own
def test_a_gradient_is_not_differentiated_in_forward_mode_either():
    def gradient(weight):
        return grad(lambda theta: (quiet()(theta) * weight).sum())(THETA[0, 0])

    with pytest.raises(SecondDerivativeError):
        jvp(gradient, (WEIGHT,), (WEIGHT,))


def test_nested_maps():
    layer = quiet()
    assert torch.equal(vmap(vmap(layer))(THETA), layer(THETA))


def test_randomness_follows_torch():
    layer = imle.layer("topk", k=2, nb_samples=3, output="samples")
    with pytest.raises(RuntimeError, match="randomness='different'"):
        vmap(layer)(THETA)
    torch.manual_seed(1)
    different = vmap(layer, randomness="different")(THETA)
    torch.manual_seed(1)
    assert torch.equal(different, layer(THETA))
    same = vmap(layer, randomness="same")(THETA[:1].expand(5, 4, 6))
    assert all(torch.equal(same[0], part) for part in same)
    assert not torch.equal(same[0, 0], same[0, 1])


def test_noisy_gradients_equal_autograds():
    layer = imle.layer("topk", k=2, nb_samples=3)

    def loss(theta):
        return (layer(theta) * WEIGHT).sum()

    theta = THETA[0].clone().requires_grad_()
    torch.manual_seed(2)
    loss(theta).backward()
    torch.manual_seed(2)
    assert torch.equal(grad(loss)(THETA[0]), theta.grad)


def test_instances_per_row_are_repeated_for_every_slice():
    layer = imle.layer("topk", noise=None)
    ks = [1, 2, 3, 4]
    found = vmap(lambda theta: layer(theta, k=ks))(THETA)
    assert torch.equal(found, torch.stack([layer(part, k=ks) for part in THETA]))
    different = vmap(grad(lambda theta: (layer(theta, k=ks) * WEIGHT).sum()))(THETA)
    assert different.shape == THETA.shape


def test_functional_call_over_parameters():
    model = torch.nn.Sequential(torch.nn.Linear(6, 6), quiet())
    parameters = dict(model.named_parameters())

    def loss(values):
        return (functional_call(model, values, (THETA[0],)) * WEIGHT).sum()

    found = grad(loss)(parameters)
    loss(parameters).backward()
    for name, parameter in parameters.items():
        torch.testing.assert_close(found[name], parameter.grad)
