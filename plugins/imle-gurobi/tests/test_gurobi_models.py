"""gurobipy.Models and files: what is read of them, what is refused, and what is left as it was."""

from __future__ import annotations

import re

import gurobipy
import numpy as np
import pytest
import torch
from gurobipy import GRB

import imle
from imle.errors import InstanceError, OptionError, SolverUnavailableError
from imle_gurobi.solver import GurobiILPSolver

WEIGHTS = np.array([3.0, 4.0, 5.0, 6.0])
VALUES = np.array([[1.0, 2.0, 3.0, 4.0], [4.0, 0.1, 0.1, 0.1]])


def empty(name="knapsack"):
    return gurobipy.Model(name, env=gurobipy.Env(params={"OutputFlag": 0}))


def knapsack():
    """Four items, and a spare part that is not learned."""
    model = empty()
    x = model.addMVar(4, vtype="B", name="x")
    spare = model.addVar(ub=3, vtype="I", name="spare")
    model.addConstr(x @ WEIGHTS + spare <= 10, name="weight")
    model.setObjective(0.5 * spare + 7 * x[0] + 2, GRB.MAXIMIZE)
    return model, x


def written(model, tmp_path):
    path = tmp_path / "model.mps"
    model.update()
    model.write(str(path))
    return path.read_text()


@pytest.mark.parametrize(
    "chosen",
    [
        lambda x: x,
        lambda x: x.tolist(),
        lambda x: dict(enumerate(x.tolist())),
        lambda x: gurobipy.tupledict(enumerate(x.tolist())),
        lambda x: [0, 1, 2, 3],
        lambda x: [f"x[{i}]" for i in range(4)],
        lambda x: x.reshape(2, 2),
    ],
)
def test_fixed_coefficients_and_a_constant(chosen):
    model, x = knapsack()
    model.update()
    prepared = GurobiILPSolver(sense="max").prepare(model=model, variables=chosen(x))
    assert prepared.labels == [f"x[{i}]" for i in range(4)]
    result = prepared.solve(VALUES)
    assert result.solutions.tolist() == [[0, 1, 0, 1], [1, 1, 0, 0]]
    np.testing.assert_allclose(result.values, [2 + 6, 2 + 4.1 + 1.5])  # the coefficient 7 is learned
    np.testing.assert_allclose(prepared.fixed_terms(result.solutions), [2, 3.5])


def test_a_constant_counts_once_in_values():
    for sense, kind in (("min", GRB.MINIMIZE), ("max", GRB.MAXIMIZE)):
        model = empty()
        x = model.addMVar(3, ub=1)
        model.addConstr(x.sum() == 1)
        model.setObjective(0 * x[0] + 5, kind)
        layer = imle.layer("gurobi-ilp", model=model, sense=sense).eval()
        theta = torch.tensor([[0.1, -0.2, 0.6], [3.0, 1.0, 2.0]], dtype=torch.float64)
        best = theta.amin(1) if sense == "min" else theta.amax(1)
        torch.testing.assert_close(layer.value(theta), best + 5)


def test_entries_of_an_mvar():
    model, x = knapsack()
    prepared = GurobiILPSolver(sense="max").prepare(model, variables=[x[2], x[:2]])
    assert prepared.labels == ["x[2]", "x[0]", "x[1]"]
    assert prepared.solve(np.array([[3.0, -9.0, 3.0]])).solutions.tolist() == [[1, 0, 1]]


def test_variables_in_the_order_given():
    model, x = knapsack()
    prepared = GurobiILPSolver(sense="max").prepare(model=model, variables=x.tolist()[::-1])
    assert prepared.labels == ["x[3]", "x[2]", "x[1]", "x[0]"]
    assert prepared.solve(VALUES[:1, ::-1]).solutions.tolist() == [[1, 0, 1, 0]]


def test_without_variables_all_are_learned():
    model, _ = knapsack()
    prepared = GurobiILPSolver(sense="max").prepare(model=model)
    assert prepared.objective_shape == (5,)
    assert prepared.solve(np.array([[0.0, 0.0, 0.0, 0.0, 1.0]])).solutions[0, 4] == 3


def test_costs_instead_of_the_models():
    model, x = knapsack()
    prepared = GurobiILPSolver(sense="min").prepare(model=model, variables=x, costs=[0, 0, 0, 0, -1.0])
    assert prepared.solve(-VALUES[:1]).values.tolist() == [-9.0]  # the objective's constant, 2, is turned round


def test_the_model_is_not_changed_and_not_looked_at_again(tmp_path):
    model, x = knapsack()
    before = written(model, tmp_path)
    prepared = GurobiILPSolver(sense="max").prepare(model=model, variables=x)
    prepared.solve(VALUES)
    assert written(model, tmp_path) == before
    assert model.Status == GRB.LOADED
    model.addConstr(x[3] == 0)
    model.update()
    assert prepared.solve(VALUES[:1]).solutions.tolist() == [[0, 1, 0, 1]]


