"""Reading the arrays of an instance, with errors that say what is wrong with them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError


def numbers(solver_id: str, name: str, given: Any) -> NDArray[np.float64]:
    """A float64 array of finite numbers.

    Raises:
        InstanceError: not an array of numbers, or one that holds nan or infinity.
    """
    try:
        array = np.asarray(given)
        if array.dtype.kind not in "biuf":
            raise TypeError
        values = array.astype(np.float64)
    except (TypeError, ValueError, RuntimeError):
        raise InstanceError(
            f"{solver_id}: {name}: expected an array of numbers, found {type(given).__name__}",
            hint="lists of equal length, numpy arrays and CPU tensors will do",
        ) from None
    if not np.isfinite(values).all():
        place = [int(i) for i in np.argwhere(~np.isfinite(values))[0]]
        raise InstanceError(
            f"{solver_id}: {name}: expected finite numbers, found {values[tuple(place)]} at {place}",
            hint="where there is no limit, give a number that cannot be reached",
        )
    return values


def integers(solver_id: str, name: str, given: Any, hint: str) -> NDArray[np.int64]:
    """A one-dimensional int64 array.

    Raises:
        InstanceError: another shape, or an entry that is not a whole number below 2**53.
    """
    values = numbers(solver_id, name, given)
    if values.ndim != 1:
        raise InstanceError(f"{solver_id}: {name}: expected one dimension, found shape {list(values.shape)}")
    bad = (values != np.rint(values)) | (np.abs(values) >= 2.0**53)
    if bad.any():
        place = int(np.argmax(bad))
        raise InstanceError(
            f"{solver_id}: {name}: expected whole numbers below 2**53, found {values[place]:g} at [{place}]", hint=hint
        )
    return values.astype(np.int64)


def refuse_negative(solver_id: str, name: str, values: NDArray[Any], hint: str) -> None:
    """Raise if an entry is negative.

    Raises:
        InstanceError: names the first one.
    """
    if (values < 0).any():
        place = [int(i) for i in np.argwhere(values < 0)[0]]
        where = f" at {place}" if place else ""
        raise InstanceError(
            f"{solver_id}: {name}: expected numbers >= 0, found {values[tuple(place)]:g}{where}", hint=hint
        )
