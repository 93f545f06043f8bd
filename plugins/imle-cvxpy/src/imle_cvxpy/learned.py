"""Learned: which entries of a problem's objective a layer gives, and what each of them is multiplied by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cvxpy as cp
import numpy as np
from scipy import sparse

from imle.errors import InstanceError
from imle_cvxpy import refusals
from imle_cvxpy.canonical import Canonical, Longs, in_c_order, names_in_c_order
from imle_linear.arrays import Floats


@dataclass(frozen=True, eq=False)
class Learned:
    """k coefficients: the objective is <theta, factors @ x + constants> and what is not learned.

    Attributes:
        shape: of one theta.
        names: `[k]` of the entries.
        factors: `[k, n]`, scipy's.
        constants: `[k]`.
        parameters: the learned Parameters; none where Variables are learned.
        columns: `[k]` of the learned Variables; none where Parameters are learned.
    """

    shape: tuple[int, ...]
    names: tuple[str, ...]
    factors: Any
    constants: Floats
    parameters: tuple[Any, ...]
    columns: Longs


def learned(who: str, problem: Any, read: Canonical, parameters: Any, variables: Any) -> Learned:
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


def shape_of(leaves: Sequence[Any]) -> tuple[int, ...]:
    """That of a single one; else, and of numbers, one vector."""
    return leaves[0].shape if len(leaves) == 1 and leaves[0].shape else (sum(leaf.size for leaf in leaves),)


def _own_parameters(problem: Any) -> list[Any]:
    elsewhere = {parameter.id for constraint in problem.constraints for parameter in constraint.parameters()}
    for variable in problem.variables():
        for bound in variable.attributes["bounds"] or ():
            if isinstance(bound, cp.Expression):
                elsewhere |= {parameter.id for parameter in bound.parameters()}
    return [parameter for parameter in problem.objective.parameters() if parameter.id not in elsewhere]


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


def _of_variables(who: str, problem: Any, read: Canonical, chosen: Sequence[Any]) -> Learned:
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
    n = len(read.names)
    return Learned(
        shape=shape_of(chosen),
        names=tuple(name for variable in chosen for name in names_in_c_order(variable)),
        factors=_selection(columns, n),
        constants=np.zeros(len(columns)),
        parameters=(),
        columns=columns,
    )


def _selection(columns: Longs, n: int) -> Any:
    return sparse.csr_array((np.ones(len(columns)), (np.arange(len(columns)), columns)), shape=(len(columns), n))


def _of_parameters(who: str, problem: Any, read: Canonical, chosen: Sequence[Any]) -> Learned:
    used = {parameter.id for parameter in problem.objective.parameters()}
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
        for number, constraint in enumerate(problem.constraints):
            if any(other.id == parameter.id for other in constraint.parameters()):
                raise InstanceError(
                    f"{who}: parameters: expected Parameters of the objective alone, found {name!r}, which is also in "
                    f"constraint number {number}: {refusals.shown(constraint)}",
                    hint="two Parameters, one of which is learned",
                )
    places = np.concatenate([read.places[parameter.id][in_c_order(parameter)] for parameter in chosen])
    coefficients = read.objective[:, places].T.tocsr()
    _refuse_curved(who, problem, read, chosen, coefficients[:, :-1])
    return Learned(
        shape=shape_of(chosen),
        names=tuple(name for parameter in chosen for name in names_in_c_order(parameter)),
        factors=coefficients[:, :-1].tocsr(),
        constants=coefficients[:, [-1]].toarray()[:, 0],
        parameters=tuple(chosen),
        columns=np.zeros(0, np.int64),
    )


def _refuse_curved(who: str, problem: Any, read: Canonical, chosen: Sequence[Any], factors: Any) -> None:
    """Refuse learned Parameters of what cvxpy replaces by a variable of its own: that holds for one sign of them only.

    Raises:
        InstanceError: names the Parameter and the term.
    """
    if read.own[factors.tocoo().col].all():
        return
    ids = {parameter.id for parameter in chosen}

    def is_affine(term: Any) -> bool:
        return bool(term.is_affine()) or not any(parameter.id in ids for parameter in term.parameters())

    term = refusals.culprit(problem.objective, is_affine)
    names = ", ".join(repr(p.name()) for p in term.parameters() if p.id in ids)
    raise InstanceError(
        f"{who}: parameters: expected Parameters that multiply what is affine in the variables, found {names} in "
        f"{refusals.shown(term)}",
        hint="noise gives coefficients of any sign: add a variable for the term, bound it, and learn its coefficient",
    )
