"""The constraints that bind solutions: what solvers tell of them (`NormalCones`), as tensors of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from imle.errors import ImleError, OptionError, SolverContractError
from imle.layers.boundary import Boundary
from imle.layers.instances import Group
from imle.layers.shapes import row_name
from imle.solvers.normal_cones import NormalCones
from imle.solvers.protocol import normal_cones_of


class Normals(NamedTuple):
    """Vectors that span cones of theta, with nonnegative multipliers; see `imle.solvers.NormalCones`.

    Attributes:
        rows: `[B, r, *event]` float64, of inequalities, and of equations in both directions; zeros stand for none.
        at_lower: `[B, *event]` entries whose negative unit vector is one more.
        at_upper: `[B, *event]` entries whose unit vector is one more.
    """

    rows: Tensor
    at_lower: Tensor
    at_upper: Tensor

    def padded(self, window: tuple[Any, ...], event: Sequence[int]) -> Normals:
        """The same as part of a wider event: nothing is spanned on its padding."""
        found = []
        for values in self:
            lead = values.shape[: 2 if values is self.rows else 1]
            found.append(wide := values.new_zeros(*lead, *event))
            wide[window] = values
        return Normals(*found)


def normals_of_group(boundary: Boundary, group: Group, z: Tensor) -> Normals:
    """Those of `[rows, *event]` solutions of rows that share an instance, without padding.

    Raises:
        OptionError: the solver does not know its constraints.
        ObjectiveError: a solution breaks a constraint; with its row among these.
        SolverContractError: the solver told something else than `NormalCones`.
    """
    find = normal_cones_of(group.prepared)
    if find is None:
        raise OptionError(
            f"{boundary.solver_id}: expected a solver that tells which constraints bind a solution, found one without "
            "normal_cones",
            hint="linear programs of which all variables are learned do, topk, assignments, paths in directed graphs "
            "and closed tours; others may be written as linear programs, such as for highs-lp",
        )
    found = find(boundary.rows(z.unsqueeze(1)), **group.per_sample(1))
    if not isinstance(found, NormalCones):
        raise SolverContractError(
            f"{boundary.solver_id}: normal_cones: expected NormalCones, found {type(found).__name__}"
        )
    inequalities, equations = (_vectors(boundary, found, name, z) for name in ("inequalities", "equations"))
    at_lower, at_upper = (_flags(boundary, found, name, z) for name in ("at_lower", "at_upper"))
    return Normals(torch.cat([inequalities, equations, -equations], dim=1), at_lower, at_upper)


def named(error: ImleError, rows: Sequence[int] | None, first: int, lead: Sequence[int]) -> ImleError:
    """An error about a row of a group, with the row as the user counts it."""
    if error.row is None:
        return error
    row = first + (error.row if rows is None else rows[error.row])
    return type(error)(f"{error.message} ({row_name(row, lead)})", hint=error.hint)


def _vectors(boundary: Boundary, found: NormalCones, name: str, z: Tensor) -> Tensor:
    vectors = _tensor(getattr(found, name)).to(z.device, torch.float64)
    if vectors.ndim != z.ndim + 1 or vectors.shape[0] != z.shape[0] or vectors.shape[2:] != z.shape[1:]:
        expected = ", ".join(map(str, (len(z), "m", *z.shape[1:])))
        raise SolverContractError(
            f"{boundary.solver_id}: normal_cones: {name}: expected [{expected}], found {list(vectors.shape)}"
        )
    return vectors


def _flags(boundary: Boundary, found: NormalCones, name: str, z: Tensor) -> Tensor:
    flags = _tensor(getattr(found, name))
    if flags.shape != z.shape or flags.dtype != torch.bool:
        raise SolverContractError(
            f"{boundary.solver_id}: normal_cones: {name}: expected bool {list(z.shape)}, found {flags.dtype} "
            f"{list(flags.shape)}"
        )
    return flags.to(z.device)


def _tensor(values: Any) -> Tensor:
    return values.detach() if isinstance(values, Tensor) else torch.from_numpy(np.array(values))
