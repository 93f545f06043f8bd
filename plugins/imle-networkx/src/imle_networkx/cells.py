"""Cells of a grid: how users name them, and their numbers, row by row."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

from imle.errors import InstanceError
from imle_networkx.plugin import GRID

Cell = tuple[int, int]


class Cells(NamedTuple):
    """The cells of a grid of a given size."""

    height: int
    breadth: int

    def number(self, name: str, cell: Any) -> int:
        """The number of a cell; None is the last one.

        Raises:
            InstanceError: not a cell of this grid.
        """
        if cell is None:
            return self.height * self.breadth - 1
        row, column = pair(name, cell)
        if row >= self.height or column >= self.breadth:
            raise InstanceError(
                f"{GRID.id}: {name}: expected a cell of a grid of {self.height} rows and {self.breadth} columns, "
                f"found ({row}, {column})",
                hint="rows and columns are counted from zero",
            )
        return row * self.breadth + column

    def place(self, number: int) -> str:
        """How users call a cell."""
        row, column = divmod(number, self.breadth)
        return f"cell ({row}, {column})"


def pair(name: str, cell: Any) -> Cell:
    """Check (row, column).

    Raises:
        InstanceError: not a pair of integers >= 0.
    """
    try:
        row, column = map(operator.index, cell)
    except (TypeError, ValueError):
        row = column = -1
    if row < 0 or column < 0:
        raise InstanceError(f"{GRID.id}: {name}: expected (row, column), integers >= 0, found {cell!r}")
    return row, column
