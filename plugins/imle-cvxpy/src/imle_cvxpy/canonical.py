"""Canonical: a problem as cvxpy canonicalises it, whose numbers are affine in its Parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, NamedTuple

import cvxpy as cp
import numpy as np
from cvxpy.error import SolverError
from numpy.typing import NDArray
from scipy import sparse

from imle.errors import InstanceError
from imle_cvxpy import refusals
from imle_linear.arrays import Floats

Longs = NDArray[np.int64]


class Entries(NamedTuple):
    """Entries of a matrix that is affine in p: factor times p[place] is added at (row, column)."""

    row: Longs
    column: Longs
    place: Longs
    factor: Floats


@dataclass(frozen=True, eq=False)
class Canonical:
    """Minimise or maximise (objective @ p) . (x, 1) over rows and bounds that are affine in p, the Parameters and a 1.

    Entries of a variable or Parameter are in Fortran order, as cvxpy has them. All matrices are scipy's, by rows.

    Attributes:
        names: `[n]` of the entries of variables.
        columns: numbers of a problem's variable, by its id; without those that cvxpy replaces by fewer, such as
            symmetric ones.
        places: entries of p that are a Parameter's, by its id.
        objective: `[n + 1, P + 1]`, in the problem's own sense; its last row is the constant.
        matrix: of the rows, `[rows, n]`.
        sides: `[rows, P + 1]`: rows are `matrix @ x <= sides @ p`, the last ones `==`.
        equalities: how many are the last ones.
        lower, upper: `[n, P + 1]`.
        integer: `[n]`.
        own: `[n]` whether a variable is the problem's, and not one that cvxpy adds to make terms linear.
    """

    names: tuple[str, ...]
    columns: Mapping[int, Longs]
    places: Mapping[int, Longs]
    objective: Any
    matrix: Entries
    sides: Any
    equalities: int
    lower: Any
    upper: Any
    integer: NDArray[np.bool_]
    own: NDArray[np.bool_]

    @property
    def bounds_vary(self) -> bool:
        """Whether bounds depend on Parameters."""
        last = self.sides.shape[1] - 1
        return any((bounds.tocoo().col < last).any() for bounds in (self.lower, self.upper))


def canonical(who: str, problem: Any) -> Canonical:
    """Read a problem.

    Args:
        who: the solver, for messages.
        problem: a cvxpy.Problem; neither it nor its cache is changed.

    Raises:
        InstanceError: it is not convex, not affine in its Parameters, or not linear.
    """
    where = f"{who}: problem"
    if not problem.variables():
        raise InstanceError(f"{where}: expected at least one variable, found none")
    for variable in problem.variables():
        if variable.is_complex():
            raise InstanceError(f"{where}: variable {variable.name()!r}: expected real variables, found a complex one")
    refusals.refuse_unruly(where, problem)
    try:
        data = cp.Problem(problem.objective, problem.constraints).get_problem_data(cp.HIGHS)[0]
    except SolverError as error:
        raise refusals.nonlinear(where, problem, str(error)) from None
    if "P" in data:
        raise refusals.nonlinear(where, problem, "its objective is quadratic")
    return _with_bounds_of_rows(_read(data, problem))


def _read(data: Mapping[str, Any], problem: Any) -> Canonical:
    program = data["param_prob"]
    rows, n, equalities, width = len(data["b"]), program.x.size, int(data["dims"].zero), program.A.shape[1]
    # cvxpy has all on one side, A x + b == 0 and A x + b >= 0, with the columns of (A, b) one below the other
    entries = sparse.coo_array(program.A)
    column, row = np.divmod(entries.row.astype(np.int64), max(rows, 1))
    row = np.where(row < equalities, row + rows - equalities, row - equalities)
    is_side = column == n
    sides = (entries.data[is_side], (row[is_side], entries.col[is_side]))
    place = entries.col.astype(np.int64)
    integer = np.zeros(n, np.bool_)
    integer[[*data["bool_vars_idx"], *data["int_vars_idx"]]] = True
    binary = np.array(data["bool_vars_idx"], np.int64)
    sizes = {variable.id: variable.size for variable in problem.variables()}
    return Canonical(
        names=tuple(name for variable in program.variables for name in _names(variable)),
        columns={
            variable.id: program.var_id_to_col[variable.id] + np.arange(variable.size)
            for variable in program.variables
            if sizes.get(variable.id) == variable.size
        },
        places={p.id: program.param_id_to_col[p.id] + np.arange(p.size) for p in program.parameters},
        objective=sparse.csr_array(program.q * (-1.0 if isinstance(problem.objective, cp.Maximize) else 1.0)),
        matrix=Entries(row[~is_side], column[~is_side], place[~is_side], -entries.data[~is_side]),
        sides=sparse.csr_array(sides, shape=(rows, width)),
        equalities=equalities,
        lower=_bounds(program.lb_tensor, program.lower_bounds, -np.inf, (n, width), (binary, 0.0)),
        upper=_bounds(program.ub_tensor, program.upper_bounds, np.inf, (n, width), (binary, 1.0)),
        integer=integer,
        own=np.concatenate([np.full(variable.size, variable.id in sizes) for variable in program.variables]),
    )


def _with_bounds_of_rows(read: Canonical) -> Canonical:
    """The same problem without rows that are bounds, x <= 2 or x >= 0: networks and assignments are seen without them.

    Rows stay that depend on Parameters, or would be bounds that leave nothing.
    """
    row, column, place, factor = read.matrix
    rows, last = read.sides.shape[0], read.sides.shape[1] - 1
    sides = read.sides.tocoo()
    is_bound = np.bincount(row, minlength=rows) == 1
    is_bound[rows - read.equalities :] = False
    is_bound[row[(place < last) | (np.abs(factor) != 1.0)]] = False
    is_bound[sides.row[sides.col < last]] = False
    if read.bounds_vary or not is_bound.any():
        return read
    lower, upper = (bounds[:, [last]].toarray()[:, 0] for bounds in (read.lower, read.upper))
    chosen = np.flatnonzero(is_bound[row])
    ends = read.sides[:, [last]].toarray()[row[chosen], 0] * factor[chosen]
    above = factor[chosen] > 0
    np.minimum.at(upper, column[chosen[above]], ends[above])
    np.maximum.at(lower, column[chosen[~above]], ends[~above])
    if (lower > upper).any():
        return read
    number = np.cumsum(~is_bound) - 1
    kept = ~is_bound[row]
    width = last + 1
    return replace(
        read,
        matrix=Entries(number[row[kept]], column[kept], place[kept], factor[kept]),
        sides=read.sides[np.flatnonzero(~is_bound)],
        lower=constant(lower, width),
        upper=constant(upper, width),
    )


def constant(values: Floats, width: int) -> Any:
    """What depends on no Parameter, `[n, width]`."""
    rows = np.arange(len(values))
    return sparse.csr_array((values, (rows, np.full(len(values), width - 1))), shape=(len(values), width))


def _bounds(tensor: Any, fixed: Any, none: float, shape: tuple[int, int], binary: tuple[Longs, float]) -> Any:
    """Bounds `[n, P + 1]` of variables; those of 0/1 variables cvxpy leaves to solvers."""
    if tensor is None:
        tensor = constant(np.full(shape[0], none) if fixed is None else np.asarray(fixed, np.float64), shape[1])
    numbers, end = binary
    found = tensor.tolil()
    found[numbers, :] = 0.0
    found[numbers, -1] = end
    return found.tocsr()


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
