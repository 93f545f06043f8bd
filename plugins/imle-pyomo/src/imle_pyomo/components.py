"""Components of a Pyomo model: which there are, and what they say of feasible points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyomo.environ as pyo
from pyomo.core.base.block import BlockData

from imle.errors import InstanceError
from imle.solvers import Sense

_KNOWN = {
    *(pyo.Block, pyo.Constraint, pyo.Objective, pyo.Var, pyo.Param, pyo.Set, pyo.RangeSet, pyo.Expression),
    *(pyo.Suffix, pyo.BuildAction, pyo.BuildCheck),  # these say nothing about what is feasible
}


def checked(who: str, model: Any) -> str:
    """What messages about a model begin with.

    Raises:
        InstanceError: it is no model, is not constructed, or has components that no linear program has.
    """
    if not isinstance(model, BlockData):
        raise InstanceError(f"{who}: model: expected a pyomo ConcreteModel or block, found {type(model).__name__}")
    where = f"{who}: model {model.name!r}"
    if not model.is_constructed():
        raise InstanceError(
            f"{where}: expected a ConcreteModel, found one without data", hint="give model.create_instance(data)"
        )
    for block in model.block_data_objects(active=True):
        for kind in block.collect_ctypes(active=True, descend_into=False) - _KNOWN:
            first = next(iter(block.component_objects(kind, active=True, descend_into=False)))
            raise InstanceError(
                f"{where}: expected Vars, linear Constraints and an Objective, found a {kind.__name__}, {first.name!r}",
                hint="a transformation of Pyomo's, such as 'gdp.bigm', may make linear constraints of it",
            )
    return where


def objective_of(where: str, sense: Sense, model: Any) -> Any:
    """The expression of the active objective; 0 if there is none.

    Raises:
        InstanceError: there are several, or it has another sense.
    """
    found = list(model.component_data_objects(pyo.Objective, active=True))
    if len(found) > 1:
        names = ", ".join(repr(objective.name) for objective in found)
        raise InstanceError(
            f"{where}: expected one active Objective, found {len(found)}: {names}", hint="deactivate() the others"
        )
    if not found:
        return 0.0
    said: Sense = "min" if found[0].sense == pyo.minimize else "max"
    if said != sense:
        raise InstanceError(
            f"{where}: expected an Objective with sense=pyo.{sense}imize since the solver has sense={sense!r}, found "
            f"{found[0].name!r} with sense=pyo.{said}imize",
            hint=f"give sense={said!r}",
        )
    return found[0].expr


def constraints(model: Any) -> Iterator[Any]:
    """The active constraints, entry by entry."""
    yield from model.component_data_objects(pyo.Constraint, active=True)


def variables(model: Any) -> list[Any]:
    """The Vars that are not fixed, entry by entry."""
    return [variable for variable in model.component_data_objects(pyo.Var) if not variable.fixed]


def chosen(who: str, name: str, model: Any, given: Any, kind: Any) -> list[Any]:
    """Components that a user names, or gives themselves: one or several.

    Args:
        who: the solver, for messages.
        name: of the parameter.
        model: that they belong to.
        given: components, entries of such, or their names.
        kind: pyo.Var or pyo.Param.

    Raises:
        InstanceError: something else, of another model, twice, or none at all.
    """
    where, what = f"{who}: {name}", f"{kind.__name__}s of the model, or their names"
    if isinstance(given, str) or getattr(given, "ctype", None) is kind:
        given = [given]
    elif isinstance(given, Mapping):
        given = list(given.values())
    if not isinstance(given, (list, tuple)):
        raise InstanceError(f"{where}: expected {what}, found {given!r}")
    found: dict[int, Any] = {}
    for entry in given:
        component = model.find_component(entry) if isinstance(entry, str) else entry
        if getattr(component, "ctype", None) is not kind:
            raise InstanceError(f"{where}: expected {what}, found {entry!r}")
        if component.model() is not model.model():
            raise InstanceError(f"{where}: expected {what}, found {component.name!r} of another model")
        if id(component) in found:
            raise InstanceError(f"{where}: expected each once, found {component.name!r} twice")
        found[id(component)] = component
    if not found:
        raise InstanceError(f"{where}: expected at least one, found none")
    return list(found.values())
