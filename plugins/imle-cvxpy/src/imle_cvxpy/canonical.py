"""Canonical: a problem as cvxpy canonicalises it, as a program whose numbers are affine in its Parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import cvxpy as cp
import numpy as np
from cvxpy.error import SolverError
from numpy.typing import NDArray
from scipy import sparse

from imle.errors import InstanceError
from imle_cvxpy import refusals
from imle_linear.arrays import Floats
from imle_linear.parametric import Affine, ParametricProgram, QuadraticTerm

Longs = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Canonical:
    """A problem. Entries of a Variable or Parameter are in Fortran order, as cvxpy has them.

    Attributes:
        program: with all of its objective, in the problem's own sense.
        columns: numbers of a problem's Variable, by its id; without those that cvxpy replaces by fewer, such as
            symmetric ones.
        places: of a Parameter's entries in the vector p of all, by its id; likewise.
        own: `[n]` whether a variable is the problem's, and not one that cvxpy adds to make terms linear.
    """

    program: ParametricProgram
    columns: Mapping[int, Longs]
    places: Mapping[int, Longs]
    own: NDArray[np.bool_]


def canonical(who: str, problem: Any) -> Canonical:
    """Read a problem.

    Args:
        who: the solver, for messages.
        problem: a cvxpy.Problem; neither it nor its cache is changed.

    Raises:
        InstanceError: it is not convex, not affine in its Parameters, or not linear but for a quadratic objective.
    """
    where = f"{who}: problem"
    if not problem.variables():
        raise InstanceError(f"{where}: expected at least one variable, found none")
    for variable in problem.variables():
        if variable.is_complex():
            raise InstanceError(f"{where}: variable {variable.name()!r}: expected real variables, found a complex one")
    refusals.refuse_unruly(where, problem)
    twins = _twins(problem)
    fresh = cp.Problem(problem.objective.tree_copy(twins), [part.tree_copy(twins) for part in problem.constraints])
    try:
        data = fresh.get_problem_data(cp.HIGHS)[0]
    except SolverError as error:
        raise refusals.nonlinear(where, problem, str(error)) from None
    given = data["param_prob"]
    sizes = {variable.id: variable.size for variable in given.variables}
    columns, own, replaced = {}, set(), set()
    for variable in problem.variables():
        twin = twins[id(variable)]
        own.add(twin.id)
        if twin.id not in sizes:  # diagonal or sparse: one of fewer entries, which has its name
            replaced.add(twin.name())
        elif sizes[twin.id] == variable.size:
            columns[variable.id] = given.var_id_to_col[twin.id] + np.arange(variable.size)
    kept = {parameter.id for parameter in given.parameters}
    return Canonical(
        program=_with_bounds_of_rows(_program(data, -1.0 if isinstance(problem.objective, cp.Maximize) else 1.0)),
        columns=columns,
        places={
            parameter.id: given.param_id_to_col[twin.id] + np.arange(parameter.size)
            for parameter in problem.parameters()
            if (twin := twins[id(parameter)]).id in kept
        },
        own=np.concatenate([np.full(leaf.size, leaf.id in own or leaf.name() in replaced) for leaf in given.variables]),
    )


def _twins(problem: Any) -> dict[int, Any]:
    """Variables and Parameters in place of the problem's, by `id()` of these.

    cvxpy tells them by numbers, which it counts in each process, and keeps with each Variable what it made of it. In a
    problem that was copied, or comes from another process, these are another's: cvxpy mixes them up, or crashes.
    """
    twins: dict[int, Any] = {}
    for kind, leaves in ((cp.Parameter, problem.parameters()), (cp.Variable, problem.variables())):
        for leaf in leaves:
            attributes = dict(leaf.attributes)
            if attributes["bounds"] is not None:
                attributes["bounds"] = [
                    end.tree_copy(twins) if isinstance(end, cp.Expression) else end for end in attributes["bounds"]
                ]
            twins[id(leaf)] = kind(leaf.shape, name=leaf.name(), **attributes)
    return twins


def _program(data: Mapping[str, Any], sign: float) -> ParametricProgram:
    """What cvxpy would hand to HiGHS, before it applies Parameters; the sign is that of its objective."""
    given = data["param_prob"]
    rows, n, equalities, width = given.constr_size, given.x.size, int(data["dims"].zero), given.A.shape[1]
    # equalities are first, and all is on one side, A x + b == 0 and A x + b >= 0, as columns of (A, b) in one
    place, number, factor = _terms(given.A)
    column, row = np.divmod(number, max(rows, 1))
    row = np.where(row < equalities, row + rows - equalities, row - equalities)
    inside = column < n
    binary = np.array(data["bool_vars_idx"], np.int64)
    integer = np.zeros(n, np.bool_)
    integer[binary] = integer[np.array(data["int_vars_idx"], np.int64)] = True
    quadratic = None
    if given.P is not None:
        where, both, weight = _terms(given.P)
        second, first = np.divmod(both, n)
        quadratic = QuadraticTerm(first, second, Affine(len(both), width, np.arange(len(both)), where, weight))
    objective = _terms(given.q)
    return ParametricProgram(
        names=tuple(name for variable in given.variables for name in _names(variable)),
        row_names=tuple(f"row {number} of the canonical constraints" for number in range(rows)),
        row=row[inside],
        column=column[inside],
        entries=Affine(int(inside.sum()), width, np.arange(inside.sum()), place[inside], -factor[inside]),
        sides=Affine(rows, width, row[~inside], place[~inside], factor[~inside]),
        equalities=equalities,
        lower=_bounds(given.lb_tensor, given.lower_bounds, np.full(n, -np.inf), width, binary),
        upper=_bounds(given.ub_tensor, given.upper_bounds, np.full(n, np.inf), width, binary),
        integer=integer,
        costs=Affine(n + 1, width, objective[1], objective[0], sign * objective[2]),
        quadratic=quadratic,
    )


def _terms(tensor: Any) -> tuple[Longs, Longs, Floats]:
    """Places in p, rows, and factors that are not 0, of one of cvxpy's matrices `[rows, P + 1]`."""
    entries = sparse.csc_array(tensor)
    entries.sum_duplicates()
    entries.eliminate_zeros()
    found = entries.tocoo()
    return found.col.astype(np.int64), found.row.astype(np.int64), np.asarray(found.data, np.float64)


