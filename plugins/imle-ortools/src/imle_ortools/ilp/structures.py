"""Structures that have algorithms of their own, recognised in the constraint matrix."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imle_kernels.packing import PackingProblem
from imle_linear.program import LinearProgram

Ints = NDArray[np.int64]


class Assignment(NamedTuple):
    """Each of n lines takes exactly one of m columns, no column twice.

    Attributes:
        pairs: `[n, m]` the variable of each pair, -1 where there is none.
    """

    pairs: Ints


FEW_ROWS = 16


def rows_are_dense(program: LinearProgram) -> bool:
    """Few rows that most variables are part of: relaxations are weak, and CP-SAT is several times faster than HiGHS."""
    rows, n = program.matrix.shape
    return 0 < rows <= FEW_ROWS and 2 * len(program.matrix.value) >= rows * n


def knapsack(program: LinearProgram) -> PackingProblem | None:
    """The program as 0/1 variables under few upper limits, if it is that."""
    matrix = program.matrix
    rows, n = matrix.shape
    is_one = (
        rows_are_dense(program)
        and bool(_binary(program).all())
        and bool((matrix.value > 0).all())
        and bool((program.row_lower == -np.inf).all())
    )
    if not is_one:
        return None
    weights = np.zeros((rows, n))
    weights[matrix.index, matrix.column] = matrix.value
    return PackingProblem.of(weights[None])


def assignment(program: LinearProgram) -> Assignment | None:
    """The program as an assignment, if it is one: all columns have two ones, in rows of two kinds."""
    matrix = program.matrix
    n = matrix.shape[1]
    if not matrix.shape[0] or not (
        _up_to_one(program).all()
        and (np.diff(matrix.start) == 2).all()
        and (matrix.value == 1.0).all()
        and (program.row_upper == 1.0).all()
    ):
        return None
    exact = program.row_lower == 1.0
    if not (exact | (program.row_lower <= 0.0)).all():
        return None
    first, second = matrix.index[0::2].astype(np.int64), matrix.index[1::2].astype(np.int64)
    side = _two_sides(first, second, exact)
    if side is None:
        return None
    lines, columns = np.flatnonzero(side == 0), np.flatnonzero(side == 1)
    swapped = side[first] == 1
    line, column = np.where(swapped, second, first), np.where(swapped, first, second)
    places = np.zeros(len(exact), np.int64)
    places[lines], places[columns] = np.arange(len(lines)), np.arange(len(columns))
    pairs = np.full((len(lines), len(columns)), -1, np.int64)
    pairs[places[line], places[column]] = np.arange(n)
    if np.count_nonzero(pairs >= 0) != n:  # two variables for one pair
        return None
    return Assignment(pairs)


def _two_sides(first: Ints, second: Ints, exact: NDArray[np.bool_]) -> NDArray[np.int8] | None:
    """Side 0 or 1 of each row, so that each variable is in one row of each side; all rows of side 0 are exact.

    Rows are the nodes of a graph whose edges are the variables; the graph has to be connected, as that of any complete
    assignment is.
    """
    rows = len(exact)
    neighbours: list[list[int]] = [[] for _ in range(rows)]
    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        neighbours[one].append(other)
        neighbours[other].append(one)
    side = np.full(rows, -1, np.int8)
    side[0] = 0
    todo = [0]
    while todo:
        row = todo.pop()
        for other in neighbours[row]:
            if side[other] < 0:
                side[other] = 1 - side[row]
                todo.append(other)
    if (side < 0).any() or (side[first] == side[second]).any():
        return None
    if not exact[side == 0].all():
        side = (1 - side).astype(np.int8)
    sizes = np.bincount(side, minlength=2)
    all_exact = bool(exact.all())
    if not exact[side == 0].all() or sizes[0] > sizes[1] or (all_exact and sizes[0] != sizes[1]):
        return None
    # with as many lines as columns, a complete assignment takes every column, exact or not
    if exact[side == 1].any() and sizes[0] != sizes[1]:
        return None
    return side


def _binary(program: LinearProgram) -> NDArray[np.bool_]:
    flags: NDArray[np.bool_] = program.integer & (program.lower == 0.0) & (program.upper == 1.0)
    return flags


def _up_to_one(program: LinearProgram) -> NDArray[np.bool_]:
    """Variables that the rows hold at one or below, whatever their upper bound; vertices are whole-numbered anyway."""
    flags: NDArray[np.bool_] = (program.lower == 0.0) & (program.upper >= 1.0)
    return flags
