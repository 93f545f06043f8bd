"""Shortest paths on grids with costs on their cells, such as terrain maps."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np

from imle.errors import InstanceError, ObjectiveError
from imle.solvers import BasePrepared, BaseSolver, Shape, SolveResult, SolveStatus
from imle.solvers.compiled import Flags, Floats, Longs
from imle_networkx.kernels.grid import grid_paths
from imle_networkx.masks import closed, masks, read_mask
from imle_networkx.negatives import Negative
from imle_networkx.paths import Paths, numbers
from imle_networkx.plugin import GRID

Cell = tuple[int, int]

_FAILURE = SolveStatus.ERROR, "no path of finite cost: costs add up to infinity or are nan"

LANES = 32
"""Rows swept together. Measured: best for all grids whose rows fit."""

MEMORY = 2**23
"""Labels and costs (64 MB of float64) that all lanes may take together; huge grids get fewer lanes."""


@dataclass(frozen=True)
class GridShortestPathSolver(BaseSolver, spec=GRID):
    """The cheapest path between two cells of a grid, as a 0/1 mask of the cells it enters, both ends included.

    Args:
        neighbours: 8, or 4 to forbid diagonal steps.
        negative: what negative costs become: "clip" searches with zero instead and counts it, "raise" refuses them.

    Several shortest paths: one with the fewest cells, the same one every time.

    Raises:
        OptionError: a value that is not listed.
    """

    neighbours: Literal[4, 8] = 8
    negative: Negative = "clip"

    def prepare(self, source: Cell = (0, 0), target: Cell | None = None, allowed: Any = None) -> PreparedGrid:
        """Bind to the ends; the size of the grid comes with the costs, or with the mask.

        Args:
            source: (row, column), counted from zero.
            target: (row, column); None is the cell of the last row and column.
            allowed: `[H, W]` which cells a path may enter, bool or 0/1; None is all, of grids of any size.

        Raises:
            InstanceError: not a pair of integers >= 0, or not a mask.
        """
        ends = _pair("source", source), None if target is None else _pair("target", target)
        return PreparedGrid(self, *ends, None if allowed is None else read_mask(GRID.id, allowed, (None, None)))


@dataclass(frozen=True, eq=False)
class PreparedGrid(BasePrepared):
    """Two cells of grids of any size, or of one with a mask of cells."""

    solver: GridShortestPathSolver
    source: Cell
    target: Cell | None
    allowed: Flags | None
    any_size: ClassVar[bool] = True  # costs are compared, whatever they are

    @property
    def objective_shape(self) -> Shape:
        """`(H, W)` where there is a mask for all rows, else of any size."""
        return (None, None) if self.allowed is None else self.allowed.shape

    def solve(
        self,
        objective: Floats,
        *,
        source: Sequence[Cell] | None = None,
        target: Sequence[Cell | None] | None = None,
        allowed: Sequence[Any] | None = None,
    ) -> SolveResult:
        """Find a shortest path per row.

        Args:
            objective: `[N, H, W]` costs of the cells.
            source, target: `[N]` cells, instead of the fixed ones.
            allowed: `[N, H, W]` masks, instead of the fixed one.

        Returns:
            masks `[N, H, W]`. A row whose target is out of reach through allowed cells is infeasible. Objective values
            are sums of the costs as given, not as clipped.

        Raises:
            InstanceError: an end is not in the grid, or a mask has another size; names the row if it is one of several.
            ObjectiveError: the grid is empty, or negative costs under `negative="raise"`; names the row and cell.
        """
        rows, height, breadth = objective.shape
        if height == 0 or breadth == 0:
            raise ObjectiveError(f"{GRID.id}: expected a grid of at least one cell, found {height} x {breadth}")
        if self.allowed is not None and self.allowed.shape != (height, breadth):
            size = ", ".join(map(str, self.allowed.shape))
            found = f"found {list(objective.shape)}"
            raise ObjectiveError(f"{GRID.id}: expected objectives of shape [N, {size}], as the mask has, {found}")
        number = partial(_number, height, breadth)
        ends = (
            numbers(GRID.id, "source", self.source, source, rows, number),
            numbers(GRID.id, "target", self.target, target, rows, number),
        )
        own = masks(GRID.id, self.allowed, allowed, rows, (height, breadth))
        paths = self._search(closed(objective, own), *ends)

        def failure(row: int) -> tuple[SolveStatus, str]:
            """Tell a target out of reach from costs too large to add: only the latter is in reach at no cost."""
            if own is None:
                return _FAILURE
            free = closed(np.zeros((1, height, breadth)), own[row if len(own) > 1 else 0])
            source, target = (end[row : row + 1] for end in ends)
            if self._search(free, source, target).found[0]:
                return _FAILURE
            cells = " to ".join(str(divmod(int(end[0]), breadth)) for end in (source, target))
            return SolveStatus.INFEASIBLE, f"no path from {cells} through the cells that are allowed"

        result = paths.result(GRID.id, self.solver.negative, failure, lambda item: f"cell {divmod(item, breadth)}")
        return replace(result, solutions=result.solutions.reshape(objective.shape))

    def _search(self, costs: Floats, sources: Longs, targets: Longs) -> Paths:
        """Paths in grids `[N, H, W]`."""
        rows, height, breadth = costs.shape
        paths = Paths.of(costs.reshape(rows, height * breadth))
        width = max(1, min(LANES, MEMORY // (2 * height * breadth)))
        grid_paths(*paths, breadth, self.solver.neighbours == 8, sources, targets, width)
        return paths


def _pair(name: str, cell: Any) -> Cell:
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


def _number(height: int, breadth: int, who: str, name: str, cell: Any) -> int:
    """The number of a cell, row by row; None is the last one.

    Raises:
        InstanceError: not a cell of a grid of this size.
    """
    if cell is None:
        return height * breadth - 1
    row, column = _pair(name, cell)
    if row >= height or column >= breadth:
        raise InstanceError(
            f"{who}: {name}: expected a cell of a grid of {height} rows and {breadth} columns, found ({row}, {column})",
            hint="rows and columns are counted from zero",
        )
    return row * breadth + column
