"""Through `imle.layer`: training, copies, problems per row, specs that are true."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys

import pulp
import pytest
import torch

import imle
from imle.errors import InstanceError, OptionError, SolveError
from imle.plugins.registry import import_target
from imle_pulp.plugin import ILP, LP, imle_solvers


def knapsack(capacity=10):
    problem = pulp.LpProblem("knapsack", pulp.LpMaximize)
    items = [problem.add_variable(f"x{i}", cat="Binary") for i in range(4)]
    problem += pulp.lpDot([3, 4, 5, 6], items) <= capacity
    return problem, items


def test_training_selects_the_wanted_items():
    torch.manual_seed(0)
    problem, items = knapsack()
    wanted = torch.tensor([[0.0, 1.0, 0.0, 1.0]])
    scores = torch.nn.Parameter(torch.tensor([[1.0, 0.0, 1.0, 0.0]]))
    layer = imle.layer("pulp-ilp", sense="max", problem=problem, variables=items, nb_samples=4)
    optimizer = torch.optim.SGD([scores], lr=0.5)
    assert layer.labels == ["x0", "x1", "x2", "x3"]
    assert layer.eval()(scores).tolist() != wanted.tolist()
    layer.train()
    for _ in range(30):
        optimizer.zero_grad()
        (layer(scores) - wanted).square().sum().backward()
        optimizer.step()
    assert layer.eval()(scores).tolist() == wanted.tolist()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
@pytest.mark.parametrize("used", [False, True])
def test_copies_of_a_layer_give_the_same(duplicate, used):
    problem, items = knapsack()
    layer = imle.layer("pulp-ilp", sense="max", problem=problem, variables=items[::-1]).eval()
    scores = torch.tensor([[1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]])
    if used:
        layer(scores)
    twin = duplicate(layer)
    assert torch.equal(twin(scores), layer(scores))


def test_rows_with_problems_of_their_own():
    small, large = knapsack(6)[0], knapsack(18)[0]
    layer = imle.layer("pulp-ilp", sense="max").eval()
    scores = torch.tensor([[1.0, 1.0, 1.0, 2.5]] * 2)
    assert layer(scores, problem=[small, large]).tolist() == [[0, 0, 0, 1], [1, 1, 1, 1]]
    with pytest.raises(InstanceError, match="expected a problem, found none"):
        layer(scores)


def test_infeasible_rows_raise_or_give_zeros():
    problem, items = knapsack(-1)
    scores = torch.ones(1, 4, requires_grad=True)
    with pytest.raises(SolveError, match="no point satisfies all constraints and bounds"):
        imle.layer("pulp-ilp", sense="max", problem=problem)(scores)
    quiet = imle.layer("pulp-ilp", sense="max", problem=problem, variables=items, on_failure="zero-grad")
    quiet(scores).sum().backward()
    assert scores.grad.tolist() == [[0, 0, 0, 0]]


def test_a_problem_solved_by_pulp_before_has_no_extra_variable():
    """PuLP leaves a variable `__dummy` in problems without objective."""
    problem, items = knapsack()
    problem.solve(pulp.HiGHS(msg=False))
    assert "__dummy" in [variable.name for variable in problem.variables()]
    layer = imle.layer("pulp-ilp", sense="max", problem=problem).eval()
    assert layer(torch.ones(1, len(items))).shape == (1, 4)


@pytest.mark.parametrize("spec", [LP, ILP], ids=lambda spec: spec.id)
def test_specs_are_true(spec, capsys):
    assert spec in imle_solvers()
    solver = import_target(spec.target)()
    assert {field.name: field.default for field in dataclasses.fields(solver)} == {
        option.name: option.default for option in spec.options
    }
    assert (solver.sense, solver.array) == (spec.sense, spec.capabilities.array)
    assert pickle.loads(pickle.dumps(solver)) == solver
    exec(spec.example, {})
    assert "tensor(" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("solver_id", "options", "message"),
    [
        ("pulp-lp", {"time_limit": 0.0}, "pulp-lp: time_limit: expected a number > 0 or None, found 0.0"),
        ("pulp-lp", {"method": "barrier"}, "pulp-lp: method: expected 'auto' or 'primal' or 'dual'"),
        ("pulp-lp", {"gap": 0.1}, "pulp-lp: unknown option 'gap'"),
        ("pulp-ilp", {"gap": -1.0}, "pulp-ilp: gap: expected a finite number >= 0, found -1.0"),
        ("pulp-ilp", {"threads": 0}, "pulp-ilp: threads: expected an int from 1 to 2147483647, found 0"),
        ("pulp-ilp", {"seed": -1}, "pulp-ilp: seed: expected an int from 0"),
    ],
)
def test_options_out_of_range(solver_id, options, message):
    with pytest.raises(OptionError, match=message):
        imle.layer(solver_id, **options)


def test_listing_imports_nothing_heavy():
    code = (
        "import sys, imle_pulp.plugin as p; p.imle_solvers(); "
        "sys.exit(bool({'pulp', 'highspy', 'numpy', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
