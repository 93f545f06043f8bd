"""Derivatives of solutions, which some solvers know, between torch and the solver."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from imle.errors import OptionError, SolverContractError
from imle.layers.boundary import Boundary
from imle.layers.instances import Group
from imle.solvers.protocol import solution_vjp_of


def vjp_of_group(boundary: Boundary, group: Group, theta: Tensor, z: Tensor, dy: Tensor) -> Tensor:
    """dy times the derivative of solutions z in theta, of rows that share an instance: all `[rows, S, *event]`.

    Raises:
        OptionError: the solver tells no derivative for this instance.
        SolverContractError: it is not `[N, *shape]`, or not finite.
    """
    vjp = solution_vjp_of(group.prepared)
    if vjp is None:
        raise OptionError(
            f"{boundary.solver_id}: expected an instance whose solutions have a derivative, found one whose solutions "
            "jump from corner to corner",
            hint='estimator="imle" or "perturbed" works with any',
        )
    if not theta.numel():
        return torch.zeros_like(z)
    sign = -1.0 if boundary.sense == "min" else 1.0
    found = vjp(
        boundary.rows(sign * theta),
        boundary.rows(sign * dy),  # solutions move with the solver's objective, which is sign * theta
        solutions=boundary.rows(z),
        **group.per_sample(theta.shape[1]),
    )
    told = found if isinstance(found, Tensor) else torch.from_numpy(np.asarray(found, np.float64))
    expected = [theta.shape[:2].numel(), *theta.shape[2:]]
    if list(told.shape) != expected or not bool(told.isfinite().all()):
        raise SolverContractError(
            f"{boundary.solver_id}: solution_vjp: expected finite numbers {expected}, found {list(told.shape)}",
            hint="0 in rows that have no solution",
        )
    return told.to(z).reshape(z.shape)
