"""Reading what instances consist of: names, masks, and the lengths of rows."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle.solvers.compiled import Floats, Longs


def whole(who: str, name: str, given: Any, least: int = 1) -> int:
    """A number of things.

    Args:
        who: the solver, for messages.
        name: of the parameter.
        given: what the user gave.
        least: the smallest number allowed.

    Raises:
        InstanceError: no int, or a smaller one.
    """
    if isinstance(given, (bool, np.bool_)) or not isinstance(given, (int, np.integer)) or given < least:
        raise InstanceError(f"{who}: {name}: expected an int >= {least}, found {given!r}")
    return int(given)


def names(who: str, name: str, given: Any) -> tuple[Hashable, ...]:
    """Names of things; a number stands for 0, 1, ...

    Args:
        who: the solver, for messages.
        name: of the parameter.
        given: what the user gave.

    Raises:
        InstanceError: neither, none at all, or the same name twice.
    """
    expected = f"{who}: {name}: expected an int >= 1, or names that differ"
    if isinstance(given, str) or not isinstance(given, Sequence):
        if isinstance(given, (int, np.integer)) and not isinstance(given, (bool, np.bool_)) and given >= 1:
            return tuple(range(int(given)))
        raise InstanceError(f"{expected}, found {given!r}", hint="a list of names, such as ['noun', 'verb']")
    found = tuple(given)
    try:
        twice = [one for place, one in enumerate(found) if one in found[:place]]
        hash(found)
    except TypeError as error:
        raise InstanceError(f"{expected}, found names that cannot be looked up: {error}") from None
    if twice or not found:
        raise InstanceError(f"{expected}, found {f'{twice[0]!r} twice' if twice else 'none'}")
    return found


def barred(who: str, name: str, allowed: Any, shape: tuple[int, ...]) -> Floats:
    """What a mask adds to scores: 0 where it allows something, -inf elsewhere.

    Args:
        who: the solver, for messages.
        name: of the parameter.
        allowed: the mask as the user gave it, of bool or 0/1; None for all.
        shape: that it has to have.

    Raises:
        InstanceError: another shape, or other entries.
    """
    if allowed is None:
        return np.zeros(shape)
    try:
        found = np.asarray(allowed)
        fits = found.shape == shape and found.dtype.kind in "biuf" and bool(((found == 0) | (found == 1)).all())
    except (TypeError, ValueError, RuntimeError):  # ragged, or a tensor on another device
        fits = False
    if not fits:
        given = getattr(allowed, "shape", None)
        kind = type(allowed).__name__ + ("" if given is None else f" of shape {list(given)}")
        raise InstanceError(
            f"{who}: {name}: expected a mask of shape {list(shape)}, of bool or 0/1, found {kind}",
            hint="True where something may be used",
        )
    return np.where(found == 1, 0.0, -np.inf)


def length(who: str, given: Any, most: tuple[int, ...], least: int, row: int | None = None) -> Longs:
    """How much of the room for an objective is used.

    Args:
        who: the solver, for messages.
        given: an int, a pair where two sequences are to be read; None for all there is.
        most: the largest of each.
        least: the smallest of each.
        row: of the batch that it is for, if it is for one.

    Returns:
        `[len(most)]`.

    Raises:
        InstanceError: something else, or out of range; names the row.
    """
    if given is None:
        return np.array(most)
    found = _numbers(given)
    if found is None or found.size != len(most) or found.ndim > 1 or not _inside(found.reshape(-1), most, least):
        ends = [f"{least} to {end}" for end in most]
        expected = f"an int from {ends[0]}" if len(ends) == 1 else f"a pair of ints, from {' and from '.join(ends)}"
        told = given.tolist() if isinstance(given, (np.ndarray, np.generic)) else given
        raise InstanceError(
            f"{who}: lengths: expected {expected}, found {told!r}",
            hint="what is longer needs a layer with more room; what is shorter is padded, with any numbers",
            row=row,
        )
    return found.reshape(-1)


def lengths(who: str, given: Sequence[Any], most: tuple[int, ...], least: int, rows: int) -> Longs:
    """`[N, len(most)]` one length per row; see `length`.

    Raises:
        InstanceError: as many as rows are expected, or one is out of range; names the row.
    """
    if len(given) != rows:
        raise InstanceError(f"{who}: lengths: expected one per row, {rows} in all, found {len(given)}")
    found = _numbers(given)
    if found is not None and found.size == rows * len(most) and _inside(found.reshape(rows, len(most)), most, least):
        return found.reshape(rows, len(most))
    every = [length(who, own, most, least, row) for row, own in enumerate(given)]
    return np.array(every, np.int64).reshape(rows, len(most))


def _numbers(given: Any) -> Longs | None:
    """Whole numbers as an array; None if they are none."""
    try:
        found: NDArray[Any] = np.asarray(given)
    except (TypeError, ValueError, RuntimeError):
        return None
    return found.astype(np.int64) if found.dtype.kind in "iu" else None


def _inside(found: Longs, most: tuple[int, ...], least: int) -> bool:
    return bool((found >= least).all() and (found <= np.array(most)).all())
