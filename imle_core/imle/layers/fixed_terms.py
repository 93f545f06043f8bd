"""Terms that no objective gives: what they add to solutions, which losses and metrics count.

A solver optimises <theta, z> + h(z). Of what it has just solved, h is what a row's value has besides <theta, z>; of
solutions that a user gives, the solver is asked (`PreparedSolver.fixed_terms`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imle.errors import SolverContractError
from imle.layers.boundary import Boundary, Objective, failed_rows
from imle.layers.instances import Group
from imle.solvers.protocol import fixed_terms_of
from imle.solvers.result import SolveResult
from imle.solvers.rows import to_numpy

_ROUNDING = 1e-9
"""How far a value may be from a sum of products, relative to their sizes, and still be that sum."""
_EXACT = 1e-15
"""How far it is from one that was taken as exactly as float64 allows, likewise, for each product."""


def terms_of_group(boundary: Boundary, group: Group, z: Tensor) -> Tensor:
    """h of `[rows, S, *event]` solutions of rows that share an instance: `[rows, S]` float64, as a maximisation."""
    terms = fixed_terms_of(group.prepared)
    if terms is None:
        return z.new_zeros(z.shape[:2], dtype=torch.float64)
    found = np.asarray(terms(boundary.rows(z), **group.per_sample(z.shape[1])), np.float64)
    count = z.shape[:2].numel()
    if found.shape != (count,):
        raise SolverContractError(
            f"{boundary.solver_id}: fixed_terms: expected one number per solution, {count} in all, "
            f"found shape {list(found.shape)}"
        )
    return _as_maximisation(boundary, found, z)


def terms_of_result(boundary: Boundary, objective: Objective, result: SolveResult, like: Tensor) -> Tensor | None:
    """h of what has just been solved, `[rows, S]` float64; None if values do not tell it for every row.

    They do not where it is so much smaller than <theta, z> that it may be what the solver's values are off by.
    """
    found = _beyond_products(objective, result)
    if found is None or failed_rows(result) or not np.isfinite(found.rest).all():
        return None
    amount = np.abs(found.rest)
    exact = amount <= _EXACT * found.products * found.size
    if (~exact & (amount <= _ROUNDING * found.size)).any():
        return None
    return _as_maximisation(boundary, np.where(exact, 0.0, found.rest), like)


def refuse_other_values(boundary: Boundary, objective: Objective, result: SolveResult) -> None:
    """Values that differ from <objective, z> come from terms that the solver has not told of.

    Raises:
        SolverContractError: there are such terms.
    """
    found = _beyond_products(objective, result)
    if found is None:
        return
    rest = np.nan_to_num(found.rest)
    if (bad := np.flatnonzero(np.abs(rest) > _ROUNDING * found.size)).size:
        raise SolverContractError(
            f"{boundary.solver_id}: expected values that are <objective, solution>, found one that differs "
            f"by {rest[bad[0]]:g}",
            hint="a solver with terms of its own has fixed_terms() and homogeneous=False: see "
            "imle.solvers.PreparedSolver",
        )


def _as_maximisation(boundary: Boundary, found: NDArray[np.float64], like: Tensor) -> Tensor:
    signed = -found if boundary.sense == "min" else found
    return torch.from_numpy(signed).to(like.device).reshape(like.shape[:2])


class _Rest(NamedTuple):
    """What is in values besides <objective, z>.

    Attributes:
        rest: `[N]`.
        size: `[N]` of what it is a difference of.
        products: how many are summed in a row.
    """

    rest: NDArray[np.float64]
    size: NDArray[np.float64]
    products: int


def _beyond_products(objective: Objective, result: SolveResult) -> _Rest | None:
    """What is in each row's value besides <objective, z>; None if values are not known."""
    if result.values is None:
        return None
    rows = to_numpy(objective.rows).reshape(len(result.values), -1).astype(np.float64)
    if objective.shifts is not None:
        rows = np.ldexp(rows, -objective.shifts[:, None])
    terms = rows * to_numpy(result.solutions).reshape(rows.shape).astype(np.float64)
    values = np.asarray(result.values, np.float64)
    return _Rest(values - terms.sum(axis=1), np.abs(terms).sum(axis=1) + np.abs(values), terms.shape[1])
