"""Along which dimensions of an objective entries are chosen."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor

from imle.errors import ObjectiveError, OptionError
from imle.solvers import Shape


def read_dims(who: str, dim: Any) -> tuple[int, ...]:
    """The dimensions in order.

    Args:
        who: the solver, for messages.
        dim: an int or several, from -1 down (counted from the end), or from 1 up (0 is the batch).

    Raises:
        OptionError: not such dimensions.
    """
    dims = (dim,) if isinstance(dim, int) else dim
    whole = isinstance(dims, (tuple, list)) and all(isinstance(d, int) and not isinstance(d, bool) for d in dims)
    if not (whole and dims and len(set(dims)) == len(dims) and (max(dims) < 0 or min(dims) > 0)):
        raise OptionError(
            f"{who}: dim: expected a dimension such as -2, or several such as (-2, -1), found {dim!r}",
            hint="-1 is the last one; 1 is the first after the batch, 0 the batch itself",
        )
    return tuple(sorted(dims))


def shape_of(dims: tuple[int, ...]) -> Shape | None:
    """Of one objective: as many dimensions as those counted from the end reach, or all but the batch."""
    return None if dims[0] > 0 else (None,) * -dims[0]


def split(who: str, objective: Tensor, dims: tuple[int, ...]) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Bring all that is chosen from together into lines.

    Args:
        who: the solver, for messages.
        objective: `[N, *event]`.
        dims: from `read_dims`.

    Returns:
        `[N, lines, n]`, n being the entries along dims; and a function that brings the same back to `[N, *event]`.

    Raises:
        ObjectiveError: it has no such dimension.
    """
    if dims[-1] >= objective.ndim:
        raise ObjectiveError(
            f"{who}: dim={dims[-1]}: expected objectives of at least {dims[-1] + 1} dimensions, the batch included, "
            f"found {objective.ndim}"
        )
    last = tuple(range(-len(dims), 0))
    moved = objective.movedim(dims, last)
    n = math.prod(moved.shape[-len(dims) :])
    lines = moved.reshape(len(moved), math.prod(moved.shape[1 : -len(dims)]), n)
    return lines, lambda found: found.reshape(moved.shape).movedim(last, dims)