def test_what_is_not_yet_passed_on_to_the_model_counts():
    model, x = knapsack()
    model.update()
    model.addConstr(x[3] == 0)
    assert GurobiILPSolver(sense="max").prepare(model=model, variables=x).solve(VALUES[:1]).solutions[0, 3] == 0


def test_rows_of_all_senses_and_bounds():
    """Ranges are an auxiliary variable in Gurobi, and a binary variable is one within its own bounds."""
    model = empty()
    a, b = model.addVar(lb=-2.5, ub=3.3, vtype="I"), model.addVar(lb=-GRB.INFINITY)
    c = model.addVar(vtype="B", ub=7.0)
    model.addRange(a + b, 1, 4)
    model.addConstr(b - c >= -1)
    model.addConstr(a + b + c == 4)
    prepared = GurobiILPSolver().prepare(model=model, variables=[a, b, c])
    found = prepared.solve(np.array([[1.0, 2.0, 0.0], [-1.0, 0.0, 0.0], [0.0, -1.0, -9.0], [1.0, 0.0, -5.0]]))
    np.testing.assert_allclose(found.solutions, [[3, 0, 1], [3, 1, 0], [-2, 5, 1], [-2, 5, 1]], atol=1e-9)


def test_parameters_of_the_model_hold():
    model, x = knapsack()
    model.Params.SolutionLimit = 1
    result = GurobiILPSolver(sense="max", options={"Heuristics": 0.0}).prepare(model=model, variables=x).solve(VALUES)
    assert set(result.status.tolist()) <= {0, 1}
    model.Params.TimeLimit = 3.0
    with pytest.raises(OptionError, match=r"expected no parameter TimeLimit on it, which would be lost, found 3.0"):
        GurobiILPSolver(sense="max").prepare(model=model, variables=x)


@pytest.mark.parametrize("suffix", ["mps", "lp"])
def test_files(tmp_path, suffix):
    model, _ = knapsack()
    path = tmp_path / f"knapsack.{suffix}"
    model.update()
    model.write(str(path))
    names = [f"x[{i}]" for i in range(4)]
    result = GurobiILPSolver(sense="max").prepare(model=path, variables=names).solve(VALUES)
    np.testing.assert_allclose(result.values, [8, 7.6])


def test_constants_in_lp_files(tmp_path):
    """Gurobi takes a number for one more variable, with a warning; a constant is what it writes itself."""
    path = tmp_path / "model.lp"
    text = "Minimize\n x + 2 y + 5{}\nSubject To\n c: x + y >= 1\nBounds\n Constant = 1\nEnd\n"
    path.write_text(text.format(" Constant"))
    assert GurobiILPSolver().prepare(model=path).solve(np.array([[3.0, 1.0]])).values.tolist() == [6.0]
    path.write_text(text.format("").replace("Bounds\n Constant = 1\n", ""))
    refused("expected names of variables that are no numbers, found '5'", model=path, options={"sense": "min"})


def refused(message, *, model, hint="", **given):
    options = given.pop("options", {"sense": "max"})
    with pytest.raises(InstanceError) as caught:
        GurobiILPSolver(**options).prepare(model=model, **given)
    assert message in str(caught.value)
    assert hint in str(caught.value)


def quadratic(model, x):
    model.addConstr(x[0] * x[1] <= 1, name="product")


def general(model, x):
    model.addGenConstrMax(x[0].item(), [x[1].item(), x[2].item()], name="largest")


def indicator(model, x):
    model.addGenConstrIndicator(x[0].item(), True, x[1] + x[2] <= 1, name="if")


def special(model, x):
    model.addSOS(GRB.SOS_TYPE1, x.tolist())


def pieces(model, x):
    model.setPWLObj(x[2].item(), [0, 1, 2], [0, 1, 3])


def products(model, x):
    model.setObjective(2 * x[0] * x[1] + x[2], GRB.MAXIMIZE)


def semi(model, x):
    model.addVar(vtype="S", ub=3, name="either")


def further(model, x):
    model.setObjectiveN(x[0] + x[1], 1)


@pytest.mark.parametrize(
    ("beyond", "found"),
    [
        (quadratic, "1 quadratic constraints, the first being 'product'"),
        (general, "1 general constraints, the first being 'largest'"),
        (indicator, "1 general constraints, the first being 'if'"),
        (special, "1 special ordered sets, the first being on 'x[0]'"),
        (pieces, "1 variables with piecewise-linear costs, the first being 'x[2]'"),
        (products, "1 products in the objective, the first being 2 * 'x[0]' * 'x[1]'"),
        (semi, "1 semi-continuous variables, the first being 'either'"),
        (further, "1 further objectives, the first being x[0] + x[1]"),
    ],
)
def test_what_is_not_linear(beyond, found):
    model, x = knapsack()
    beyond(model, x)
    expected = "expected linear constraints, one linear objective, and variables that are continuous, integer or binary"
    refused(f"gurobi-ilp: model 'knapsack': {expected}, found {found}", model=model, hint="hint: model it with 0/1")


