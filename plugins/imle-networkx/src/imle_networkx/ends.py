"""Sources and targets: one for all rows, given with the instance, or one per row, given when solving."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from imle.errors import InstanceError
from imle_networkx.kernels.compiling import Longs


def numbers(
    who: str, name: str, fixed: Any, given: Sequence[Any] | None, rows: int, number: Callable[[str, str, Any], int]
) -> Longs:
    """The number of the end of each row, `[N]`.

    Args:
        who, name: the solver and the parameter, for messages.
        fixed: the end that holds for all rows.
        given: one end per row instead.
        rows: N.
        number: turns an end into its number, or raises InstanceError.

    Raises:
        InstanceError: the wrong number of ends was given, or one is not valid (its row is in `row`).
    """
    if given is None:
        return np.full(rows, number(who, name, fixed), np.int64)
    if len(given) != rows:
        raise InstanceError(f"{who}: {name}: expected one per row, {rows} in all, found {len(given)}")
    found = np.empty(rows, np.int64)
    for row, end in enumerate(given):
        if row and end is given[row - 1]:  # the samples of a row repeat its ends
            found[row] = found[row - 1]
            continue
        try:
            found[row] = number(who, name, end)
        except InstanceError as error:
            raise InstanceError(error.message, hint=error.hint, row=row) from None
    return found
