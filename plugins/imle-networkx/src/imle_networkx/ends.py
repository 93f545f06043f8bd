"""Sources and targets: one for all rows, given with the instance, or one per row, given when solving."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError


def numbers(
    solver_id: str,
    name: str,
    fixed: Any,
    given: Sequence[Any] | None,
    rows: int,
    number: Callable[[str, Any], int],
) -> NDArray[np.int64]:
    """The number of the end of each row, `[N]`.

    Args:
        solver_id, name: of the solver and the parameter, for messages.
        fixed: the end that holds for all rows.
        given: one end per row instead.
        rows: N.
        number: turns an end into its number, or raises InstanceError.

    Raises:
        InstanceError: the wrong number of ends was given, or one is not valid (its row is in `row`).
    """
    if given is None:
        return np.full(rows, number(name, fixed), np.int64)
    if len(given) != rows:
        raise InstanceError(f"{solver_id}: {name}: expected one per row, {rows} in all, found {len(given)}")
    found = np.empty(rows, np.int64)
    for row, end in enumerate(given):
        if row and end is given[row - 1]:  # the samples of a row repeat its ends
            found[row] = found[row - 1]
            continue
        try:
            found[row] = number(name, end)
        except InstanceError as error:
            raise InstanceError(error.message, hint=error.hint, row=row) from None
    return found
