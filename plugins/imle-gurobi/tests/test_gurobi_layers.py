"""Through `imle.layer`: copies, workers, models per row, training, derivatives of the value."""

from __future__ import annotations

import copy
import pickle

import gurobipy
import pytest
import torch

import imle
from imle.errors import InstanceError
from imle.execution import Processes


def knapsack(capacity=10):
    model = gurobipy.Model("knapsack", env=gurobipy.Env(params={"OutputFlag": 0}))
    x = model.addVars(["map", "tent", "rope", "stove"], vtype="B", name="item")
    model.addConstr(gurobipy.LinExpr([3, 4, 5, 6], x.values()) <= capacity, name="what fits")
    model.setAttr("ModelSense", gurobipy.GRB.MAXIMIZE)
    model.Params.MIPFocus = 1
    return model, x


def test_training_selects_the_wanted_items():
    torch.manual_seed(0)
    model, x = knapsack()
    wanted = torch.tensor([[0.0, 1.0, 0.0, 1.0]])
    scores = torch.nn.Parameter(torch.tensor([[1.0, 0.0, 1.0, 0.0]]))
    layer = imle.layer("gurobi-ilp", sense="max", model=model, variables=x, nb_samples=4)
    assert layer.labels == [f"item[{name}]" for name in ("map", "tent", "rope", "stove")]
    optimizer = torch.optim.SGD([scores], lr=0.5)
    for _ in range(30):
        optimizer.zero_grad()
        (layer(scores) - wanted).square().sum().backward()
        optimizer.step()
    assert layer.eval()(scores).tolist() == wanted.tolist()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize("matrix", [False, True])
def test_copies_of_a_layer_give_the_same(duplicate, used, matrix):
    model, x = knapsack()
    model.update()
    variables = gurobipy.MVar.fromlist(list(x.values())) if matrix else [x["stove"], "item[rope]", x["tent"], x["map"]]
    layer = imle.layer("gurobi-ilp", sense="max", model=model, variables=variables).eval()
    scores = torch.tensor([[1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]])
    if used:
        layer(scores)
    twin = duplicate(layer)
    assert torch.equal(twin(scores), layer(scores))
    assert twin.labels == layer.labels


def test_a_copied_model_is_the_same_model():
    model, x = knapsack()
    spare = model.addVar(lb=-1, ub=2.5, vtype="I", name="a b", obj=0.1)
    model.addConstr(x["map"] + spare == 1, name="spaces in names")
    model.ObjCon = 3.0
    twin = copy.deepcopy(model)
    twin.update()
    assert (twin.getA() != model.getA()).nnz == 0
    for name in ("VarName", "LB", "UB", "VType", "Obj"):
        assert twin.getAttr(name, twin.getVars()) == model.getAttr(name, model.getVars())
    for name in ("ConstrName", "Sense", "RHS"):
        assert twin.getAttr(name, twin.getConstrs()) == model.getAttr(name, model.getConstrs())
    assert (twin.ModelName, twin.ModelSense, twin.ObjCon, twin.Params.MIPFocus) == ("knapsack", -1, 3.0, 1)
    model.addConstr(x["map"] * x["tent"] <= 1)
    with pytest.raises(TypeError, match=r"cannot pickle a gurobipy\.Model that is not linear"):
        pickle.dumps(model)


def test_workers_rebuild_the_model():
    model, x = knapsack()
    scores = torch.tensor([[1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]])
    alone = imle.layer("gurobi-ilp", sense="max", model=model, variables=x).eval()
    with Processes(1) as worker:
        apart = imle.layer("gurobi-ilp", sense="max", model=model, variables=x, executor=worker).eval()
        assert torch.equal(apart(scores), alone(scores))


def test_rows_with_models_of_their_own():
    small, large = knapsack(6)[0], knapsack(18)[0]
    layer = imle.layer("gurobi-ilp", sense="max").eval()
    scores = torch.tensor([[1.0, 1.0, 1.0, 2.5]] * 2)
    assert layer(scores, model=[small, large]).tolist() == [[0, 0, 0, 1], [1, 1, 1, 1]]
    with pytest.raises(InstanceError, match="found none of them"):
        layer(scores)


def test_the_value_of_a_linear_program_is_differentiated_in_its_right_side():
    layer = imle.layer("gurobi-ilp", A_ub=[[-1.0, -1.0], [1.0, 0.0]], bounds=(0, None), integrality=0)
    costs, sides = torch.tensor([[1.0, 3.0]]), torch.tensor([[-5.0, 2.0]], requires_grad=True)
    value = layer.value(costs, b_ub=sides, relaxation=True)
    value.sum().backward()
    assert value.tolist() == [2 + 9]  # two of the cheap one, three of the other
    assert sides.grad.tolist() == [[-3.0, -2.0]]


def test_progress_tells_gaps(capfd):
    torch.manual_seed(0)
    weights = torch.randint(100, 1000, (30, 150)).double()
    half = (weights.sum(dim=1) / 2).floor()
    layer = imle.layer("gurobi-ilp", sense="max", A_ub=weights, b_ub=half, bounds=(0, 1), time_limit=0.6, progress=0.2)
    layer.eval()(torch.rand(1, 150) / 10 + 1)
    assert "gurobi-ilp: 0 of 1 rows" in (shown := capfd.readouterr().err) or "gurobi-ilp: 1 rows" in shown
    assert "gap of this row" in shown
