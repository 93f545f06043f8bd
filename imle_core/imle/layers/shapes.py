"""Splitting an input's shape into batch dimensions and one objective."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from imle.errors import ObjectiveError
from imle.solvers.protocol import Shape


def check_objective(objective: Any) -> Tensor:
    """Refuse anything but a dense floating-point tensor with data.

    Raises:
        ObjectiveError: what was found, and how to convert it.
    """
    if not isinstance(objective, Tensor):
        raise ObjectiveError(
            f"objective: expected a torch tensor, found {type(objective).__name__}",
            hint="torch.as_tensor(objective, dtype=torch.float32) converts arrays and lists",
        )
    if not objective.is_floating_point():
        raise ObjectiveError(
            f"objective: expected floating-point numbers, found {objective.dtype}",
            hint="objective.float() converts",
        )
    if objective.layout is not torch.strided:
        raise ObjectiveError(
            f"objective: expected a dense tensor, found {objective.layout}", hint="objective.to_dense() converts"
        )
    if objective.is_meta:
        raise ObjectiveError(
            "objective: expected a tensor with data, found one on the meta device, which solvers cannot read",
            hint="model.to_empty(device=...) gives a model on the meta device its data",
        )
    return objective


def split_shape(shape: torch.Size, expected: Shape | None, *, padded: bool = False) -> tuple[torch.Size, torch.Size]:
    """Split `[*batch, *event]`.

    Args:
        shape: shape of the input.
        expected: the prepared solver's `objective_shape`.
        padded: rows have instances of different sizes, so an axis may be wider than expected.

    Returns:
        the batch dimensions (any number, none included) and the event shape.

    Raises:
        ObjectiveError: the trailing dimensions are not what the solver expects, or have no entry.
    """
    if expected is None:
        if len(shape) < 2:
            raise ObjectiveError(
                f"objective: expected [B, ...], found {_show(shape)}",
                hint="add a batch dimension; a function says with shape=(None,) that a vector is one objective, with "
                "shape=() that a number is one",
            )
        expected = (None,) * (len(shape) - 1)
    split = len(shape) - len(expected)
    event = shape[max(split, 0) :]
    fits = split >= 0
    for size, found in zip(expected, event, strict=False):
        fits = fits and (size is None or size == found or (padded and found > size))
    if not fits:
        sizes = ", ".join("any" if size is None else f"{size}{'+' if padded else ''}" for size in expected)
        raise ObjectiveError(
            f"objective: expected shape [*batch, {sizes}], found {_show(shape)}",
            hint="the trailing dimensions are one objective; all others are batch dimensions",
        )
    if any(size is None and found == 0 for size, found in zip(expected, event, strict=True)):
        raise ObjectiveError(
            f"objective: expected at least one entry per row, found {_show(shape)}",
            hint="a batch without rows has size 0 in a batch dimension: these come before those of one objective",
        )
    return shape[:split], event


def row_name(row: int, lead: Sequence[int]) -> str:
    """A flat row number as the user indexes it: "row 3", or "row (1, 0)" with several batch dimensions."""
    if len(lead) == 0:
        return "the only row"
    if len(lead) == 1:
        return f"row {row}"
    position = []
    for size in reversed(lead):
        position.append(row % size)
        row //= size
    return f"row ({', '.join(map(str, reversed(position)))})"


def _show(shape: torch.Size) -> str:
    return f"[{', '.join(map(str, shape))}]"
