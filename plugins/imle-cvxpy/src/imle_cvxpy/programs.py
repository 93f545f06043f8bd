"""Programs: a canonical problem as the linear programs that values of its Parameters make of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from imle_cvxpy.canonical import Canonical, Entries, Longs, constant
from imle_cvxpy.learned import Learned
from imle_linear import arrays
from imle_linear.arrays import Floats
from imle_linear.program import LinearProgram

_ROUND_OFF = 1e-9
"""Of sums of bounds, relative."""


def separated(read: Canonical, learned: Learned) -> tuple[Canonical, Longs]:
    """The problem with what is learned taken out of its objective, and `[k]` the variable of each learned coefficient.

    Where that is all that one variable costs, it is this variable. Else, as for the coefficient of a sum of variables,
    it is one more, which a row holds to what the coefficient multiplies.
    """
    objective = read.objective.tolil()
    for parameter in learned.parameters:
        objective[:, read.places[parameter.id]] = 0.0
    objective[learned.columns, :] = 0.0
    objective = objective.tocsr()
    objective.eliminate_zeros()
    factors = learned.factors.tocsr()
    factors.eliminate_zeros()
    n = len(read.names)
    terms = np.diff(objective.indptr)[:-1] + np.bincount(factors.indices, minlength=n)
    entries = np.diff(factors.indptr)
    first = factors.indices[np.minimum(factors.indptr[:-1], factors.nnz - 1)] if factors.nnz else np.zeros_like(entries)
    value = factors.sum(axis=1)
    alone = (entries == 1) & (value == 1.0) & (learned.constants == 0.0) & (terms[first] == 1)
    added = np.flatnonzero(~alone)
    numbers = np.where(alone, first, 0)
    numbers[added] = n + np.arange(len(added))
    without = replace(read, objective=objective)
    return (_with_sums(without, learned, added) if len(added) else without), numbers


def _with_sums(read: Canonical, learned: Learned, added: Longs) -> Canonical:
    """The problem with a variable for each of these coefficients, equal to what it multiplies."""
    rows, width = read.sides.shape
    n, count = len(read.names), len(added)
    factors, constants = learned.factors[added].tocoo(), learned.constants[added]
    here = np.arange(count)
    equal = Entries(
        np.concatenate([factors.row, here]) + rows,
        np.concatenate([factors.col, here + n]),
        np.full(factors.nnz + count, width - 1),
        np.concatenate([factors.data, np.full(count, -1.0)]),
    )
    broken = (factors.data != np.rint(factors.data)) | ~read.integer[factors.col]
    whole = np.bincount(factors.row, weights=broken, minlength=count) == 0
    lower, upper = _between(read, factors.tocsr(), constants)
    return replace(
        read,
        names=(*read.names, *(learned.names[k] for k in added)),
        objective=sparse.vstack([read.objective[:-1], sparse.csr_array((count, width)), read.objective[[-1]]]).tocsr(),
        matrix=Entries(*(np.concatenate(pair) for pair in zip(read.matrix, equal, strict=True))),
        sides=sparse.vstack([read.sides, constant(-constants, width)]).tocsr(),
        equalities=read.equalities + count,
        lower=sparse.vstack([read.lower, constant(lower, width)]).tocsr(),
        upper=sparse.vstack([read.upper, constant(upper, width)]).tocsr(),
        integer=np.append(read.integer, whole & (constants == np.rint(constants))),
        own=np.append(read.own, np.zeros(count, np.bool_)),
    )


def _between(read: Canonical, factors: sparse.csr_array, constants: Floats) -> tuple[Floats, Floats]:
    """Between which values sums of variables lie, with room for round-off; engines like what has an end."""
    if read.bounds_vary:
        return np.full(len(constants), -np.inf), np.full(len(constants), np.inf)
    lower, upper = (bounds[:, [-1]].toarray()[:, 0] for bounds in (read.lower, read.upper))
    more, less = factors.maximum(0.0), factors.minimum(0.0)
    least, most = more @ lower + less @ upper + constants, more @ upper + less @ lower + constants
    room = _ROUND_OFF * (1.0 + np.where(np.isfinite(least + most), np.abs(least) + np.abs(most), 0.0))
    return least - room, most + room


def structural(read: Canonical) -> NDArray[np.bool_]:
    """`[P]` which Parameters' entries change more than right sides and bounds."""
    last = read.sides.shape[1] - 1
    found = np.zeros(last + 1, np.bool_)
    found[read.matrix[2]] = True
    found[read.objective.tocoo().col] = True
    return found[:last]


def right_sides(read: Canonical, p: Floats) -> tuple[Floats, Floats]:
    """Those of A_ub and of A_eq for each of `[N, P + 1]` vectors: `[N, rows]`."""
    sides: Floats = np.asarray((read.sides @ p.T).T)
    below = sides.shape[1] - read.equalities
    return sides[:, :below], sides[:, below:]


def bounds(read: Canonical, p: Floats) -> Floats:
    """Those of the variables for each of `[N, P + 1]` vectors: `[N, n, 2]`."""
    return np.stack([(ends @ p.T).T for ends in (read.lower, read.upper)], axis=-1)


def program(where: str, read: Canonical, numbers: Longs, p: Floats) -> LinearProgram:
    """The program of one vector of Parameters.

    Args:
        where: for messages.
        read: the problem, `separated`.
        numbers: `[k]` the learned variables.
        p: `[P + 1]`; nan where rows of a batch will bring right sides or bounds.

    Raises:
        InstanceError: coefficients that no engine can keep, or bounds that leave nothing.
    """
    below, equal = (side[0] for side in right_sides(read, p[None]))
    row, column, place, factor = read.matrix
    shape = (read.sides.shape[0], len(read.names))
    entries = sparse.coo_array((factor * p[place], (row, column)), shape=shape)
    least, most = np.moveaxis(bounds(read, p[None])[0], -1, 0)
    costs = read.objective @ p
    return LinearProgram(
        matrix=arrays.matrix(f"{where}: constraints", entries),
        row_lower=np.concatenate([np.full(len(below), -np.inf), equal]),
        row_upper=np.concatenate([below, equal]),
        lower=np.where(np.isnan(least), -np.inf, least),
        upper=np.where(np.isnan(most), np.inf, most),
        integer=read.integer,
        learned=numbers.astype(np.int32),
        costs=costs[:-1],
        offset=float(costs[-1]),
        b_ub_rows=len(below),
        b_eq_rows=len(equal),
        names=read.names,
    )
