"""What a monitor says is what was solved, and what gradients were like, since it said so last."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import imle
from imle.errors import OptionError
from imle.monitoring import Monitor
from support.hazards import RAISE, Hazard


class Model(nn.Module):
    """Two layers, one of them inside another module."""

    def __init__(self):
        super().__init__()
        self.first = imle.layer("topk", k=2, estimator="aimle")
        self.inner = nn.ModuleDict({"second": imle.layer("topk", k=1, estimator="straight-through", noise=None)})

    def forward(self, x):
        return self.first(x).sum() + self.inner["second"](x)[:, :2].sum()


def test_numbers_are_those_of_the_layers():
    torch.manual_seed(0)
    model = Model()
    monitor = Monitor(model, prefix="run")
    assert list(monitor.layers) == ["first", "inner.second"]
    quiet = monitor.read()
    assert quiet == {
        "run/first/failures": 0.0,
        "run/first/temperature": 1.0,
        "run/first/noise_scale": 1.0,
        "run/first/beta": 1.0,
        "run/first/nonzeros": 1.0,
        "run/inner.second/failures": 0.0,
    }
    x = torch.randn(3, 6, requires_grad=True)
    model(x).backward()
    found = monitor.read()
    assert found["run/inner.second/gradient_sparsity"] == pytest.approx(1 - 2 / 6), "dy itself: two entries of six"
    assert found["run/first/gradient_sparsity"] == 1.0, "k ones, whatever they are: the loss has no gradient to follow"
    assert found["run/first/beta"] == model.first.estimator.beta.item()
    assert found["run/first/noise_scale"] == model.first.noise.unit.item() != 1.0
    stats = model.first.stats
    assert found["run/first/solves_per_second"] == pytest.approx(stats.solves / stats.solve_seconds)
    assert "run/first/solves_per_second" not in monitor.read(), "nothing was solved since"


def test_gradients_are_counted_only_where_a_monitor_reads_them():
    layer = imle.layer("topk", k=2)
    layer(torch.randn(3, 6, requires_grad=True)).square().sum().backward()
    assert layer.stats.gradient_entries == 0
    assert math.isnan(layer.stats.gradient_sparsity)
    Monitor(layer)
    (layer(torch.randn(3, 6, requires_grad=True)) * torch.arange(6.0)).sum().backward()
    assert layer.stats.gradient_entries == 18


@pytest.mark.parametrize("how", ["parts", "compiled", "expected_loss"])
def test_every_way_of_a_gradient_is_counted_once(how):
    layer = imle.layer("topk", k=2, nb_samples=4, memory_limit=1e-6 if how == "parts" else None)
    rows = 300 if how == "parts" else 3
    Monitor(layer)
    torch.manual_seed(0)
    x = torch.randn(rows, 6, requires_grad=True)
    if how == "expected_loss":
        layer.expected_loss(x, lambda z: (z * torch.arange(6.0)).sum(dim=-1)).sum().backward()
    else:
        run = torch.compile(layer, backend="aot_eager") if how == "compiled" else layer
        (run(x) * torch.arange(6.0)).sum().backward()
    assert layer.stats.gradient_entries == x.grad.numel()
    assert layer.stats.gradient_nonzeros == x.grad.count_nonzero()
    assert 0 < layer.stats.gradient_sparsity < 1


def test_counters_may_be_reset_in_between():
    layer = imle.layer("topk", k=1, noise=None)
    monitor = Monitor(layer)
    layer(torch.randn(5, 6))
    monitor.read()
    layer.stats.reset()
    layer(torch.randn(2, 6))
    assert monitor.read()["imle/solves_per_second"] == pytest.approx(2 / layer.stats.solve_seconds)


def test_failures_are_all_so_far():
    layer = imle.layer(Hazard(), noise=None, on_failure="zero-grad")
    monitor = Monitor(layer)
    scores = torch.rand(4, 4)
    scores[1, 0] = RAISE
    for expected in (1, 2):
        layer(scores)
        assert monitor.read()["imle/failures"] == expected


class Writer:
    """As TensorBoard's SummaryWriter."""

    def __init__(self):
        self.found = {}

    def add_scalar(self, tag, value, global_step=None):
        self.found[tag] = value, global_step


class Fabric:
    """As Lightning's Fabric, which takes steps; a LightningModule does not."""

    def log_dict(self, metrics, step=None):
        self.found = {name: (value, step) for name, value in metrics.items()}


class Module:
    def log_dict(self, dictionary, prog_bar=False):
        assert prog_bar is False
        self.found = {name: (value, 7) for name, value in dictionary.items()}


@pytest.mark.parametrize("logger", [Writer(), Fabric(), Module()], ids=lambda logger: type(logger).__name__)
def test_loggers(logger):
    monitor = Monitor(imle.layer("topk", k=1))
    values = monitor.log(logger, 7)
    assert logger.found == {name: (value, 7) for name, value in values.items()}


def test_a_function_is_a_logger():
    found = []
    values = Monitor(imle.layer("topk", k=1)).log(lambda numbers, step: found.append((numbers, step)), 3)
    assert found == [(values, 3)]


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    monitor = Monitor(imle.layer("topk", k=1, estimator="blackbox"))
    with SummaryWriter(str(tmp_path)) as writer:
        for step in (1, 2):
            monitor.log(writer, step)
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [(event.step, event.value) for event in events.Scalars("imle/failures")] == [(1, 0.0), (2, 0.0)]


def test_what_cannot_be_monitored_says_so():
    with pytest.raises(OptionError, match=r"Monitor: expected a model with solver layers, found none in Linear"):
        Monitor(nn.Linear(2, 2))
    with pytest.raises(OptionError, match=r"Monitor\.log: expected something with add_scalar or log_dict, or a func"):
        Monitor(imle.layer("topk", k=1)).log(3)
