"""Each id through `imle.layer`: training, copies, per-row instances, silence, and specs that tell the truth."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from ortools.sat.python import cp_model

import imle
from imle.errors import SolveError
from imle.plugins import registry
from imle_ortools.plugin import imle_solvers

SPECS = imle_solvers()


def choose(n=5, k=2):
    model = cp_model.CpModel()
    x = [model.new_bool_var(f"x{i}") for i in range(n)]
    model.add(sum(x) == k)
    return {"model": model, "variables": [~x[0], *x[1:]]}  # a negated literal takes part in everything below


CASES = {
    "ortools-cp-sat": (choose(), (5,), [0, 0, 0, 1, 0]),
    "ortools-ilp": (
        {"sense": "max", "A_ub": [[2, 3, 4, 5], [1, 1, 1, 1]], "b_ub": [7, 2], "bounds": (0, 1)},
        (4,),
        [1, 0, 0, 1],
    ),
    "assignment": ({}, (3, 3), [[0, 1, 0], [0, 0, 1], [1, 0, 0]]),
    "knapsack": ({"weights": [[2, 3, 4, 5], [1, 1, 1, 1]], "capacity": [7, 2]}, (4,), [1, 0, 0, 1]),
    "ortools-min-cost-flow": (
        {"tails": [0, 0, 1, 2, 1], "heads": [1, 2, 3, 3, 2], "capacities": [3, 2, 2, 3, 2], "supplies": [4, 0, 0, -4]},
        (5,),
        [2, 2, 1, 3, 1],
    ),
}


@pytest.fixture(params=CASES)
def case(request):
    instance, shape, wanted = CASES[request.param]
    return request.param, instance, shape, torch.tensor(wanted, dtype=torch.float32)


def test_training_reaches_the_wanted_solution_and_prints_nothing(case, capfd):
    solver_id, instance, shape, wanted = case
    torch.manual_seed(0)
    objective = torch.nn.Parameter(torch.randn(1, *shape))
    layer = imle.layer(solver_id, nb_samples=10, **instance)
    optimizer = torch.optim.SGD([objective], lr=0.5)
    for _ in range(100):
        optimizer.zero_grad()
        (layer(objective) - wanted).square().sum().backward()
        optimizer.step()
    assert torch.equal(layer.eval()(objective)[0], wanted)
    assert capfd.readouterr() == ("", "")


def test_layers_are_copied_and_pickled(case):
    solver_id, instance, shape, _ = case
    layer = imle.layer(solver_id, **instance).eval()
    objective = torch.randn(3, *shape)
    expected = layer(objective)  # the copies must not miss what is prepared
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), pickle.loads(pickle.dumps(layer, 2))):
        assert torch.equal(again(objective), expected)


@pytest.mark.slow
def test_another_process_unpickles_a_model(tmp_path):
    layer = imle.layer("ortools-cp-sat", **choose()).eval()
    (tmp_path / "layer").write_bytes(pickle.dumps(layer))
    code = "import pickle, sys, torch; print(pickle.load(open(sys.argv[1], 'rb'))(torch.arange(5.0)).tolist())"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "layer")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(layer(torch.arange(5.0)).tolist())


def test_solvers_are_pickled_and_hashed(case):
    cls = registry.load(registry.find(case[0]))
    assert pickle.loads(pickle.dumps(cls())) == cls()
    assert hash(cls()) == hash(cls())


def test_splitting_the_batch_changes_nothing(case):
    solver_id, instance, shape, _ = case
    layer = imle.layer(solver_id, **instance).eval()
    objective = torch.randint(-1, 2, (6, *shape)).double()
    together = layer(objective)
    assert torch.equal(torch.cat([layer(objective[:2]), layer(objective[2:])]), together)
    order = torch.randperm(6)
    assert torch.equal(layer(objective[order]), together[order])


def test_capacities_per_row_are_solved_together():
    layer = imle.layer("knapsack", weights=[1.0, 1.0, 1.0]).eval()
    values = torch.tensor([[3.0, 2.0, 1.0]] * 3)
    assert layer(values, capacity=[0, 1, 2.5]).tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0]]
    assert layer.stats.status["optimal"] == 3


def test_infeasible_rows_are_named_or_skipped():
    models = [choose(), choose()]
    models[1]["model"].add(models[1]["variables"][1] + models[1]["variables"][2] == 7)
    rows = {name: [model[name] for model in models] for name in ("model", "variables")}
    objective = torch.randn(2, 5, requires_grad=True)
    with pytest.raises(SolveError) as caught:
        imle.layer("ortools-cp-sat")(objective, **rows)
    assert "row 1: infeasible: no solution satisfies the constraints" in str(caught.value)
    layer = imle.layer("ortools-cp-sat", on_failure="zero-grad")
    solutions = layer(objective, **rows)
    solutions.sum().backward()
    assert solutions[0].any()
    assert not solutions[1].any()
    assert not objective.grad[1].any()


def test_minimising_and_maximising_are_mirror_images():
    costs = torch.randn(8, 4, 4, dtype=torch.float64)
    low = imle.layer("assignment").eval()(costs)
    assert torch.equal(imle.layer("assignment", sense="max").eval()(-costs), low)
    low = imle.layer("ortools-cp-sat", sense="min", **choose()).eval()(costs[:, 0, [0, 1, 2, 3, 0]])
    assert torch.equal(imle.layer("ortools-cp-sat", **choose()).eval()(-costs[:, 0, [0, 1, 2, 3, 0]]), low)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.id)
def test_specs_are_true(spec):
    solver = registry.load(registry.find(spec.id))()
    assert (solver.sense, solver.array) == (spec.sense, spec.capabilities.array)
    for option in spec.options:
        assert getattr(solver, option.name) == option.default
    exec(spec.example, {})


def test_discovery_is_light():
    code = (
        "import sys, imle_ortools.plugin as p; p.imle_solvers();"
        "print([m for m in ('ortools', 'numba', 'numpy', 'torch', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_a_layer_without_ortools_needs_none():
    """The compiled solvers import numba only."""
    code = (
        "import sys; sys.modules['ortools'] = None\n"
        "import numpy as np, imle_kernels.assignment, imle_kernels.knapsack\n"
        "print(imle_kernels.assignment.AssignmentSolver().prepare().solve(np.eye(2)[None]).solutions.tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str((1 - np.eye(2)[None]).tolist())
