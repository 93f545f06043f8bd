"""Through `imle.layer`: gradients, rows with instances of their own, failures; specs that are true."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import subprocess
import sys

import pytest
import torch

import imle
from imle.errors import InstanceError, ObjectiveError, SolveError
from imle.solvers import Solver
from imle_scipy import plugin

SPECS = plugin.imle_solvers()
KNAPSACK = {"sense": "max", "A_ub": [[3.0, 4, 5, 6]], "bounds": (0, 1)}


def test_gradient_steps():
    torch.manual_seed(0)
    costs = torch.rand(8, 3, 4, requires_grad=True)
    imle.layer("scipy-assignment", nb_samples=8)(costs)[:, 0, 0].sum().backward()
    assert torch.isfinite(costs.grad).all()
    assert costs.grad.abs().sum() > 0
    values = torch.rand(8, 4, requires_grad=True)
    imle.layer("scipy-milp", b_ub=[10], **KNAPSACK)(values)[:, 0].sum().backward()
    assert torch.isfinite(values.grad).all()
    assert values.grad.abs().sum() > 0


def test_instances_per_row():
    layer = imle.layer("scipy-milp", **KNAPSACK).eval()
    scores = torch.tensor([[5.0, 6, 7, 8]] * 2)
    assert layer(scores, b_ub=[[10], [18]]).tolist() == [[0, 1, 0, 1], [1, 1, 1, 1]]
    anything = imle.layer("scipy-milp", sense="max", bounds=(0, 1)).eval()
    assert anything(torch.ones(2, 2), A_ub=[[[1, 1]], [[1, 2]]], b_ub=[[1], [3]]).sum(dim=1).tolist() == [1, 2]
    with pytest.raises(InstanceError, match="found none of them"):
        anything(torch.ones(2, 2))
    masks = [[[1, 0], [0, 1]], [[0, 1], [1, 0]]]
    assert imle.layer("scipy-assignment").eval()(torch.ones(2, 2, 2), allowed=masks).tolist() == masks


def test_failures():
    layer = imle.layer("scipy-milp", on_failure="zero-grad", **KNAPSACK).eval()
    assert layer(torch.ones(2, 4), b_ub=[[-1], [3]]).tolist() == [[0, 0, 0, 0], [1, 0, 0, 0]]
    assert layer.stats.status["infeasible"] == 1
    with pytest.raises(SolveError, match="no point satisfies all constraints and bounds"):
        imle.layer("scipy-milp", **KNAPSACK).eval()(torch.ones(2, 4), b_ub=[[-1], [3]])
    with pytest.raises(ObjectiveError, match="row 0, position"):
        imle.layer("scipy-assignment")(torch.tensor([[[1.0, float("nan")]]]))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.id)
def test_specs_are_true(spec, capsys):
    module, _, name = spec.target.partition(":")
    cls = getattr(importlib.import_module(module), name)
    solver = cls()
    assert isinstance(solver, Solver)
    assert (solver.sense, solver.array) == (spec.sense, spec.capabilities.array)
    assert {field.name: field.default for field in dataclasses.fields(cls)} == {o.name: o.default for o in spec.options}
    parameters = inspect.signature(solver.prepare).parameters
    assert {name: parameter.default for name, parameter in parameters.items()} == {
        parameter.name: parameter.default for parameter in spec.instance
    }
    assert all(parameter.doc for parameter in spec.parameters)
    assert spec.licence
    exec(spec.example, {})
    assert capsys.readouterr().out.startswith("tensor(")


def test_the_light_module_is_light():
    code = "import sys, imle_scipy.plugin as p; p.imle_solvers(); print({'numpy', 'scipy', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
