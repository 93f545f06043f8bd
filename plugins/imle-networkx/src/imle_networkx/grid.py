"""Shortest paths on grids with costs on their cells, such as terrain maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from imle.errors import ObjectiveError
from imle.plugins.parameters import check_value
from imle.solvers import ArrayKind, Sense, Shape, SolveResult, SolveStatus
from imle_networkx.cells import Cell, Cells, pair
from imle_networkx.ends import numbers
from imle_networkx.kernels.grid import grid_paths
from imle_networkx.outcome import Negative, Outcome
from imle_networkx.plugin import GRID

LANES = 32
"""Rows swept together. Measured: best for all grids whose rows fit."""

MEMORY = 2**23
"""Labels and costs (64 MB of float64) that all lanes may take together; huge grids get fewer lanes."""


@dataclass(frozen=True)
class GridShortestPathSolver:
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

    sense: ClassVar[Sense] = "min"
    array: ClassVar[ArrayKind] = "numpy"

    def __post_init__(self) -> None:
        for option in GRID.options:
            check_value(GRID.id, option, getattr(self, option.name))

    def prepare(self, source: Cell = (0, 0), target: Cell | None = None) -> PreparedGrid:
        """Bind to the ends; the size of the grid comes with the costs.

        Args:
            source: (row, column), counted from zero.
            target: (row, column); None is the cell of the last row and column.

        Raises:
            InstanceError: not a pair of integers >= 0.
        """
        return PreparedGrid(self, pair("source", source), None if target is None else pair("target", target))


@dataclass(frozen=True)
class PreparedGrid:
    """Two cells of grids of any size."""

    solver: GridShortestPathSolver
    source: Cell
    target: Cell | None
    objective_shape: ClassVar[Shape] = (None, None)
    any_size: ClassVar[bool] = True  # costs are compared, whatever they are

    def solve(
        self,
        objective: NDArray[np.float64],
        *,
        hint: NDArray[np.float64] | None = None,
        source: Sequence[Cell] | None = None,
        target: Sequence[Cell | None] | None = None,
    ) -> SolveResult:
        """Find a shortest path per row.

        Args:
            objective: `[N, H, W]` costs of the cells.
            hint: not used; a solve costs less than checking one.
            source, target: `[N]` cells, instead of the fixed ones.

        Returns:
            masks `[N, H, W]`. Objective values are sums of the costs as given, not as clipped.

        Raises:
            InstanceError: an end is not in the grid; names the row if it is one of several.
            ObjectiveError: the grid is empty, or negative costs under `negative="raise"`; names the row and cell.
        """
        del hint
        rows, height, breadth = objective.shape
        if height == 0 or breadth == 0:
            raise ObjectiveError(f"{GRID.id}: expected a grid of at least one cell, found {height} x {breadth}")
        cells = Cells(height, breadth)
        sources = numbers(GRID.id, "source", self.source, source, rows, cells.number)
        targets = numbers(GRID.id, "target", self.target, target, rows, cells.number)
        outcome = Outcome.of(np.ascontiguousarray(objective, np.float64).reshape(rows, height * breadth))
        width = max(1, min(LANES, MEMORY // (2 * height * breadth)))
        grid_paths(
            outcome.objective,
            breadth,
            self.solver.neighbours == 8,
            sources,
            targets,
            width,
            outcome.solutions,
            outcome.values,
            outcome.found,
            outcome.negatives,
        )
        result = outcome.result(GRID.id, self.solver.negative, _failure, cells.place)
        return replace(result, solutions=result.solutions.reshape(objective.shape))

    def close(self) -> None:
        """Nothing to free."""


def _failure(_: int) -> tuple[SolveStatus, str]:
    # every cell can be reached from every other one
    return SolveStatus.ERROR, "no path of finite cost: costs add up to infinity or are nan"
