"""Mutable Params: which a model uses where, and which of them are learned."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.core.expr.visitor import identify_mutable_parameters

from imle.errors import InstanceError
from imle_linear.parametric import InstanceParameter
from imle_pyomo import components


@dataclass(frozen=True, eq=False)
class Params:
    """Mutable Params of a model, each as a list of its entries.

    Attributes:
        learned: those that objectives give.
        others: those that values may be given of.
    """

    learned: list[list[Any]]
    others: list[list[Any]]

    @property
    def entries(self) -> list[Any]:
        """By their places: those that may be given first."""
        return [entry for entries in (*self.others, *self.learned) for entry in entries]

    @property
    def count(self) -> int:
        """How many entries may be given."""
        return sum(map(len, self.others))

    def as_instance(self) -> tuple[InstanceParameter, ...]:
        """Those that may be given, as parameters of an instance."""
        found, start = [], 0
        for entries in self.others:
            component = entries[0].parent_component()
            least, most = component.domain.bounds()
            found.append(
                InstanceParameter(
                    component.name,
                    np.arange(start, start + len(entries)),
                    (len(entries),) if component.is_indexed() else (),
                    np.array([_value(entry) for entry in entries]),
                    tuple(entry.index() for entry in entries),
                    -math.inf if least is None else float(least),
                    math.inf if most is None else float(most),
                )
            )
            start += len(entries)
        return tuple(found)


def params_of(who: str, model: Any, objective: Any, parameters: Any, folded: set[str], *, learns: bool) -> Params:
    """The mutable Params that a model uses.

    Args:
        who: the solver, for messages.
        model: the model.
        objective: its expression.
        parameters: those that are learned, as given; by default all that the objective has and nothing else.
        folded: names of those that are constants.
        learns: whether Params are learned at all.

    Raises:
        InstanceError: a learned Param that is not mutable, is not in the objective, or is elsewhere too.
    """
    in_objective = {id(component): component for component in _components(objective)}
    elsewhere: dict[int, tuple[Any, str]] = {}
    for where, expression in _elsewhere(model):
        for component in _components(expression):
            elsewhere.setdefault(id(component), (component, where))
    if not learns:
        learned = []
    elif parameters is None:
        learned = [component for number, component in in_objective.items() if number not in elsewhere]
    else:
        learned = components.chosen(who, "parameters", model, parameters, pyo.Param)
    for component in learned:
        whole = component.parent_component()
        if component is not whole:
            raise InstanceError(
                f"{who}: parameters: expected Params, with all of their entries, found {component.name!r}",
                hint=f"give {whole.name!r}, or a Param of its own for what is learned",
            )
        if not component.mutable:
            raise InstanceError(
                f"{who}: parameters: expected mutable Params, found {component.name!r}", hint="Param(..., mutable=True)"
            )
        if id(component) not in in_objective:
            raise InstanceError(
                f"{who}: parameters: expected Params of the objective, found {component.name!r}, which is not in it",
                hint="values=... gives those of constraints",
            )
        if id(component) in elsewhere:
            raise InstanceError(
                f"{who}: parameters: expected Params of the objective alone, found {component.name!r}, which is also "
                f"in {elsewhere[id(component)][1]}",
                hint="two Params, one of which is learned",
            )
    own = {id(component) for component in learned}
    used = {**in_objective, **{number: component for number, (component, _) in elsewhere.items()}}
    others = [c for number, c in used.items() if number not in own and c.name not in folded]
    return Params([_entries(component) for component in learned], [_entries(component) for component in others])


def _elsewhere(model: Any) -> Iterator[tuple[str, Any]]:
    """Expressions of constraints and bounds, and where they stand."""
    for constraint in components.constraints(model):
        for expression in (constraint.body, constraint.lower, constraint.upper):
            yield f"constraint {constraint.name!r}", expression
    for variable in components.variables(model):
        for expression in (variable.lower, variable.upper):
            yield f"bounds of {variable.name!r}", expression


def _components(expression: Any) -> list[Any]:
    """The Params that have entries in an expression, in the order in which they stand there."""
    if not hasattr(expression, "is_expression_type"):
        return []
    found = {id(c): c for c in (entry.parent_component() for entry in identify_mutable_parameters(expression))}
    return list(found.values())


def _entries(component: Any) -> list[Any]:
    """Entries that have been made, in the order of their index; others are in no expression."""
    if not component.is_indexed():
        return [component]
    made = set(component.sparse_keys())
    return [component[key] for key in component if key in made]


def _value(entry: Any) -> float:
    try:
        return float(pyo.value(entry))
    except ValueError:  # it has none
        return math.nan
