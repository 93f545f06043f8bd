"""What recognised structures have in common."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imle.solvers import SolveStatus
from imle_linear.arrays import Floats
from imle_linear.engines import Outcome
from imle_linear.program import Rows

Ints = NDArray[np.int64]

_LARGEST = 2.0**40
INFEASIBLE = Outcome(SolveStatus.INFEASIBLE, message="no point satisfies all constraints and bounds", exact=True)


class ProgramStructure(Protocol):
    """A program that a kernel can solve.

    Attributes:
        name: what its rows are called, in the plural.
    """

    name: str

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome | None:
        """Minimise `costs` `[n]`; what is not proven after some work is left to others. None for rows without it."""


def is_whole(values: Floats) -> bool:
    """Whether all finite entries are whole numbers of which floats hold sums exactly."""
    if not (values == np.rint(values)).all():
        return False
    size = np.abs(values)
    return bool(((size < _LARGEST) | (size == np.inf)).all())


def two_sides(rows: int, first: Ints, second: Ints, differ: NDArray[np.bool_]) -> tuple[NDArray[np.int8], int] | None:
    """Side 0 or 1 of each row, so that each pair of rows is on different sides, or on the same; None if that fails.

    Args:
        rows: how many.
        first, second: `[pairs]` rows.
        differ: `[pairs]` whether the two must be on different sides.

    Returns:
        the sides, the first row of each connected part being on side 0, and the number of such parts.
    """
    neighbours: list[list[tuple[int, bool]]] = [[] for _ in range(rows)]
    for one, other, apart in zip(first.tolist(), second.tolist(), differ.tolist(), strict=True):
        neighbours[one].append((other, apart))
        neighbours[other].append((one, apart))
    side, parts = [-1] * rows, 0
    for start in range(rows):
        if side[start] >= 0:
            continue
        side[start], todo = 0, [start]
        parts += 1
        while todo:
            row = todo.pop()
            for other, apart in neighbours[row]:
                if side[other] < 0:
                    side[other] = side[row] ^ apart
                    todo.append(other)
    found = np.array(side, np.int8)
    return (found, parts) if ((found[first] != found[second]) == differ).all() else None
