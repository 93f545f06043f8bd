"""Layers are copied and sent to other processes; Gurobi's models lack what that takes, so it is given to them.

Importing this module registers reducers (`copyreg`). A copy of a model has an environment of its own; variables travel
as their numbers, which is how the copy knows them.
"""

from __future__ import annotations

import copyreg
from typing import Any

import gurobipy
import numpy as np

from imle_gurobi.model import parameters_of

_ATTRIBUTES = ("LB", "UB", "Obj", "VType", "VarName")


def _model_from(
    name: str,
    sense: int,
    constant: float,
    columns: dict[str, list[Any]],
    matrix: Any,
    rows: dict[str, list[Any]],
    parameters: dict[str, Any],
) -> gurobipy.Model:
    model = gurobipy.Model(name, env=gurobipy.Env(params={"OutputFlag": 0, **parameters}))
    x = model.addMVar(matrix.shape[1])
    model.addMConstr(matrix, x, np.array(rows["Sense"], "U1"), np.array(rows["RHS"], np.float64))
    model.update()
    for attribute, values in columns.items():
        model.setAttr(attribute, model.getVars(), values)
    model.setAttr("ConstrName", model.getConstrs(), rows["ConstrName"])
    model.ModelSense, model.ObjCon = sense, constant
    model.update()
    return model


def _reduce_model(model: gurobipy.Model) -> tuple[object, ...]:
    model.update()
    beyond = model.NumQConstrs, model.NumGenConstrs, model.NumSOS, model.NumPWLObjVars, model.IsQP, model.IsMultiObj
    if any(beyond):
        raise TypeError("cannot pickle a gurobipy.Model that is not linear")
    columns = {name: list(model.getAttr(name, model.getVars())) for name in _ATTRIBUTES}
    rows = {name: list(model.getAttr(name, model.getConstrs())) for name in ("Sense", "RHS", "ConstrName")}
    parts = model.ModelName, model.ModelSense, model.ObjCon, columns, model.getA(), rows
    return _model_from, (*parts, parameters_of("", model, {}))


def _reduce_variable(variable: gurobipy.Var) -> tuple[object, ...]:
    return int, (variable.index,)


def _reduce_variables(variables: gurobipy.MVar) -> tuple[object, ...]:
    return np.reshape, ([v.index for v in variables.reshape(-1).tolist()], variables.shape)


def _reduce_dictionary(variables: gurobipy.tupledict[Any, Any]) -> tuple[object, ...]:
    return dict, (list(variables.items()),)


copyreg.pickle(gurobipy.Model, _reduce_model)  # type: ignore[arg-type]
copyreg.pickle(gurobipy.tupledict, _reduce_dictionary)  # type: ignore[arg-type]
copyreg.pickle(gurobipy.Var, _reduce_variable)  # type: ignore[arg-type]
copyreg.pickle(gurobipy.MVar, _reduce_variables)  # type: ignore[arg-type]
