"""Autocast, half precision, inference mode, empty batches."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

import imle


def test_autocast():
    model = nn.Sequential(nn.Linear(5, 6), imle.layer("topk", k=2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = model(torch.randn(3, 5))
        loss = (out * torch.arange(6.0)).sum()
    assert out.dtype is torch.bfloat16
    assert out.sum() == 6
    loss.backward()
    assert model[0].weight.grad.dtype is torch.float32
    assert model[0].weight.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_half_precision_model(dtype):
    model = nn.Sequential(nn.Linear(5, 6), imle.layer("topk", k=2, nb_samples=3)).to(dtype)
    out = model(torch.randn(3, 5, dtype=dtype))
    out.sum().backward()
    assert out.dtype is dtype
    assert model[0].weight.grad.dtype is dtype


@pytest.mark.parametrize("cast", [nn.Module.half, nn.Module.bfloat16, lambda model: model.to(torch.bfloat16)])
def test_adaptive_state_stays_precise_in_a_half_precision_model(cast):
    """In bfloat16, 1 + 0.001 is 1."""
    model = nn.Sequential(nn.Linear(5, 6), imle.layer("topk", k=2, estimator=imle.estimators.AIMLE(target=100.0)))
    state = model[1].state_dict()
    cast(model)
    assert {name: value.dtype for name, value in model[1].state_dict().items()} == {
        name: value.dtype for name, value in state.items()
    }
    dtype = model[0].weight.dtype
    for _ in range(10):
        (model(torch.zeros(3, 5, dtype=dtype)) * torch.arange(6)).sum().backward()
    assert model[1].estimator.beta.item() == pytest.approx(1.01)


def test_adaptive_state_follows_the_device_and_wide_dtypes():
    layer = imle.layer("topk", k=2, estimator="aimle")
    assert layer.float().estimator.beta.dtype is torch.float32
    assert layer.to(device="meta", dtype=torch.float16).estimator.beta.device.type == "meta"
    assert layer.estimator.beta.dtype is torch.float32


def test_a_model_on_the_meta_device_gets_its_adaptive_state():
    def model():
        torch.manual_seed(0)
        rule = imle.estimators.AIMLE(beta=0.5, target=3.0)
        return nn.Sequential(nn.Linear(5, 6), imle.layer("topk", k=2, estimator=rule))

    with torch.device("meta"):
        made = model()
    assert "on the meta device" in repr(made)
    made.to_empty(device="cpu")
    torch.manual_seed(0)
    for module in made.modules():  # as FSDP does
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    expected = model()
    assert made.state_dict().keys() == expected.state_dict().keys()
    for name, value in expected.state_dict().items():
        torch.testing.assert_close(made.state_dict()[name], value, rtol=0, atol=0, equal_nan=True, msg=name)
    x = torch.randn(3, 5)
    for one in (made, expected):
        torch.manual_seed(1)
        (one(x) * torch.arange(6)).sum().backward()
    assert torch.equal(made[0].weight.grad, expected[0].weight.grad)


def test_inference_mode():
    layer = imle.layer("topk", k=2)
    with torch.inference_mode():
        out = layer(torch.randn(3, 6))
    assert out.is_inference()
    assert (out.sum(dim=-1) == 2).all()


@pytest.mark.parametrize(
    "options",
    [{"resample": False}, {"resample": False, "antithetic": True}, {"estimator": "aimle"}, {"cache": 100}, {}],
    ids=lambda options: ",".join(options) or "default",
)
def test_training_after_validation_in_inference_mode(options):
    """What a layer keeps from a pass in inference mode, a training pass can use."""
    theta = torch.randn(3, 6)
    weight = torch.arange(6.0)
    layer, other = (
        imle.layer("topk", k=2, nb_samples=4, generator=torch.Generator().manual_seed(1), **options) for _ in range(2)
    )
    for own, mode in ((layer, torch.inference_mode()), (other, torch.no_grad())):
        with mode:
            own(theta)
    found, expected = theta.clone().requires_grad_(), theta.clone().requires_grad_()
    (layer(found) * weight).sum().backward()
    (other(expected) * weight).sum().backward()
    assert found.grad.any()
    assert torch.equal(found.grad, expected.grad)


def test_noise_kept_from_inference_mode_is_no_part_of_a_graph():
    class Learned(imle.noise.BaseNoiseDistribution):
        scale = nn.Parameter(torch.tensor(2.0))

        def sample(self, shape):
            return self.scale * torch.randn(shape)

    layer = imle.layer("topk", k=2, noise=Learned(), resample=False)
    with torch.inference_mode():
        layer(torch.randn(3, 6))
    (kept,) = layer._fixed.values()
    assert not kept.requires_grad
    assert not kept.is_inference()


def test_a_solver_may_keep_tensors_from_inference_mode():
    known = {}

    def remembers(scores):
        return known.setdefault("first", torch.ones_like(scores))

    layer = imle.layer(remembers)
    with torch.inference_mode():
        layer(torch.randn(3, 6))
    theta = torch.randn(3, 6, requires_grad=True)
    out = layer(theta)
    out.square().sum().backward()
    assert torch.equal(out, torch.ones(3, 6))
    assert theta.grad is not None


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_layer_copied_in_inference_mode_compiles_for_training(copier):
    layer = imle.layer("topk", k=2, noise=None)
    with torch.inference_mode():
        other = copier(layer)
    theta = torch.randn(3, 6, requires_grad=True)
    (torch.compile(other, fullgraph=True, backend="aot_eager")(theta) * torch.arange(6)).sum().backward()
    found = theta.grad.clone()
    theta.grad = None
    (layer(theta) * torch.arange(6)).sum().backward()
    assert torch.equal(found, theta.grad)


@pytest.mark.parametrize("shape", [(0, 6), (3, 0, 6), (0, 0, 6)])
@pytest.mark.parametrize("output", ["mean", "samples", "map"])
def test_empty_batches(shape, output):
    theta = torch.randn(*shape, requires_grad=True)
    layer = imle.layer("topk", k=2, output=output, nb_samples=2)
    out = layer(theta)
    out.sum().backward()
    assert out.shape == (*shape[:-1], 2, 6) if output == "samples" else shape
    assert theta.grad.shape == shape


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("solver", ["topk", "grid-shortest-path"])
def test_cuda(solver):
    options = {"k": 2} if solver == "topk" else {}
    layer = imle.layer(solver, nb_samples=3, noise="multiplicative", **options)
    theta = torch.rand(2, 6, 6, device="cuda", requires_grad=True)
    out = layer(theta)
    (out * torch.rand_like(out)).sum().backward()
    assert out.device == theta.device == theta.grad.device
