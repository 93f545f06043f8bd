"""Instances to start from, as keywords for `imle.layer`; each docstring names the id.

Knapsacks, set covers and assignments as matrices are in `imle_highs.problems`: they suit `ortools-ilp` and `highs-ilp`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
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


def transport(supplies: ArrayLike, demands: ArrayLike) -> dict[str, Any]:
    """What goes from each of s sources to each of t sinks; costs per unit.

    Args:
        supplies: `[s]` whole numbers.
        demands: `[t]` whole numbers, of the same sum.

    Returns:
        the instance of an `ortools-min-cost-flow` layer; objectives and solutions are `[s * t]`, source by source.

    Raises:
        InstanceError: something else than vectors of such numbers, or sums that differ.

    Example::

        imle.layer("ortools-min-cost-flow", **transport([3, 2], [1, 1, 3]))
    """
    sent, taken = np.asarray(supplies), np.asarray(demands)
    for name, given in (("supplies", sent), ("demands", taken)):
        if given.ndim != 1 or given.dtype.kind not in "iu" or not given.size or (given < 0).any():
            raise InstanceError(f"transport: {name}: expected a vector of whole numbers >= 0")
    if sent.sum() != taken.sum():
        raise InstanceError(
            f"transport: expected as much demand as supply, found {taken.sum()} and {sent.sum()}",
            hint="let a source or a sink of cost zero make up for the difference",
        )
    tails, heads = np.divmod(np.arange(sent.size * taken.size), taken.size)
    return {
        "tails": tails,
        "heads": heads + sent.size,
        "capacities": np.minimum(sent[tails], taken[heads]),
        "supplies": np.concatenate([sent, -taken]),
    }
