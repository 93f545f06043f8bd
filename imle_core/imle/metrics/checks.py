"""What all metrics check, and how they read shapes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from imle._copies import check_layer
from imle.errors import ObjectiveError, OptionError
from imle.layers.module import Batch, SolverLayer
from imle.losses.base import check_shape, feasible, plain
from imle.solvers.protocol import Sense


@dataclass(frozen=True)
class Reading:
    """How objectives and solutions are read.

    Attributes:
        sign: 1 for "max", -1 for "min".
        event_ndim: how many trailing dimensions make up one solution.
        layer: if there is one: it knows of fixed terms.
        batch: the objectives as the layer reads them.
    """

    sign: float
    event_ndim: int
    layer: SolverLayer | None = None
    batch: Batch | None = None

    def inside(self, values: Tensor) -> Tensor:
        """`[*batch, n]` values, one for each row of the batch, with zeros on the padding."""
        if self.batch is None:
            return values
        return self.batch.solve.inside(values.reshape(self.batch.theta.shape)).reshape(values.shape)

    def own(self, solutions: Tensor) -> Tensor:
        """Solutions `[*batch, *event]` as the layer's solver returns them."""
        if self.layer is None or self.batch is None:
            return solutions
        flat = solutions.reshape(-1, *self.batch.theta.shape[1:])
        return self.layer.as_solved(flat, self.batch.solve).reshape(solutions.shape)

    def own_of_all(self, solutions: Tensor) -> Tensor:
        """The same for `[M, *event]` solutions, if all rows have one instance."""
        return self.own(solutions) if self.batch is None or self.batch.solve.groups[0].rows is None else solutions

    def fixed_terms(self, name: str, solutions: Tensor) -> Tensor | float:
        """The fixed terms of `[*batch, *event]` solutions, as a maximisation: `[*batch]`.

        Raises:
            ObjectiveError: a solution is not feasible.
        """
        if self.batch is None:
            return 0.0
        solve = self.batch.solve
        found = solve.fixed_terms(self.inside(solutions).reshape(self.batch.theta.shape).unsqueeze(1))
        return 0.0 if found is None else feasible(name, found.squeeze(1), self.batch).reshape(solve.lead)

    def fixed_terms_of_all(self, name: str, solutions: Tensor) -> Tensor | float:
        """The same for `[M, *event]` solutions, in the instance of each row: `[*batch, M]`."""
        if self.batch is None or not len(self.batch.theta):
            return 0.0
        solve = self.batch.solve
        if solve.groups[0].rows is None and not solve.groups[0].values:  # all rows have one instance
            found = solve.fixed_terms_in_row(0, solutions)
            return 0.0 if found is None else feasible(name, found.unsqueeze(0), self.batch).squeeze(0)
        rows = [solve.fixed_terms_in_row(row, solutions) for row in range(len(self.batch.theta))]
        known = [row for row in rows if row is not None]
        return 0.0 if not known else feasible(name, torch.stack(known), self.batch).reshape(*solve.lead, -1)


def reading(
    true_objective: Any,
    sense: Sense | None,
    event_ndim: int | None,
    layer: SolverLayer | None,
    rows: Mapping[str, Sequence[Any]],
) -> Reading:
    """Read what metrics are given of a solver: its layer, or its sense.

    Raises:
        OptionError: both or neither are given, or something besides that a layer alone takes.
        ObjectiveError: the layer does not take such an objective.
    """
    if layer is None:
        if sense is None:
            raise OptionError(
                "sense: expected 'max' (scores) or 'min' (costs), or layer=, found neither",
                hint="layer= also knows of costs that no objective gives, such as those of variables that are not "
                "learned",
            )
        if rows:
            raise OptionError(f"{next(iter(rows))}: expected it beside layer= only, found it without")
        return Reading(sign_of(sense), 1 if event_ndim is None else event_ndim)
    check_layer("layer", layer)
    if sense is not None or event_ndim is not None:
        name = "event_ndim" if sense is None else "sense"
        raise OptionError(f"{name}: expected it without layer=, which knows, found both")
    batch = plain(layer, true_objective, rows)
    return Reading(sign_of(layer.solver.sense), batch.theta.ndim - 1, layer, batch)


def sign_of(sense: Sense) -> float:
    """1 for "max", -1 for "min".

    Raises:
        OptionError: neither.
    """
    if sense not in ("max", "min"):
        raise OptionError(
            f"sense: expected 'max' (scores) or 'min' (costs), found {sense!r}", hint="layer.solver.sense"
        )
    return 1.0 if sense == "max" else -1.0


def rows_of(event_ndim: int, **tensors: Any) -> list[Tensor]:
    """Tensors `[*batch, *event]` as `[*batch, n]` in a common dtype, float32 or wider.

    Args:
        event_ndim: the number of trailing dimensions that make up one solution.
        tensors: by name, all of one shape.

    Raises:
        ObjectiveError: not tensors, or shapes differ.
        OptionError: event_ndim does not fit.
    """
    first = next(iter(tensors))
    if not isinstance(tensors[first], Tensor):
        raise ObjectiveError(f"{first}: expected a torch tensor, found {type(tensors[first]).__name__}")
    shape = tensors[first].shape
    for name, tensor in tensors.items():
        check_shape(name, tensor, shape, first)
    if isinstance(event_ndim, bool) or not isinstance(event_ndim, int) or not 1 <= event_ndim <= len(shape):
        raise OptionError(f"event_ndim: expected an int between 1 and {len(shape)}, found {event_ndim!r}")
    lead, event = shape[: len(shape) - event_ndim], shape[len(shape) - event_ndim :]
    wide = torch.float32
    for tensor in tensors.values():
        wide = torch.promote_types(wide, tensor.dtype)
    return [tensor.to(wide).reshape(*lead, math.prod(event)) for tensor in tensors.values()]
