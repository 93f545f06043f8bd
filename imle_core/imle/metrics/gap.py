"""How far a value is from the best one."""

from __future__ import annotations

import torch
from torch import Tensor

from imle.errors import ObjectiveError
from imle.metrics.checks import sign_of
from imle.solvers.protocol import Sense


def optimality_gap(value: Tensor, best: Tensor, *, sense: Sense, relative: bool = True) -> Tensor:
    """How much worse a value is than the best one, relative to the size of the best.

    Args:
        value: `[*]` objective values reached.
        best: optimal values or bounds, broadcastable against it.
        sense: "max" or "min"; `layer.solver.sense`.
        relative: divide by abs(best); 0 / 0 counts as 0.

    Returns:
        `[*]`; negative where value beats best.

    Raises:
        ObjectiveError: not tensors, or shapes do not fit together.
        OptionError: an option is not valid.

    Example::

        >>> optimality_gap(torch.tensor([12.0, 10.0]), torch.tensor(10.0), sense="min")
        tensor([0.2000, 0.0000])
    """
    sign = sign_of(sense)
    if not isinstance(value, Tensor) or not isinstance(best, Tensor):
        raise ObjectiveError(
            f"value, best: expected torch tensors, found {type(value).__name__} and {type(best).__name__}"
        )
    try:
        value, best = torch.broadcast_tensors(value, best)  # type: ignore[no-untyped-call]  # torch's own
    except RuntimeError:
        raise ObjectiveError(
            f"best: expected a shape that fits {list(value.shape)}, found {list(best.shape)}"
        ) from None
    gap = sign * (best - value)
    return torch.where(gap == 0, torch.zeros_like(gap), gap / best.abs()) if relative else gap
