"""A gurobipy.Model as a linear program: read once, never changed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import gurobipy
import numpy as np
from gurobipy import GRB
from numpy.typing import NDArray

from imle.errors import InstanceError, OptionError
from imle.solvers import Sense
from imle_linear import arrays
from imle_linear.arrays import Floats
from imle_linear.program import LinearProgram, fixed_costs, learned_variables

_SENSES: Mapping[int, Sense] = {GRB.MINIMIZE: "min", GRB.MAXIMIZE: "max"}
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
_OF_OUTPUT = ("OutputFlag", "LogToConsole", "LogFile", "DisplayInterval")
"""Parameters of a model that do not change what is solved."""


def from_model(who: str, model: gurobipy.Model, *, sense: Sense, variables: Any, costs: Any) -> LinearProgram:
    """Check and convert a model. What its author has not yet passed on to it, is: `model.update()`.

    Args:
        who: the solver, for messages.
        model: the model.
        sense: the solver's; a model that has an objective, or says "maximise", must agree with it.
        variables: the learned variables: the model's own, their names or numbers; None for all.
        costs: coefficients of the others instead of the model's.

    Raises:
        InstanceError: not linear, another sense, no variables, or not its own.
    """
    model.update()
    where = f"{who}: model {model.ModelName!r}" if model.ModelName else f"{who}: model"
    n = model.NumVars
    if n == 0:
        raise InstanceError(f"{where}: expected at least one variable, found none")
    held = model.getVars()
    names = tuple(model.getAttr("VarName", held))
    kinds = np.array(model.getAttr("VType", held))
    _check_linear(where, model, kinds, names)
    own = np.array(model.getAttr("Obj", held), np.float64)
    said = _SENSES[model.ModelSense]
    if costs is None and said != sense and (said == "max" or own.any()):
        raise InstanceError(
            f"{where}: expected a model with ModelSense GRB.{_constant(sense)} since the solver has sense={sense!r}, "
            f"found GRB.{_constant(said)}",
            hint=f"give sense={said!r}",
        )
    learned = _learned(who, variables, held, names)
    lower, upper = (np.array(model.getAttr(name, held), np.float64) for name in ("LB", "UB"))
    binary = kinds == GRB.BINARY
    lower, upper = np.where(binary, np.maximum(lower, 0.0), lower), np.where(binary, np.minimum(upper, 1.0), upper)
    row_lower, row_upper = _ends(model)
    lower, upper = arrays.bounds(f"{where}: bounds", np.column_stack([lower, upper]), n)
    return LinearProgram(
        matrix=arrays.matrix(where, model.getA()),
        row_lower=row_lower,
        row_upper=row_upper,
        lower=lower,
        upper=upper,
        integer=binary | (kinds == GRB.INTEGER),
        learned=learned,
        costs=fixed_costs(who, own if costs is None else costs, learned, n),
        offset=float(model.ObjCon) if said == sense else -float(model.ObjCon),
        names=names,
    )


def from_file(who: str, path: str | os.PathLike[str], environment: gurobipy.Env) -> gurobipy.Model:
    """The model in a file.

    Raises:
        InstanceError: there is no such file, or Gurobi cannot read it, or takes a number in it for a variable.
    """
    if not os.path.exists(path):
        raise InstanceError(f"{who}: model: expected the path of a file, found no such file: {os.fspath(path)!r}")
    try:
        model = gurobipy.read(os.fspath(path), environment)
    except gurobipy.GurobiError as error:
        raise InstanceError(f"{who}: model: Gurobi cannot read {os.fspath(path)!r}: {error}") from None
    numbers = [name for name in model.getAttr("VarName", model.getVars()) if _NUMBER.fullmatch(name)]
    if numbers and ".lp" in os.path.basename(path).lower():
        raise InstanceError(
            f"{who}: model: expected names of variables that are no numbers, found {numbers[0]!r} in "
            f"{os.fspath(path)!r}, which is a variable to Gurobi, not a constant",
            hint="in LP files Gurobi has constants as `5 Constant` with the bound `Constant = 1`; MPS files have them",
        )
    return model


def parameters_of(who: str, model: gurobipy.Model, kept: Mapping[str, str]) -> dict[str, Any]:
    """Gurobi's parameters that were set on a model.

    Args:
        who: the solver, for messages.
        model: the model.
        kept: those that the solver sets, and what to do instead.

    Raises:
        OptionError: one of those that the solver sets.
    """
    found = {}
    for name in dir(GRB.Param):
        about = None if name.startswith("_") or name in _OF_OUTPUT else model.getParamInfo(name)
        if about is not None and about[2] != about[-1]:
            if name in kept:
                raise OptionError(
                    f"{who}: model: expected no parameter {name} on it, which would be lost, found {about[2]!r}",
                    hint=f"{kept[name]}; model.resetParams() takes all of them off",
                )
            found[name] = about[2]
    return found


def _check_linear(where: str, model: gurobipy.Model, kinds: NDArray[Any], names: tuple[str, ...]) -> None:
    """Refuse what is more than linear: the first of it, by name."""
    semi = np.flatnonzero(np.isin(kinds, [GRB.SEMICONT, GRB.SEMIINT]))
    found: Iterable[tuple[int, str, Callable[[], object]]] = (
        (model.NumQConstrs, "quadratic constraints", lambda: repr(model.getQConstrs()[0].QCName)),
        (model.NumGenConstrs, "general constraints", lambda: repr(model.getGenConstrs()[0].GenConstrName)),
        (model.NumSOS, "special ordered sets", lambda: f"on {model.getSOS(model.getSOSs()[0])[1][0].VarName!r}"),
        (len(semi), "semi-continuous variables", lambda: repr(names[semi[0]])),
        (model.NumQNZs, "products in the objective", lambda: _first_product(model.getObjective())),
        (
            model.NumPWLObjVars,
            "variables with piecewise-linear costs",
            lambda: repr(next(name for name, x in zip(names, model.getVars(), strict=True) if model.getPWLObj(x))),
        ),
        (model.NumObj - 1, "further objectives", lambda: model.getObjective(1)),
        (model.NumScenarios, "scenarios", lambda: "scenario 0"),
    )
    for count, what, first in found:
        if count > 0:
            raise InstanceError(
                f"{where}: expected linear constraints, one linear objective, and variables that are continuous, "
                f"integer or binary, found {count} {what}, the first being {first()}",
                hint="model it with 0/1 variables and linear constraints, or solve it by a function of your own",
            )


def _first_product(objective: Any) -> str:
    return f"{objective.getCoeff(0):g} * {objective.getVar1(0).VarName!r} * {objective.getVar2(0).VarName!r}"


def _constant(sense: Sense) -> str:
    return "MINIMIZE" if sense == "min" else "MAXIMIZE"


def _ends(model: gurobipy.Model) -> tuple[Floats, Floats]:
    """The least and the greatest value of each row."""
    rows = model.getConstrs()
    right = np.array(model.getAttr("RHS", rows), np.float64)
    right = np.where(np.abs(right) >= arrays.INFINITE, np.copysign(np.inf, right), right)
    senses = np.array(model.getAttr("Sense", rows), "U1")
    lower = np.where(senses == GRB.LESS_EQUAL, -np.inf, right)
    return lower, np.where(senses == GRB.GREATER_EQUAL, np.inf, right)


def _learned(who: str, given: Any, held: list[gurobipy.Var], names: tuple[str, ...]) -> NDArray[np.int32]:
    """Numbers of the learned variables, in the order given."""
    if isinstance(given, Mapping):
        given = list(given.values())
    elif isinstance(given, (gurobipy.MVar, gurobipy.Var)):
        given = [given]
    if given is not None and not isinstance(given, str) and hasattr(given, "__iter__"):
        parts = [part.reshape(-1).tolist() if isinstance(part, gurobipy.MVar) else [part] for part in given]
        given = [_place(who, entry, held, names) for part in parts for entry in part]
    return learned_variables(who, given, len(held), names)


def _place(who: str, entry: Any, held: list[gurobipy.Var], names: tuple[str, ...]) -> Any:
    """The number of a variable; what is none of the model's own is left to whoever reads names and numbers."""
    if isinstance(entry, str) and names.count(entry) > 1:
        raise InstanceError(
            f"{who}: variables: expected a name of its own for each variable, found {names.count(entry)} called "
            f"{entry!r}",
            hint="give the variables themselves",
        )
    if not isinstance(entry, gurobipy.Var):
        return entry
    number = entry.index
    if not (0 <= number < len(held) and held[number].sameAs(entry)):
        raise InstanceError(f"{who}: variables: expected variables of the model, found {entry} of another one")
    return number
