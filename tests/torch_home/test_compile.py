"""torch.compile and torch.export see a layer as one operator, and change no number."""

from __future__ import annotations

import copy
import gc
import pickle
import shutil

import numpy as np
import pytest
import torch
from torch import nn

import imle
from imle.errors import ImleError, SecondDerivativeError
from support.solvers import EnumerationSolver, knapsacks

WEIGHT = torch.tensor([1.0, -2.0, 0.5, 3.0, -1.0, 0.25])

CASES = [
    {},
    {"nb_samples": 4},
    {"nb_samples": 4, "output": "samples"},
    {"nb_samples": 3, "temperature": 0.0, "target_temperature": 1.0},
    {"nb_samples": 3, "temperature": 0.0, "target_temperature": 1.0, "output": "samples"},
    {"nb_samples": 3, "noise": None, "output": "samples"},
    {"output": "map"},
    {"estimator": "aimle"},
    {"estimator": "blackbox"},
    {"estimator": "identity"},
    {"estimator": "straight-through", "nb_samples": 2},
    {"nb_samples": 4, "antithetic": True},
    {"nb_samples": 2, "resample": False},
]


def step(model, module, x):
    """Output and gradient of one training step with a seed of its own."""
    torch.manual_seed(5)
    module.zero_grad()
    out = model(x)
    (out * WEIGHT).sum().backward()
    return out.detach(), module[0].weight.grad.clone()


@pytest.fixture(autouse=True)
def fresh():
    torch._dynamo.reset()


@pytest.mark.parametrize("options", CASES, ids=lambda options: ",".join(map(str, options.values())) or "default")
@pytest.mark.parametrize("training", [True, False])
def test_compiled_layers_give_the_same_numbers(options, training):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 6), imle.layer("topk", k=2, **options)).train(training)
    twin = copy.deepcopy(model)  # estimators with state adapt at every step
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    for rows in (4, 7):
        x = torch.randn(rows, 5)
        for found, expected in zip(step(compiled, model, x), step(twin, twin, x), strict=True):
            torch.testing.assert_close(found, expected)


@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")  # torch's own
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch's default compiler needs g++")
def test_the_default_compiler_of_torch_too():
    model = nn.Sequential(nn.Linear(5, 6), imle.layer("topk", k=2, nb_samples=3))
    compiled = torch.compile(model, fullgraph=True)
    x = torch.randn(3, 5)
    for found, expected in zip(step(compiled, model, x), step(model, model, x), strict=True):
        torch.testing.assert_close(found, expected)


def test_failed_rows_get_no_gradient_in_a_graph_either():
    feasible = knapsacks([1.0, 1.0, 1.0], 2.0)
    layer = imle.layer(EnumerationSolver, solutions=np.zeros((0, 3)), on_failure="zero-grad")
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    theta = torch.ones(2, 3, requires_grad=True)
    out = compiled(theta)
    out.sum().backward()
    assert not out.any()
    assert not theta.grad.any()
    assert layer.stats.status["infeasible"] > 0
    solved = imle.layer(EnumerationSolver, solutions=feasible)
    assert torch.compile(solved, fullgraph=True, backend="aot_eager")(theta).any()


def test_errors_come_through():
    compiled = torch.compile(imle.layer("topk", k=2), fullgraph=True, backend="aot_eager")
    with pytest.raises(imle.errors.ObjectiveError, match="row 1, position 2"):
        compiled(torch.tensor([[0.0, 1.0, 2.0], [0.0, 1.0, float("nan")]]))


def test_instances_per_row_leave_the_graph():
    layer = imle.layer("topk").eval()
    theta = torch.tensor([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0]])

    def model(x):
        return layer(x * 2, k=[1, 2]) + 1

    assert torch.equal(torch.compile(model, backend="aot_eager")(theta), model(theta))
    torch._dynamo.reset()
    with pytest.raises(Exception, match="instances per row are Python objects"):
        torch.compile(model, fullgraph=True, backend="aot_eager")(theta)


def test_a_graph_misses_its_layer():
    layer = imle.layer("topk", k=2).eval()
    key, mode = layer._key, layer._mode()
    del layer
    gc.collect()
    with pytest.raises(ImleError, match="no longer exists"):
        torch.ops.imle.estimate(torch.randn(4, 5), key, [4], *mode)


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_have_graphs_of_their_own(copier):
    layer = imle.layer("topk", k=1).eval()
    other = copier(layer)
    compiled = torch.compile(other, fullgraph=True, backend="aot_eager")
    compiled(torch.randn(2, 4))
    assert (layer.stats.solves, other.stats.solves) == (0, 2)


def test_many_layers_share_one_graph():
    """Torch gives up after eight graphs of the same code."""
    before = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    for k in range(12):
        model = nn.Sequential(nn.Linear(4, 5), imle.layer("topk", k=1 + k % 3))
        compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
        out = compiled(torch.randn(2, 4))
        assert (out.sum(dim=-1) == 1 + k % 3).all()
        out.sum().backward()
        assert model[1].stats.batches == 2, "its own layer, forward and backward"
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == before + 1


@pytest.mark.parametrize("options", [{"estimator": "perturbed"}, {"output": "samples"}, {"target_temperature": 0.7}])
def test_annealing_keeps_one_graph(options):
    """Torch gives up after eight graphs of the same code."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 6), imle.layer("topk", k=2, nb_samples=4, **options))
    twin = copy.deepcopy(model)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    x = torch.randn(4, 5)
    before = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    for n in range(20):
        for one in (model, twin):
            one[1].temperature = 0.9**n
            if n % 2:
                one[1].target_temperature = 0.8**n
        for found, expected in zip(step(compiled, model, x), step(twin, twin, x), strict=True):
            torch.testing.assert_close(found, expected)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == before + 1
    for one in (model, twin):  # another shape of noise, another graph
        one[1].temperature = one[1].target_temperature = 0.0
    if "estimator" not in options:  # without noise there is no gradient of "perturbed"
        for found, expected in zip(step(compiled, model, x), step(twin, twin, x), strict=True):
            torch.testing.assert_close(found, expected)


def test_the_temperature_of_a_gradient_is_that_of_its_forward_pass():
    def gradient(layer, model):
        theta = torch.linspace(-1, 1, 12).reshape(2, 6).requires_grad_()
        torch.manual_seed(0)
        loss = (model(theta) * WEIGHT).sum()
        layer.temperature = layer.target_temperature = 5.0
        loss.backward()
        return theta.grad

    layer, twin = (imle.layer("topk", k=2, nb_samples=4, estimator="perturbed", temperature=0.5) for _ in range(2))
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(gradient(layer, compiled), gradient(twin, twin))


def test_the_operators_pass_torchs_own_checks():
    layer = imle.layer("topk", k=2, nb_samples=3)
    inputs = (torch.randn(4, 6), layer._key, [4], *layer._mode())
    torch.library.opcheck(
        torch.ops.imle.estimate.default, inputs, test_utils=("test_schema", "test_autograd_registration")
    )
    # with noise two runs differ: the abstract implementation is checked on the noise-free solve
    quiet = imle.layer("topk", k=2, noise=None)
    torch.library.opcheck(
        torch.ops.imle.estimate.default, (torch.randn(4, 6, requires_grad=True), quiet._key, [4], *quiet._mode())
    )


def test_a_second_derivative_is_refused():
    compiled = torch.compile(imle.layer("topk", k=2, noise=None), fullgraph=True, backend="eager")
    theta = torch.randn(2, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad((compiled(theta) * theta.detach()).sum(), theta, create_graph=True)
    with pytest.raises(SecondDerivativeError):
        gradient.sum().backward()
