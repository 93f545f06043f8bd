"""What discovery reads: light modules, true specs, runnable examples."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pickle
import subprocess
import sys

import pytest

from imle.plugins.parameters import check_value
from imle.plugins.spec import SolverSpec
from imle.solvers import PreparedSolver, Solver
from imle_networkx import plugin

SPECS = plugin.imle_solvers()


def solver_class(spec: SolverSpec) -> type:
    module, _, name = spec.target.partition(":")
    return getattr(importlib.import_module(module), name)


@pytest.fixture(params=SPECS, ids=lambda spec: spec.id)
def spec(request):
    return request.param


def test_ids():
    assert [spec.id for spec in SPECS] == ["networkx-shortest-path", "grid-shortest-path"]


def test_the_light_module_is_light():
    code = "import sys, imle_networkx.plugin; print(sorted({'numpy', 'networkx', 'numba', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_spec_tells_the_truth(spec):
    cls = solver_class(spec)
    solver = cls()
    assert isinstance(solver, Solver)
    assert (solver.sense, solver.array) == (spec.sense, spec.capabilities.array)
    assert {field.name: field.default for field in dataclasses.fields(cls)} == {o.name: o.default for o in spec.options}
    parameters = inspect.signature(solver.prepare).parameters
    assert list(parameters) == [parameter.name for parameter in spec.instance]
    for parameter in spec.instance:
        assert parameter.required == (parameters[parameter.name].default is inspect.Parameter.empty)
        if not parameter.required:
            assert parameters[parameter.name].default == parameter.default
    for option in spec.options:
        check_value(spec.id, option, option.default)


def test_every_parameter_is_documented(spec):
    assert all(parameter.doc for parameter in spec.parameters)
    assert spec.summary
    assert spec.licence
    assert spec.url.startswith("https://")


def test_solvers_are_hashable_and_picklable(spec):
    solver = solver_class(spec)(negative="raise")
    assert pickle.loads(pickle.dumps(solver)) == solver
    assert hash(solver) == hash(solver_class(spec)(negative="raise"))


def test_prepared_solvers_follow_the_protocol():
    import networkx as nx

    graph, grid = (solver_class(spec)() for spec in SPECS)
    assert isinstance(graph.prepare(nx.path_graph(2)), PreparedSolver)
    assert isinstance(grid.prepare(), PreparedSolver)


def test_the_example_runs(spec, capsys):
    exec(spec.example, {})
    assert capsys.readouterr().out.startswith("tensor(")
