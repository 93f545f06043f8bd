"""Masks of what paths may use: the same for all rows, or one per row. What is not allowed costs infinity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from imle.errors import InstanceError
from imle.solvers.compiled import Flags, Floats

Size = tuple[int | None, ...]


HINT = "True where a path may go"


def read_mask(
    who: str, given: Any, size: Size, row: int | None = None, *, name: str = "allowed", hint: str = HINT
) -> Flags:
    """A mask of bool or 0/1.

    Args:
        who: the solver, for messages.
        given: what the user gave.
        size: its shape; None is any number.
        row: of the batch that it is for, if it is for one.
        name: the parameter, for messages.
        hint: what True means.

    Raises:
        InstanceError: another shape, or other entries.
    """
    found = _mask(given, size)
    if found is not None:
        return found
    sizes = ", ".join("any" if number is None else str(number) for number in size)
    shape = getattr(given, "shape", None)
    kind = type(given).__name__ + ("" if shape is None else f" of shape {list(shape)}")
    raise InstanceError(
        f"{who}: {name}: expected a mask of shape [{sizes}], of bool or 0/1, found {kind}", hint=hint, row=row
    )


def masks(
    who: str,
    fixed: Flags | None,
    given: Sequence[Any] | None,
    rows: int,
    shape: tuple[int, ...],
    *,
    name: str = "allowed",
    hint: str = HINT,
) -> Flags | None:
    """What each row may use: `[N, *shape]`, `[1, *shape]` if that is the same for all, None if it is everything.

    Args:
        who: the solver, for messages.
        fixed: `[*shape]` the mask that holds for all rows.
        given: one mask per row instead; None among them allows everything.
        rows: N.
        shape: of a mask.
        name, hint: for messages, see `read_mask`.

    Raises:
        InstanceError: the wrong number of masks, or one that is none (names the row).
    """
    if given is None:
        return None if fixed is None else fixed[None]
    if len(given) != rows:
        raise InstanceError(f"{who}: {name}: expected one mask per row, {rows} in all, found {len(given)}")
    found = _mask(given, (rows, *shape))
    if found is not None:
        return found
    every = [
        np.ones(shape, np.bool_) if own is None else read_mask(who, own, shape, n, name=name, hint=hint)
        for n, own in enumerate(given)
    ]
    return np.array(every)


def closed(costs: Floats, allowed: Flags | None) -> Floats:
    """Costs as searches see them: no path takes what costs infinity."""
    return costs if allowed is None else np.where(allowed, costs, np.inf)


def _mask(allowed: Any, size: Size) -> Flags | None:
    """What is given as a mask; None if it is none, or not of this size."""
    try:
        found = np.asarray(allowed)
    except (TypeError, ValueError, RuntimeError):  # rows of different lengths, or a tensor on another device
        return None
    fits = len(found.shape) == len(size) and all(b in (None, a) for a, b in zip(found.shape, size, strict=True))
    if not fits or found.dtype.kind not in "biuf" or not ((found == 0) | (found == 1)).all():
        return None
    return found.astype(np.bool_, copy=False)
