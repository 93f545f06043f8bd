"""What all metrics check, and how they read shapes."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from imle.errors import ObjectiveError, OptionError
from imle.solvers.protocol import Sense


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
    shape: torch.Size | None = None
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise ObjectiveError(f"{name}: expected a torch tensor, found {type(tensor).__name__}")
        if shape is not None and tensor.shape != shape:
            raise ObjectiveError(
                f"{name}: expected shape {list(shape)}, that of {next(iter(tensors))}, found {list(tensor.shape)}"
            )
        shape = tensor.shape
    assert shape is not None
    if isinstance(event_ndim, bool) or not isinstance(event_ndim, int) or not 1 <= event_ndim <= len(shape):
        raise OptionError(f"event_ndim: expected an int between 1 and {len(shape)}, found {event_ndim!r}")
    lead, event = shape[: len(shape) - event_ndim], shape[len(shape) - event_ndim :]
    wide = torch.float32
    for tensor in tensors.values():
        wide = torch.promote_types(wide, tensor.dtype)
    return [tensor.to(wide).reshape(*lead, math.prod(event)) for tensor in tensors.values()]
