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
    assert sorted(spec.id for spec in SPECS) == [
        "arborescence",
        "bounded-path",
        "grid-shortest-path",
        "k-shortest-paths",
        "max-weight-closure",
        "max-weight-matching",
        "min-cut",
        "networkx-shortest-path",
        "perfect-matching",
        "spanning-tree",
        "steiner-tree",
    ]


def modules_after(code: str) -> str:
    """Which of the heavy modules are loaded once some code has run."""
    heavy = "{'numpy', 'networkx', 'numba', 'scipy', 'torch'}"
    code = f"import sys; {code}; print(sorted({heavy} & set(sys.modules)))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_the_light_module_is_light():
    assert modules_after("import imle_networkx.plugin as p; p.imle_solvers()") == "[]"


@pytest.mark.slow
def test_networkx_is_not_needed_to_build_layers():
    layer = 'import imle; imle.layer("grid-shortest-path"); imle.layer("spanning-tree", edges=["ab", "bc"])'
    assert "networkx" not in modules_after(layer)


def test_the_spec_tells_the_truth(spec):
    cls = solver_class(spec)
    solver = cls()
    assert isinstance(solver, Solver)
    assert (solver.sense, solver.array) == (spec.sense, spec.capabilities.array)
    assert {field.name: field.default for field in dataclasses.fields(cls)} == {o.name: o.default for o in spec.options}
    parameters = inspect.signature(solver.prepare).parameters
    assert sorted(parameters) == sorted(parameter.name for parameter in spec.instance)
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
    other = {option.name: option.choices[-1] if option.choices else type(option.default)(7) for option in spec.options}
    solver = solver_class(spec)(**other)
    assert pickle.loads(pickle.dumps(solver)) == solver
    assert hash(solver) == hash(solver_class(spec)(**other))
    assert (solver == solver_class(spec)()) == (not spec.options)


def test_prepared_solvers_follow_the_protocol(spec):
    offered = {"edges": [(0, 1)], "source": 0, "target": 1, "hops": 1, "k": 1, "terminals": [0, 1]}
    needed = {parameter.name for parameter in spec.instance if parameter.required}
    instance = {name: offered[name] for name in needed}
    assert isinstance(solver_class(spec)().prepare(**instance), PreparedSolver)
    if spec.id != "grid-shortest-path":
        assert isinstance(solver_class(spec)().prepare(**instance, edges=[(0, 1)]), PreparedSolver)


def test_the_example_runs(spec, capsys):
    exec(spec.example, {})
    assert capsys.readouterr().out.startswith("tensor(")
