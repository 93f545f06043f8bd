"""OR-Tools' models and their protos, and what is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from ortools.linear_solver.python import model_builder
from ortools.linear_solver.pywraplp import Solver
from ortools.math_opt.python import mathopt
from ortools.sat.python import cp_model

import imle
from imle.errors import InstanceError, OptionError
from imle_ortools.ilp.solver import ILPSolver

WEIGHTS = [3, 4, 5, 6]


def built():
    model = model_builder.Model()
    x = [model.new_bool_var(f"x{i}") for i in range(4)]
    spare = model.new_int_var(0, 3, "spare")
    model.add(sum(w * v for w, v in zip(WEIGHTS, x, strict=True)) + spare <= 10)
    model.maximize(0.5 * spare + 7 * x[0] + 2)
    return model, x


def math_opt():
    model = mathopt.Model(name="knapsack")
    gone = model.add_binary_variable(name="gone")  # ids then have a gap
    x = [model.add_binary_variable(name=f"x{i}") for i in range(4)]
    spare = model.add_integer_variable(lb=0, ub=3, name="spare")
    model.delete_variable(gone)
    model.add_linear_constraint(sum(w * v for w, v in zip(WEIGHTS, x, strict=True)) + spare <= 10)
    model.maximize(0.5 * spare + 7 * x[0] + 2)
    return model, x


def wrapped():
    model = Solver.CreateSolver("SCIP")
    x = [model.BoolVar(f"x{i}") for i in range(4)]
    spare = model.IntVar(0, 3, "spare")
    model.Add(sum(w * v for w, v in zip(WEIGHTS, x, strict=True)) + spare <= 10)
    model.Maximize(0.5 * spare + 7 * x[0] + 2)
    return model, x


@pytest.mark.parametrize("make", [built, math_opt, wrapped])
def test_models_with_fixed_coefficients(make):
    model, x = make()
    names = [f"x{i}" for i in range(4)]
    values = np.array([[1.0, 2.0, 3.0, 4.0], [4.0, 0.1, 0.1, 0.1]])
    for variables in (names, x) if make is not math_opt else (names,):
        prepared = ILPSolver(sense="max").prepare(model=model, variables=variables)
        assert prepared.labels == names
        result = prepared.solve(values)
        assert result.solutions.tolist() == [[0, 1, 0, 1], [1, 1, 0, 0]]
        np.testing.assert_allclose(result.values, [2 + 6, 2 + 4.1 + 1.5])  # the coefficient 7 is learned


def test_math_opt_variables_themselves():
    model, x = math_opt()
    result = ILPSolver(sense="max").prepare(model=model, variables=x[::-1]).solve(np.array([[4.0, 3.0, 2.0, 1.0]]))
    assert result.solutions.tolist() == [[1, 0, 1, 0]]


@pytest.mark.parametrize("proto", [lambda: built()[0].export_to_proto(), lambda: math_opt()[0].export_model()])
def test_protos_can_be_pickled_with_the_layer(proto):
    import copy

    layer = imle.layer("ortools-ilp", sense="max", model=proto(), variables=[0, 1, 2, 3]).eval()
    values = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    assert layer(values).tolist() == [[0, 1, 0, 1]]
    assert copy.deepcopy(layer)(values).tolist() == [[0, 1, 0, 1]]


@pytest.mark.parametrize("suffix", ["mps", "lp"])
def test_files(tmp_path, suffix):
    model, x = built()
    model.maximize(0.5 * model.var_from_index(4) + 7 * x[0])
    path = tmp_path / f"knapsack.{suffix}"
    path.write_text(model.export_to_mps_string() if suffix == "mps" else model.export_to_lp_string())
    solver = ILPSolver(sense="max")
    prepared = solver.prepare(model=path, variables=["x0", "x1", "x2", "x3"])  # files may order columns differently
    result = prepared.solve(np.array([[4.0, 0.1, 0.1, 0.1]]))
    assert result.solutions.tolist() == [[1, 1, 0, 0]]
    np.testing.assert_allclose(result.values, 4.1 + 1.5)


def test_a_model_is_read_once_and_not_changed():
    model, x = built()
    before = str(model.export_to_proto())
    prepared = ILPSolver(sense="max").prepare(model=model, variables=x)
    model.add(x[3] == 0)
    assert prepared.solve(np.array([[1.0, 2.0, 3.0, 4.0]])).solutions.tolist() == [[0, 1, 0, 1]]
    assert str(built()[0].export_to_proto()) == before


def refused(message, **given):
    with pytest.raises(InstanceError, match=re.escape(message)):
        ILPSolver(**given.pop("options", {})).prepare(**given)


def test_not_linear_models():
    model, x = math_opt()
    model.add_quadratic_constraint(x[0] * x[1] <= 1)
    refused("found quadratic_constraints", model=model, options={"sense": "max"})
    model, x = math_opt()
    model.maximize(x[0] * x[1])
    refused("expected a linear objective, found a quadratic one", model=model, options={"sense": "max"})
    proto = math_opt()[0].export_model()
    proto.sos1_constraints[0].name = "set"
    refused("found sos1_constraints", model=proto, options={"sense": "max"})
    model, x = built()
    model.add_enforced(x[0] + x[1] <= 1, x[2], True)
    refused("expected linear constraints, found indicator_constraint", model=model, options={"sense": "max"})


def test_the_other_sense():
    model, x = built()
    refused("expected a model to be read as sense='min', found one that says 'max'", model=model, variables=x)
    ILPSolver().prepare(model=model, variables=x, costs=np.zeros(5))


def test_other_things_than_models():
    refused("found CpModel", model=cp_model.CpModel())
    refused("found int", model=3)
    refused("expected at least one variable, found none", model=model_builder.Model())
    refused("found no such file", model="nowhere.mps")
    refused("found model and A_ub", model=built()[0], A_ub=[[1, 2]])
    refused("found 'y'", model=built()[0], variables=["y"], options={"sense": "max"})


def test_cp_sat_takes_only_what_it_can_hold():
    cp_sat = {"backend": "cp-sat"}
    refused("variable 1 is continuous", A_ub=[[1, 1]], b_ub=[1], bounds=(0, 1), integrality=[1, 0], options=cp_sat)
    refused("variable 0 has no finite bounds", A_ub=[[1, 1]], b_ub=[1], options=cp_sat)
    refused("variable 0 has bounds of 2**31 or more", A_ub=[[1, 1]], b_ub=[1], bounds=(0, 1e10), options=cp_sat)
    refused("coefficients of constraint number 0", A_ub=[[1, np.pi]], b_ub=[1], bounds=(0, 1), options=cp_sat)


def test_options():
    for options, message in [
        ({"backend": "gurobi"}, "backend"),
        ({"gap": -1.0}, "gap: expected a finite number >= 0"),
        ({"threads": 0}, "threads: expected an int from 1 to 2147483647"),
        ({"seed": -1}, "seed: expected an int from 0"),
        ({"time_limit": 0.0}, "time_limit"),
    ]:
        with pytest.raises(OptionError, match=re.escape(message)):
            ILPSolver(**options)


def test_without_an_instance_each_row_brings_its_own():
    layer = imle.layer("ortools-ilp", sense="max", bounds=(0, 1)).eval()
    values = torch.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    chosen = layer(values, A_ub=[[[1, 1, 1]], [[2, 2, 1]]], b_ub=[[1], [3]])
    assert chosen.tolist() == [[0, 0, 1], [1, 0, 1]]
    with pytest.raises(InstanceError, match="found none of them"):
        layer(values)


def test_nan_never_reaches_an_engine():
    for backend in ("auto", "highs", "cp-sat", "scip", "cbc"):
        layer = imle.layer("ortools-ilp", backend=backend, A_ub=[[1, 1]], b_ub=[1], bounds=(0, 1))
        with pytest.raises(imle.errors.ObjectiveError):
            layer(torch.tensor([[1.0, float("nan")]]))