def test_the_other_sense():
    model, x = knapsack()
    refused("with ModelSense GRB.MINIMIZE since the solver has sense='min', found GRB.MAXIMIZE",
            model=model, variables=x, options={}, hint="give sense='max'")  # fmt: skip
    model.setObjective(x[0] + 0, GRB.MINIMIZE)
    refused("with ModelSense GRB.MAXIMIZE since the solver has sense='max', found GRB.MINIMIZE", model=model)
    model.setObjective(0, GRB.MINIMIZE)  # a model without an objective has no sense of its own
    assert GurobiILPSolver(sense="max").prepare(model=model, variables=x).solve(VALUES[:1]).values.tolist() == [6]


def test_variables_that_are_not_the_models():
    model, _ = knapsack()
    other = empty("other")
    foreign = [other.addVar(name=f"y{i}") for i in range(9)]
    other.update()
    for variable in (foreign[1], foreign[8]):
        refused(f"variables: expected variables of the model, found <gurobi.Var {variable.VarName}> of another one",
                model=model, variables=[variable])  # fmt: skip
    refused("variables: expected indices 0 to 4 or names", model=model, variables=["y"])
    refused("variables: expected indices 0 to 4 or names", model=model, variables=[5])
    refused("variables: expected each variable once, found 1 twice", model=model, variables=[1, 1])
    refused("variables: expected at least one learned variable, found none", model=model, variables=[])
    refused("variables: expected a list of indices or names, found 'x[0]'", model=model, variables="x[0]")


def test_names_that_two_variables_share():
    model = empty()
    twins = [model.addVar(name="twin") for _ in range(2)]
    refused("expected a name of its own for each variable, found 2 called 'twin'", model=model, variables=["twin"],
            options={}, hint="give the variables themselves")  # fmt: skip
    assert GurobiILPSolver().prepare(model=model, variables=twins).labels == ["twin", "twin"]


def test_other_things_than_models(tmp_path):
    refused("model: expected a gurobipy.Model or the path of a file, found int", model=3)
    refused("found no such file: 'nowhere.mps'", model="nowhere.mps")
    path = tmp_path / "broken.mps"
    path.write_text("nonsense")
    refused("model: Gurobi cannot read", model=path)
    refused("expected at least one variable, found none", model=empty())
    refused("found model and A_ub", model=knapsack()[0], A_ub=[[1, 2]])
    model, x = knapsack()
    model.addConstr(1e16 * x[0] + x[1] <= 1)
    refused("expected finite entries below 1e+15 in size", model=model)
    with pytest.raises(InstanceError, match="found none of them"):
        GurobiILPSolver().prepare().solve(np.zeros((1, 2)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gap": -1.0}, "gap: expected a finite number >= 0"),
        ({"options": {"MIPFokus": 1}}, "the engine has no option 'MIPFokus'; did you mean 'MIPFocus'?"),
        ({"options": {"Threads": 2}}, "'Threads' cannot be passed to the engine\n  hint: give threads=..."),
        ({"options": {"Cutoff": 2.0}}, "hint: objectives are scaled before Gurobi sees them"),
        ({"options": {"MIPFocus": 9}}, "options: MIPFocus=9: Unable to set parameter MIPFocus to value 9"),
        ({"options": {"MIPFocus": "x"}}, "options: MIPFocus='x': an integer is required"),
    ],
)
def test_options(options, message):
    with pytest.raises(OptionError, match=re.escape(message)):
        GurobiILPSolver(**options).prepare(A_ub=[[1, 1]], b_ub=[1])


def test_models_that_are_too_large_for_the_licence():
    model = empty()
    model.addMVar(2001)
    model.update()
    try:
        model.optimize()
    except gurobipy.GurobiError:
        message = "since Gurobi has found no licence but the one that comes with gurobipy, found 2001 variables and 0"
        refused(message, model=model, options={}, hint="highs-ilp solves the same instances, without a licence")
    else:
        pytest.skip("there is a licence for larger models")


def test_without_a_licence(monkeypatch, tmp_path):
    monkeypatch.setenv("GRB_LICENSE_FILE", str(tmp_path / "gurobi.lic"))
    with pytest.raises(SolverUnavailableError) as caught:
        GurobiILPSolver().prepare(A_ub=[[1, 1]], b_ub=[1])
    assert "has no licence to start: Unable to open Gurobi license file" in str(caught.value)
    assert "hint: gurobipy finds a licence by the file gurobi.lic in your home directory" in str(caught.value)
