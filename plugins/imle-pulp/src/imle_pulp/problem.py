"""A PuLP problem as a linear program: read once, never changed."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pulp  # type: ignore[import-untyped]
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle.solvers import Sense
from imle_linear import arrays
from imle_linear.arrays import INFINITE, Columns, Floats, from_entries
from imle_linear.program import LinearProgram

_SENSES: Mapping[int, Sense] = {pulp.LpMinimize: "min", pulp.LpMaximize: "max"}
_UNUSED = (
    "a variable belongs to a problem once a constraint or the objective uses it; one that no constraint uses can be "
    "written into the objective, where a learned variable may have any coefficient but 0"
)
_CONSTANTS: Mapping[Sense, str] = {"min": "LpMinimize", "max": "LpMaximize"}


def read(who: str, sense: Sense, problem: Any, variables: Any) -> LinearProgram:
    """Check and convert a problem.

    Args:
        who: the solver, for messages.
        sense: the solver's, which has to be the problem's.
        problem: a pulp.LpProblem.
        variables: the learned variables or their names; None for all.

    Raises:
        InstanceError: it is no LpProblem, has another sense, or holds what a linear program cannot.
    """
    if not isinstance(problem, pulp.LpProblem):
        raise InstanceError(f"{who}: problem: expected a pulp.LpProblem, found {type(problem).__name__}")
    where = f"{who}: problem {problem.name!r}"
    _check_sense(where, sense, problem.sense)
    if problem.sos1 or problem.sos2:
        found = " and ".join(name for name in ("sos1", "sos2") if getattr(problem, name))
        raise InstanceError(
            f"{where}: expected linear constraints, found special ordered sets in {found}",
            hint="model them with 0/1 variables and rows",
        )
    columns = _variables(where, problem)
    names = tuple(column.name for column in columns)
    number = {name: j for j, name in enumerate(names)}
    matrix, row_lower, row_upper = _rows(where, problem, number)
    lower, upper = _bounds(where, columns)
    learned = _learned(who, where, variables, number)
    objective = pulp.LpAffineExpression(problem.objective)
    costs = np.zeros(len(names))
    for variable, value in objective.items():
        costs[number[variable.name]] = _finite(f"{where}: objective: coefficient of {variable.name!r}", value)
    costs[learned] = 0.0
    return LinearProgram(
        matrix=matrix,
        row_lower=row_lower,
        row_upper=row_upper,
        lower=lower,
        upper=upper,
        integer=np.array([_is_integer(where, column) for column in columns], dtype=np.bool_),
        learned=learned,
        costs=costs,
        offset=_finite(f"{where}: objective: constant", objective.constant),
        names=names,
    )


def _check_sense(where: str, sense: Sense, given: int) -> None:
    found = _SENSES.get(given)
    if found is None:
        raise InstanceError(f"{where}: sense: expected pulp.LpMinimize or pulp.LpMaximize, found {given!r}")
    if found != sense:
        raise InstanceError(
            f"{where}: expected pulp.{_CONSTANTS[sense]} since the solver has sense={sense!r}, "
            f"found pulp.{_CONSTANTS[found]}",
            hint=f"give sense={found!r}",
        )


def _variables(where: str, problem: pulp.LpProblem) -> Sequence[pulp.LpVariable]:
    """`problem.variables()`, which registers and sorts them, on lists of our own.

    PuLP adds a variable `__dummy` when it solves a problem without objective; that is not one of the user's.
    """
    twin = copy.copy(problem)
    vars(twin).update({name: list(value) for name, value in vars(twin).items() if isinstance(value, list)})
    columns = [variable for variable in twin.variables() if variable is not problem.dummyVar]
    if not columns:
        raise InstanceError(
            f"{where}: expected at least one variable, found none",
            hint=_UNUSED,
        )
    for first, second in itertools.pairwise(columns):  # sorted by name
        if first.name == second.name:
            raise InstanceError(f"{where}: expected a name of its own for each variable, found {first.name!r} twice")
    return columns


def _rows(where: str, problem: pulp.LpProblem, number: Mapping[str, int]) -> tuple[Columns, Floats, Floats]:
    """The constraint matrix and the least and greatest value of each row."""
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    lower, upper = [], []
    held = constraints(problem)
    for row, (name, constraint) in enumerate(held):
        at = f"{where}: constraint {name!r}" if name else f"{where}: constraint number {row}"
        lower.append(-np.inf if (end := constraint.getLb()) is None else _finite(f"{at}: right side", end))
        upper.append(np.inf if (end := constraint.getUb()) is None else _finite(f"{at}: right side", end))
        for variable, given in constraint.items():
            rows.append(row)
            columns.append(number[variable.name])
            values.append(_number(f"{at}: coefficient of {variable.name!r}", given))
    shape = (len(held), len(number))
    matrix = from_entries(np.array(rows, np.int64), np.array(columns, np.int64), np.array(values, np.float64), shape)
    entry = arrays.unkept(matrix)
    if entry is not None:
        name, row = held[matrix.index[entry]][0], int(matrix.index[entry])
        at = f"{where}: constraint {name!r}" if name else f"{where}: constraint number {row}"
        raise InstanceError(
            f"{at}: expected coefficients {arrays.KEPT}, "
            f"found {matrix.value[entry]:g} for {list(number)[matrix.column[entry]]!r}",
            hint=arrays.RESCALE,
        )
    return matrix, np.array(lower, np.float64), np.array(upper, np.float64)


def constraints(problem: pulp.LpProblem) -> list[tuple[str | None, Any]]:
    """Names and constraints: PuLP before 3.3 has a dictionary of them, later a method (and warns of the other)."""
    held = cast(Any, problem.constraints)
    return [(c.name, c) for c in held()] if callable(held) else list(held.items())


def _bounds(where: str, columns: Sequence[pulp.LpVariable]) -> tuple[Floats, Floats]:
    lower, upper = np.full(len(columns), -np.inf), np.full(len(columns), np.inf)
    for j, variable in enumerate(columns):
        at = f"{where}: variable {variable.name!r}"
        if variable.lowBound is not None:
            least = _number(f"{at}: lowBound", variable.lowBound)
            lower[j] = -np.inf if least <= -INFINITE else least
        if variable.upBound is not None:
            most = _number(f"{at}: upBound", variable.upBound)
            upper[j] = np.inf if most >= INFINITE else most
        if not (lower[j] <= upper[j] and lower[j] < np.inf and upper[j] > -np.inf):
            raise InstanceError(f"{at}: expected lowBound <= upBound, found {lower[j]:g} and {upper[j]:g}")
    return lower, upper


def _is_integer(where: str, variable: pulp.LpVariable) -> bool:
    if variable.cat not in (pulp.LpContinuous, pulp.LpInteger):
        raise InstanceError(
            f"{where}: variable {variable.name!r}: expected cat 'Continuous' or 'Integer', found {variable.cat!r}",
            hint="PuLP reads cat='Binary' only where a variable is made; afterwards set 'Integer' and bounds 0 and 1",
        )
    return bool(variable.cat == pulp.LpInteger)


def _learned(who: str, where: str, given: Any, number: Mapping[str, int]) -> NDArray[np.int32]:
    """Numbers of the learned variables, in the order given."""
    if given is None:
        return np.arange(len(number), dtype=np.int32)
    if isinstance(given, (str, Mapping)) or not hasattr(given, "__iter__"):
        raise InstanceError(
            f"{who}: variables: expected a list of LpVariables or names, found {type(given).__name__}",
            hint="of a dictionary of variables, give list(variables.values())" if isinstance(given, Mapping) else None,
        )
    chosen: dict[int, None] = {}  # a set that keeps its order
    for entry in given:
        name = entry.name if isinstance(entry, pulp.LpVariable) else entry
        if not isinstance(name, str):
            raise InstanceError(f"{who}: variables: expected LpVariables or names, found {entry!r}")
        if name not in number:
            raise InstanceError(
                f"{where}: variables: expected variables of the problem, found {name!r}",
                hint=_UNUSED,
            )
        if number[name] in chosen:
            raise InstanceError(f"{who}: variables: expected each variable once, found {name!r} twice")
        chosen[number[name]] = None
    if not chosen:
        raise InstanceError(f"{who}: variables: expected at least one learned variable, found none")
    return np.array(list(chosen), dtype=np.int32)


def _number(where: str, given: Any) -> float:
    if not isinstance(given, arrays.NUMBERS) or np.isnan(value := float(given)):
        raise InstanceError(f"{where}: expected a number, found {given!r}")
    return value


def _finite(where: str, given: Any) -> float:
    value = _number(where, given)
    if not abs(value) < INFINITE:
        raise InstanceError(f"{where}: expected a finite number below {INFINITE:g} in size, found {value:g}")
    return value
