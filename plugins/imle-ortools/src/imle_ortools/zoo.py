"""Models to start from: each helper returns the instance of an `ortools-cp-sat` layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model

from imle.errors import InstanceError


def sudoku(givens: Sequence[Sequence[int]] | NDArray[np.int64] | None = None, box: int = 3) -> dict[str, Any]:
    """A Sudoku board of box * box digits, one literal per cell and digit.

    Args:
        givens: `[n, n]` digits 1..n, 0 where a cell is open; None for an empty board.
        box: side of a box; n = box * box.

    Returns:
        `model` and `variables`; objectives and solutions are `[n, n, n]`: row, column, digit - 1.

    Raises:
        InstanceError: not a board of this size.

    Example::

        imle.layer("ortools-cp-sat", **sudoku(box=2))   # a 4 x 4 board
    """
    n = box * box
    try:
        board = np.zeros((n, n), np.int64) if givens is None else np.asarray(givens)
    except ValueError:
        board = np.empty(0)  # lines of different lengths
    if box < 1 or board.shape != (n, n) or board.dtype.kind not in "iu" or board.min() < 0 or board.max() > n:
        raise InstanceError(f"sudoku: givens: expected {n} x {n} digits 0..{n}, 0 for an open cell")
    model = cp_model.CpModel()
    cells = np.empty((n, n, n), dtype=object)
    for place in np.ndindex(n, n, n):
        cells[place] = model.new_bool_var("cell_{}_{}_is_{}".format(*place[:2], place[2] + 1))
    boxes = cells.reshape(box, box, box, box, n).transpose(0, 2, 1, 3, 4).reshape(n, n, n)
    for one in range(n):
        for other in range(n):
            model.add_exactly_one(cells[one, other, :])  # a digit in each cell
            model.add_exactly_one(cells[one, :, other])  # each digit in each row,
            model.add_exactly_one(cells[:, one, other])  # column,
            model.add_exactly_one(boxes[one, :, other])  # and box
    for row, column in np.argwhere(board > 0):
        model.add(cells[row, column, board[row, column] - 1] == 1)
    return {"model": model, "variables": cells}


def tsp(n: int) -> dict[str, Any]:
    """Round trips through n cities, one literal per arc.

    Args:
        n: cities, at least 2.

    Returns:
        `model` and `variables`; objectives and solutions are `[n, n]`: from, to. The diagonal is always zero.

    Raises:
        InstanceError: fewer than two cities.

    Example::

        imle.layer("ortools-cp-sat", **tsp(5), sense="min")
    """
    if n < 2:
        raise InstanceError(f"tsp: n: expected at least 2 cities, found {n}")
    model = cp_model.CpModel()
    arcs: Any = np.full((n, n), model.new_constant(0), dtype=object)
    for i, j in np.ndindex(n, n):
        if i != j:
            arcs[i, j] = model.new_bool_var(f"arc_{i}_{j}")
    model.add_circuit([(i, j, arcs[i, j]) for i, j in np.ndindex(n, n) if i != j])
    return {"model": model, "variables": arcs}
