"""Through `imle.layer`: gradients, rows with instances of their own, failures; specs that are true."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import subprocess
import sys

import networkx as nx
import pytest
import torch

import imle
from imle.errors import InstanceError, ObjectiveError, SolverWarning
from imle.solvers import Solver
from imle_graphs import plugin

SPECS = plugin.imle_solvers()
K4 = nx.complete_graph(4)
INSTANCES = {
    "spanning-tree": {"graph": K4},
    "arborescence": {"graph": K4.to_directed(), "root": 0},
    "perfect-matching": {"graph": K4},
    "min-cut": {"graph": K4, "source": 0, "target": 3},
    "bounded-path": {"graph": nx.cycle_graph(4), "source": 0, "target": 2, "hops": 2},
}


@pytest.mark.parametrize("solver", INSTANCES)
def test_a_gradient_step(solver):
    torch.manual_seed(0)
    instance = INSTANCES[solver]
    costs = torch.rand(8, instance["graph"].number_of_edges(), dtype=torch.float64).add(3).requires_grad_()
    layer = imle.layer(solver, nb_samples=8, temperature=0.3, **instance)
    out = layer(costs)
    out[:, 0].sum().backward()
    assert out.shape == costs.shape
    assert torch.isfinite(costs.grad).all()
    assert costs.grad.abs().sum() > 0


@pytest.mark.parametrize("solver", INSTANCES)
def test_objectives_that_are_not_finite_are_refused(solver):
    layer = imle.layer(solver, **INSTANCES[solver]).eval()
    costs = torch.ones(2, INSTANCES[solver]["graph"].number_of_edges())
    costs[1, 2] = float("nan")
    with pytest.raises(ObjectiveError, match="row 1, position 2"):
        layer(costs)


def test_training_finds_the_weights_of_a_tree():
    torch.manual_seed(0)
    features, secret = torch.randn(60, 4), torch.randn(4, 6)
    layer = imle.layer("spanning-tree", graph=K4, nb_samples=5, temperature=0.5)
    wanted = layer.eval()(features @ secret)
    model = torch.nn.Linear(4, 6, bias=False)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)

    def mistakes():
        return float((layer.eval()(model(features)) - wanted).detach().abs().mean())

    before = mistakes()
    for _ in range(40):
        optimizer.zero_grad()
        (layer.train()(model(features)) - wanted).square().mean().backward()
        optimizer.step()
    assert mistakes() < 0.5 * before


def test_instances_per_row():
    layer = imle.layer("spanning-tree").eval()
    edges = [[[0, 1], [1, 2], [0, 2]], [[0, 1], [1, 2]]]
    assert layer(torch.tensor([[1.0, 2, 3], [1, 1, 0]]), edges=edges).tolist() == [[1, 1, 0], [1, 1, 0]]
    with pytest.raises(InstanceError, match="spanning-tree: expected graph, or edges, found neither"):
        layer(torch.ones(1, 3))
    path = imle.layer("bounded-path", graph=K4, source=0).eval()
    masks = path(torch.ones(2, 6), target=[1, 2], hops=[1, 2])
    assert masks.tolist() == [[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]]


def test_clipping_warns_once():
    layer = imle.layer("min-cut", **INSTANCES["min-cut"]).eval()
    with pytest.warns(SolverWarning, match="^min-cut: negative capacities were clipped to zero"):
        layer(-torch.ones(2, 6))
    layer(-torch.ones(2, 6))  # a second warning would be an error
    assert layer.stats.events == {"clipped_rows": 4, "clipped_entries": 24}


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.id)
def test_specs_are_true(spec, capsys):
    module, _, name = spec.target.partition(":")
    cls = getattr(importlib.import_module(module), name)
    solver = cls()
    assert isinstance(solver, Solver)
    assert (solver.sense, solver.array) == (spec.sense, spec.capabilities.array)
    assert {field.name: field.default for field in dataclasses.fields(cls)} == {o.name: o.default for o in spec.options}
    parameters = inspect.signature(solver.prepare).parameters
    assert sorted(parameters) == sorted(parameter.name for parameter in spec.instance)
    for parameter in spec.instance:
        empty = parameters[parameter.name].default is inspect.Parameter.empty
        assert parameter.required == empty
        assert empty or parameters[parameter.name].default == parameter.default
    assert all(parameter.doc for parameter in spec.parameters)
    assert spec.licence
    exec(spec.example, {})
    assert capsys.readouterr().out.startswith("tensor(")


def test_the_light_module_is_light():
    heavy = "{'numpy', 'networkx', 'numba', 'scipy', 'rustworkx', 'torch'}"
    code = f"import sys, imle_graphs.plugin as p; p.imle_solvers(); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
