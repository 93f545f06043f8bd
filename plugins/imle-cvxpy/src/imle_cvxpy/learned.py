"""Which Parameters or Variables of a problem's objective are learned, and which Parameters are given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import cvxpy as cp
import numpy as np

from imle.errors import InstanceError
from imle_cvxpy import refusals
from imle_cvxpy.canonical import Canonical, Longs, in_c_order, names_in_c_order
from imle_linear.parametric import InstanceParameter, LearnedTerms, ParametricProgram


class LearnedObjective(NamedTuple):
    """What is learned, and the rest.

    Attributes:
        terms: the learned coefficients.
        program: the problem, without them in its costs.
        parameters: the learned Parameters; none where Variables are learned.
    """

    terms: LearnedTerms
    program: ParametricProgram
    parameters: Sequence[Any] = ()


def learned(who: str, problem: Any, read: Canonical, parameters: Any, variables: Any) -> LearnedObjective:
    """What is learned.

    Args:
        who: the solver, for messages.
        problem: the cvxpy.Problem.
        read: the same.
        parameters, variables: as given; by default all Parameters that are in the objective and in no constraint, and
            all Variables where there is no such Parameter.

    Raises:
        InstanceError: both are given, or something else; or a Parameter that is not in the objective, that is in a
            constraint, or that multiplies what is not affine.
    """
    if parameters is not None and variables is not None:
        raise InstanceError(f"{who}: expected learned parameters or variables, found both")
    if variables is None:
        chosen = (
            _own_parameters(problem) if parameters is None else _leaves(who, "parameters", parameters, cp.Parameter)
        )
        if chosen:
            return _of_parameters(who, problem, read, chosen)
    chosen = problem.variables() if variables is None else _leaves(who, "variables", variables, cp.Variable)
    return _of_variables(who, problem, read, chosen)


def _shape_of(leaves: Sequence[Any]) -> tuple[int, ...]:
    """That of a single one; else, and of numbers, one vector."""
    if len(leaves) == 1 and leaves[0].shape:
        return tuple(leaves[0].shape)
    return (sum(leaf.size for leaf in leaves),)


def _own_parameters(problem: Any) -> list[Any]:
    elsewhere = _elsewhere(problem)
    return [parameter for parameter in problem.objective.parameters() if parameter.id not in elsewhere]


def _elsewhere(problem: Any) -> dict[int, str]:
    """Where Parameters stand outside the objective, by their ids."""
    found: dict[int, str] = {}
    for number, constraint in enumerate(problem.constraints):
        place = f"constraint number {number}: {refusals.shown(constraint)}"
        found |= {parameter.id: place for parameter in constraint.parameters()}
    for variable in problem.variables():
        for bound in variable.attributes["bounds"] or ():
            if isinstance(bound, cp.Expression):
                found |= {parameter.id: f"a bound of {variable.name()!r}" for parameter in bound.parameters()}
    return found


def _leaves(who: str, name: str, given: Any, kind: type) -> list[Any]:
    """One or several Parameters or Variables as given."""
    leaves = [given] if isinstance(given, cp.Expression) else given
    if not isinstance(leaves, (list, tuple)):
        raise InstanceError(f"{who}: {name}: expected cvxpy.{kind.__name__} objects, found {given!r}")
    for leaf in leaves:
        if not isinstance(leaf, kind):
            found = refusals.shown(leaf) if isinstance(leaf, cp.Expression) else repr(leaf)
            raise InstanceError(f"{who}: {name}: expected cvxpy.{kind.__name__} objects, found {found}")
    if not leaves:
        raise InstanceError(f"{who}: {name}: expected at least one, found none")
    if len({leaf.id for leaf in leaves}) < len(leaves):
        raise InstanceError(f"{who}: {name}: expected each once, found one twice")
    return list(leaves)


def _of_variables(who: str, problem: Any, read: Canonical, chosen: Sequence[Any]) -> LearnedObjective:
    known = {variable.id for variable in problem.variables()}
    for variable in chosen:
        if variable.id not in known:
            raise InstanceError(
                f"{who}: variables: expected variables of the problem, found {variable.name()!r}",
                hint="cvxpy knows those that the objective or a constraint uses",
            )
        if variable.id not in read.columns:
            raise InstanceError(
                f"{who}: variables: expected variables whose entries are free, found {variable.name()!r}, "
                "whose attributes tie some to others",
                hint="learn a Parameter that multiplies it instead",
            )
    columns = np.concatenate([read.columns[variable.id][in_c_order(variable)] for variable in chosen])
    k, costs = len(columns), read.program.costs
    terms = LearnedTerms(
        shape=_shape_of(chosen),
        names=tuple(name for variable in chosen for name in names_in_c_order(variable)),
        row=np.arange(k),
        column=columns,
        factor=np.ones(k),
        constants=np.zeros(k),
    )
    return LearnedObjective(terms, replace(read.program, costs=costs.only(~np.isin(costs.row, columns))))


def _of_parameters(who: str, problem: Any, read: Canonical, chosen: Sequence[Any]) -> LearnedObjective:
    used, elsewhere = {parameter.id for parameter in problem.objective.parameters()}, _elsewhere(problem)
    for parameter in chosen:
        name = parameter.name()
        if parameter.id not in used:
            raise InstanceError(
                f"{who}: parameters: expected Parameters of the objective, found {name!r}, which is not in it",
                hint="values=... gives those of constraints",
            )
        if parameter.id not in read.places:
            raise InstanceError(
                f"{who}: parameters: expected Parameters whose entries are free, found {name!r}, whose attributes "
                "tie some to others"
            )
        if parameter.id in elsewhere:
            raise InstanceError(
                f"{who}: parameters: expected Parameters of the objective alone, found {name!r}, which is also in "
                f"{elsewhere[parameter.id]}",
                hint="two Parameters, one of which is learned",
            )
    places = np.concatenate([read.places[parameter.id][in_c_order(parameter)] for parameter in chosen])
    k, n, costs = len(places), len(read.program.names), read.program.costs
    numbered = np.full(read.program.width, -1)
    numbered[places] = np.arange(k)
    row = numbered[costs.place]
    given, in_constant = row >= 0, costs.row == n
    factors, constants = given & ~in_constant, given & in_constant
    _refuse_curved(who, problem, read, chosen, costs.row[factors], places)
    terms = LearnedTerms(
        shape=_shape_of(chosen),
        names=tuple(name for parameter in chosen for name in names_in_c_order(parameter)),
        row=row[factors],
        column=costs.row[factors],
        factor=costs.factor[factors],
        constants=np.bincount(row[constants], costs.factor[constants], minlength=k).astype(np.float64),
    )
    return LearnedObjective(terms, replace(read.program, costs=costs.only(~given)), chosen)


def _refuse_curved(
    who: str, problem: Any, read: Canonical, chosen: Sequence[Any], columns: Longs, places: Longs
) -> None:
    """Refuse learned Parameters of quadratic terms, and of what cvxpy replaces by a variable of its own.

    The latter hold for one sign of them only.

    Raises:
        InstanceError: names the Parameter and the term.
    """
    program = read.program
    parts = [program.entries, program.sides, program.lower, program.upper]  # of rows that cvxpy adds for such terms
    if program.quadratic is not None:
        parts.append(program.quadratic.entries)
    if read.own[columns].all() and not any(np.isin(part.place, places).any() for part in parts):
        return
    ids = {parameter.id for parameter in chosen}

    def is_affine(term: Any) -> bool:
        return bool(term.is_affine()) or not any(parameter.id in ids for parameter in term.parameters())

    term = refusals.culprit(problem.objective, is_affine)
    names = ", ".join(repr(p.name()) for p in term.parameters() if p.id in ids)
    raise InstanceError(
        f"{who}: parameters: expected Parameters that multiply what is affine in the variables, found {names} in "
        f"{refusals.shown(term)}",
        hint="parameters=... names the learned ones, and values=... gives the others; noise makes coefficients of any "
        "sign: to learn this one, add a variable for the term, with bounds",
    )


def given_parameters(who: str, problem: Any, read: Canonical, chosen: Sequence[Any]) -> list[InstanceParameter]:
    """The other Parameters, whose values are given.

    Raises:
        InstanceError: one whose entries are not free, or without a name of its own.
    """
    ids = {parameter.id for parameter in chosen}
    others = [parameter for parameter in problem.parameters() if parameter.id not in ids]
    names = [parameter.name() for parameter in others]
    found = []
    for parameter, name in zip(others, names, strict=True):
        if parameter.id not in read.places:
            raise InstanceError(
                f"{who}: problem: expected Parameters whose entries are free, found {name!r}, whose attributes tie "
                "some to others"
            )
        if names.count(name) > 1:
            raise InstanceError(f"{who}: problem: expected Parameters with names of their own, found {name!r} twice")
        value = np.full(parameter.shape, np.nan) if parameter.value is None else parameter.value
        own = np.ravel(value.toarray() if hasattr(value, "toarray") else value)
        found.append(
            InstanceParameter(
                name,
                read.places[parameter.id][in_c_order(parameter)],
                parameter.shape,
                own.astype(np.float64),
                least=0.0 if parameter.is_nonneg() else -math.inf,
                most=0.0 if parameter.is_nonpos() else math.inf,
            )
        )
    return found