def _bounds(tensor: Any, fixed: Any, none: Floats, width: int, binary: Longs) -> Affine:
    """Bounds of variables; of 0/1 variables also those, which cvxpy leaves to solvers."""
    if tensor is None:
        values = none if fixed is None else np.array(fixed, np.float64)
        values[binary] = np.clip(values[binary], 0.0, 1.0)
        return Affine.constant(values, width)
    place, row, factor = _terms(tensor)
    own = np.isin(row, binary)  # constants: see `refusals.refuse_unruly`
    factor[own] = np.clip(factor[own], 0.0, 1.0)
    return Affine(len(none), width, row, place, factor)


def _with_bounds_of_rows(program: ParametricProgram) -> ParametricProgram:
    """The same program without rows that are bounds, x <= 2 or x >= 0: networks and assignments are seen without them.

    Rows stay that depend on Parameters, or would be bounds that leave nothing.
    """
    row, column, entries, sides = program.row, program.column, program.entries, program.sides
    rows, width = sides.size, program.width
    is_bound = np.bincount(row, minlength=rows) == 1
    is_bound[rows - program.equalities :] = False
    is_bound[row[entries.row[(entries.place < width - 1) | (np.abs(entries.factor) != 1.0)]]] = False
    is_bound[sides.row[sides.place < width - 1]] = False
    if program.bounds_vary or not is_bound.any():
        return program
    p = np.zeros((1, width))
    p[0, -1] = 1.0
    (lower, upper), factor = (program.lower.at(p)[0], program.upper.at(p)[0]), entries.at(p)[0]
    chosen = is_bound[row]
    ends = sides.at(p)[0][row[chosen]] * factor[chosen]
    above = factor[chosen] > 0
    np.minimum.at(upper, column[chosen][above], ends[above])
    np.maximum.at(lower, column[chosen][~above], ends[~above])
    if (lower > upper).any():
        return program
    number, entry = np.cumsum(~is_bound) - 1, np.cumsum(~chosen) - 1
    held, kept = ~chosen[entries.row], ~is_bound[sides.row]
    return replace(
        program,
        row_names=tuple(name for name, gone in zip(program.row_names, is_bound, strict=True) if not gone),
        row=number[row[~chosen]],
        column=column[~chosen],
        entries=replace(entries.only(held), size=int((~chosen).sum()), row=entry[entries.row[held]]),
        sides=replace(sides.only(kept), size=int((~is_bound).sum()), row=number[sides.row[kept]]),
        lower=Affine.constant(lower, width),
        upper=Affine.constant(upper, width),
    )


def _names(leaf: Any) -> list[str]:
    """Names of the entries of a Variable or Parameter, in Fortran order."""
    if not leaf.shape:
        return [leaf.name()]
    indices = product(*(range(size) for size in reversed(leaf.shape)))
    return [f"{leaf.name()}[{', '.join(map(str, reversed(index)))}]" for index in indices]


def names_in_c_order(leaf: Any) -> list[str]:
    """Names of the entries of a Variable or Parameter."""
    names = _names(leaf)
    return [names[place] for place in in_c_order(leaf)]


def in_c_order(leaf: Any) -> Longs:
    """The entries of a Variable or Parameter in C order, as places in Fortran order."""
    order: Longs = np.arange(leaf.size).reshape(leaf.shape, order="F").ravel()
    return order
