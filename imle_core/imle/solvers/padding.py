"""Which entries of padded objectives are a row's own, as `row_shapes` of a prepared solver tells it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imle.errors import SolverContractError

Flags = NDArray[np.bool_]
Sizes = tuple[int, ...]


def own_entries(who: str, told: Any, shapes: Sizes | Mapping[str, Sizes], rows: int) -> Flags:
    """The entries that are none of the padding.

    Args:
        who: the solver, for messages.
        told: what `row_shapes` gave, which was not None.
        shapes: of one padded objective, or of its blocks in their order.
        rows: N.

    Returns:
        `[N, *shape]`, or `[1, *shape]` if they are the same in all rows; `[..., m]` where there are blocks.

    Raises:
        SolverContractError: `told` does not fit.
    """
    if not isinstance(shapes, Mapping):
        return _corners(f"{who}: row_shapes", told, shapes, rows)
    if not isinstance(told, Mapping) or not set(told) <= set(shapes):
        found = f"sizes of {', '.join(map(str, told))}" if isinstance(told, Mapping) else type(told).__name__
        raise SolverContractError(f"{who}: row_shapes: expected sizes of blocks {', '.join(shapes)}, found {found}")
    parts = [
        _corners(f"{who}: row_shapes: {name}", told.get(name, [shape]), shape, rows) for name, shape in shapes.items()
    ]
    flat = [part.reshape(len(part), math.prod(shape)) for part, shape in zip(parts, shapes.values(), strict=True)]
    (lines,) = np.broadcast_shapes(*((len(part),) for part in flat))
    return np.concatenate([np.broadcast_to(part, (lines, part.shape[1])) for part in flat], axis=1)


def _corners(where: str, told: ArrayLike, shape: Sizes, rows: int) -> Flags:
    """`[N, *shape]` or `[1, *shape]` the first entries of each dimension, as many as are told."""
    sizes = np.asarray(told)
    if sizes.shape not in ((1, len(shape)), (rows, len(shape))):
        raise SolverContractError(
            f"{where}: expected sizes [{rows}, {len(shape)}], found shape {list(sizes.shape)}",
            hint="how many entries of each dimension are a row's own, for each row or once for all",
        )
    own = np.ones((len(sizes), *shape), np.bool_)
    for axis, size in enumerate(shape):
        inside = np.arange(size) < sizes[:, axis, None]
        own &= inside.reshape(-1, *[1] * axis, size, *[1] * (len(shape) - axis - 1))
    return own
