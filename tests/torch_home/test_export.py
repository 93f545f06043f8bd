"""torch.export: programs carry their layers, and run where they are loaded."""

from __future__ import annotations

import copy
import gc
import sys
import threading
from weakref import WeakValueDictionary

import pytest
import torch
from torch import nn

import imle
from imle.errors import OptionError, SolverUnavailableError
from imle.layers import operators
from support.solvers import EnumerationSolver, k_subsets

WEIGHT = torch.tensor([1.0, -2.0, 0.5, 3.0, -1.0, 0.25])
BATCH = ({0: torch.export.Dim("B")},)
X = torch.randn(9, 5, generator=torch.Generator().manual_seed(1))

ELSEWHERE = """
{imports}
import torch
program = torch.export.load({program!r}).module()
x, weight = torch.load({given!r})
x.requires_grad_()
torch.manual_seed(3)
out = program(x)
(out * weight).sum().backward()
torch.save((out.detach(), x.grad), {found!r})
print("done")
"""


def model(**options):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 6), imle.layer("topk", k=2, **options))


def exported(module, *, strict=False):
    return torch.export.export(module, (torch.randn(4, 5),), dynamic_shapes=BATCH, strict=strict)


def results(module):
    x = X.clone().requires_grad_()
    torch.manual_seed(3)
    out = module(x)
    (out * WEIGHT).sum().backward()
    return out.detach(), x.grad


@pytest.fixture
def nobody(monkeypatch):
    """Forget all layers of this process, as another one does not know them."""
    return lambda: monkeypatch.setattr(operators, "_layers", WeakValueDictionary())


def loaded(program, path, nobody):
    torch.export.save(program, path / "program.pt2")
    nobody()
    return torch.export.load(path / "program.pt2").module()


def same(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("training", [True, False])
def test_a_dynamic_batch(training, strict):
    module = model(nb_samples=3).train(training)
    same(results(exported(module, strict=strict).module()), results(module))


OPTIONS = [
    {},
    {"nb_samples": 4, "estimator": "perturbed", "temperature": 0.5},
    {"estimator": "aimle"},
    {"output": "samples", "nb_samples": 6},
    {"resample": False, "nb_samples": 4},
    {"generator": torch.Generator().manual_seed(7)},
    {"cache": 10, "noise": None},
    {"pool": 0.0, "noise": None},
    {"executor": 2},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: ",".join(options) or "default")
def test_a_program_carries_all_that_its_layer_is(options, tmp_path, nobody):
    module = model(**options)
    module(torch.randn(3, 5))  # what is kept from earlier passes travels, too
    program = loaded(exported(module), tmp_path, nobody)
    found = results(program)
    assert found[1].any()
    same(found, results(module))


@pytest.mark.parametrize(
    ("imports", "strict"),
    [("import imle.layers, torch", False), ("import torch, imle", False), ("import imle.layers", True)],
)
def test_another_process_gives_the_same_numbers(imports, strict, run_python, tmp_path):
    module = model(nb_samples=4, estimator="aimle")
    torch.export.save(exported(module, strict=strict), tmp_path / "program.pt2")
    torch.save((X, WEIGHT), tmp_path / "given.pt2")
    files = {name: str(tmp_path / f"{name}.pt2") for name in ("program", "given", "found")}
    assert run_python(ELSEWHERE.format(imports=imports, **files)) == "done"
    same(torch.load(tmp_path / "found.pt2"), results(module))


@pytest.mark.parametrize("options", [{"resample": False}, {"estimator": "aimle", "noise": None}])
def test_a_program_first_run_in_inference_mode_can_be_trained(options, tmp_path, nobody):
    module = model(**options)
    module(X)
    program = loaded(exported(module), tmp_path, nobody)
    with torch.inference_mode():
        program(X)
    same(results(program), results(module))


def test_in_its_own_process_a_program_runs_the_layer_itself():
    module = model(noise=None)
    program = exported(module).module()
    program(X)
    assert module[1].stats.solves == 9
    expected = results(module)
    del module
    gc.collect()
    same(results(program), expected)


@pytest.mark.parametrize("strict", [False, True])
def test_a_program_outlives_its_layer(strict):
    module = model()
    twin = copy.deepcopy(module)
    program = exported(module, strict=strict).module()
    del module
    gc.collect()
    same(results(program), results(twin))


def test_a_loaded_program_prepares_its_solver_once(tmp_path, nobody):
    layer = imle.layer(EnumerationSolver, solutions=k_subsets(6, 2), noise=None)
    program = loaded(torch.export.export(nn.Sequential(layer), (torch.randn(4, 6),)), tmp_path, nobody)
    assert not operators._layers
    program(torch.randn(4, 6))
    (made,) = set(operators._layers.values())
    prepared = made._instances.common()
    program(torch.randn(4, 6))
    assert made._instances.common() is prepared
    assert (made.stats.solves, layer.stats.solves) == (8, 0)


@pytest.mark.parametrize("strict", [False, True])
def test_what_cannot_travel_is_told_when_it_is_exported(strict):
    lock = threading.Lock()
    layer = imle.layer(lambda scores: scores * lock.locked(), noise=None, shape=(None,))
    with pytest.raises(Exception, match=r"torch\.export: function-solver: the layer .*cannot be pickled") as caught:
        torch.export.export(nn.Sequential(layer), (torch.randn(4, 5),), strict=strict)
    assert strict or caught.type is OptionError, "strict=True wraps what is raised"


class Learned(nn.Module, imle.noise.BaseNoiseDistribution):
    def __init__(self, *, learned):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(())) if learned else None
        self.register_buffer("shift", torch.zeros(()))

    def sample(self, shape):
        return torch.randn(shape)


@pytest.mark.parametrize(
    ("learned", "message"), [(True, "Learned has parameters"), (False, r"Learned has buffers.* reset_parameters")]
)
def test_state_that_does_not_travel_is_told(learned, message):
    layer = imle.layer("topk", k=2, noise=Learned(learned=learned))
    with pytest.raises(OptionError, match=rf"(?s)torch\.export: topk: {message}"):
        torch.export.export(nn.Sequential(layer), (torch.randn(4, 5),))


def test_a_program_whose_solver_is_not_installed_says_so(tmp_path, nobody, monkeypatch):
    layer = imle.layer(EnumerationSolver, solutions=k_subsets(6, 2))
    program = loaded(torch.export.export(nn.Sequential(layer), (torch.randn(4, 6),)), tmp_path, nobody)
    monkeypatch.setitem(sys.modules, "support.solvers", None)
    with pytest.raises(SolverUnavailableError, match=r"cannot rebuild its solver layer: .*support\.solvers"):
        program(torch.randn(4, 6))
