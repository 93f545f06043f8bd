"""accelerate trains a solver layer as a loop of plain torch does, and goes on from its checkpoints, noise included."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import imle
from imle.monitoring import Monitor

accelerate = pytest.importorskip("accelerate")

BATCHES = [
    (torch.randn(8, 5, generator=generator), torch.randn(6, generator=generator))
    for generator in map(torch.Generator().manual_seed, range(6))
]


@pytest.fixture(autouse=True)
def _fresh():
    """An Accelerator keeps its settings for the whole process."""
    yield
    accelerate.state.AcceleratorState._reset_state(reset_partial_state=True)
    accelerate.state.GradientState._reset_state()


def network(**options):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 6), imle.layer("topk", k=2, estimator="aimle", nb_samples=3, **options))


def loss(model, batch):
    x, weight = batch
    return (model(x) * weight).sum(dim=1).mean()


def start(accelerator, model):
    return accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1))


def train(accelerator, model, optimiser, batches):
    for batch in batches:
        with accelerator.accumulate(model):
            accelerator.backward(loss(model, batch))
            optimiser.step()
            optimiser.zero_grad()
    return model


def plain(model, batches, together=1):
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    for n, batch in enumerate(batches, 1):
        (loss(model, batch) / together).backward()
        if n % together == 0:
            optimiser.step()
            optimiser.zero_grad()
    return model


def same(one, other):
    found, expected = one.state_dict(), other.state_dict()
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


@pytest.mark.parametrize("together", [1, 3])
def test_training_is_that_of_plain_torch(together):
    accelerator = accelerate.Accelerator(cpu=True, gradient_accumulation_steps=together)
    model, optimiser = start(accelerator, network())
    torch.manual_seed(1)
    train(accelerator, model, optimiser, BATCHES)
    expected = network()
    torch.manual_seed(1)
    same(model, plain(expected, BATCHES, together))
    assert not torch.equal(model[0].weight, network()[0].weight)


@pytest.mark.parametrize("safe", [True, False])
def test_a_checkpoint_has_all_there_is(tmp_path, safe):
    """Weights, AIMLE, the unit of the noise, the pool, and torch's generator: training goes on as it was."""
    accelerator = accelerate.Accelerator(cpu=True)
    model, optimiser = start(accelerator, network(pool=0.9))
    torch.manual_seed(1)
    train(accelerator, model, optimiser, BATCHES[:3])
    accelerator.save_state(tmp_path, safe_serialization=safe)
    train(accelerator, model, optimiser, BATCHES[3:])
    second = accelerate.Accelerator(cpu=True)
    resumed, other = start(second, network(pool=0.9))
    second.load_state(tmp_path)
    same(train(second, resumed, other, BATCHES[3:]), model)
    assert len(resumed[1].pool) == len(model[1].pool) > 0


def test_mixed_precision():
    accelerator = accelerate.Accelerator(cpu=True, mixed_precision="bf16")
    model, optimiser = start(accelerator, network())
    before = model[0].weight.clone()
    train(accelerator, model, optimiser, BATCHES)
    assert model[0].weight.isfinite().all()
    assert not torch.equal(model[0].weight, before)
    assert model[1].estimator.beta.dtype is torch.float64


def test_the_monitor_logs():
    accelerator = accelerate.Accelerator(cpu=True)
    model, optimiser = start(accelerator, network())
    monitor, found = Monitor(accelerator.unwrap_model(model)), []
    accelerator.log = lambda values, step=None, log_kwargs=None: found.append((values, step))
    train(accelerator, model, optimiser, BATCHES[:1])
    monitor.log(accelerator.log, 1)
    ((values, step),) = found
    assert step == 1
    assert 0 < values["imle/1/gradient_sparsity"] < 1
