"""Assignments: each of n lines takes exactly one of m columns, no column twice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imle.solvers import SolveStatus
from imle.solvers.compiled import read_only
from imle_kernels.compiled.assignment import assign
from imle_kernels.structures.base import INFEASIBLE, Ints, two_sides
from imle_linear.arrays import Floats
from imle_linear.engines import Outcome
from imle_linear.program import LinearProgram, Rows


class AssignmentStructure:
    """An assignment.

    Args:
        pairs: `[n, m]` the variable of each pair, -1 where there is none.
        sides: `[rows]` the program's own lower ends: rows of a batch that bring others are no assignments.
    """

    name = "assignments"

    def __init__(self, pairs: Ints, sides: Floats) -> None:
        self._pairs = pairs
        self._sides = sides
        self._assign(np.zeros((1, 1, 1)))  # loads or compiles the kernel, which is no part of any time limit

    @classmethod
    def of(cls, program: LinearProgram) -> AssignmentStructure | None:
        """The program as an assignment, if it is one: all columns have two ones, in rows of two kinds."""
        matrix = program.matrix
        if not matrix.shape[0] or not (
            # rows hold the variables at one or below, whatever their upper bound; vertices are whole-numbered anyway
            ((program.lower == 0.0) & (program.upper >= 1.0)).all()
            and (np.diff(matrix.start) == 2).all()
            and (matrix.value == 1.0).all()
            and (program.row_upper == 1.0).all()
        ):
            return None
        exact = program.row_lower == 1.0
        if not (exact | (program.row_lower <= 0.0)).all():
            return None
        pairs = _pairs(program, exact)
        return None if pairs is None else cls(pairs, program.row_lower)

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome | None:
        """The cheapest assignment, as a point `[n]`."""
        del seconds
        if rows.lower is not self._sides:
            return None
        pairs = self._pairs
        choice = self._assign(np.where(pairs >= 0, costs[pairs], np.inf)[None])
        if choice is None:
            return INFEASIBLE
        point = np.zeros(len(costs))
        point[pairs[np.arange(len(pairs)), choice]] = 1.0
        return Outcome(SolveStatus.OPTIMAL, point, exact=True)

    @staticmethod
    def _assign(matrix: Floats) -> Ints | None:
        choice, found = np.empty(matrix.shape[:2], np.int64), np.empty(1, np.bool_)
        assign(read_only(matrix), choice, found)
        return choice[0] if found[0] else None


def _pairs(program: LinearProgram, exact: NDArray[np.bool_]) -> Ints | None:
    """`[lines, columns]` the variable of each pair, if rows are of two kinds that no variable has two of."""
    index = program.matrix.index.astype(np.int64)
    first, second = index[0::2], index[1::2]
    found = two_sides(len(exact), first, second, np.ones(len(first), np.bool_))
    if found is None or found[1] != 1:  # the rows of a complete assignment are connected
        return None
    side = found[0]
    if not exact[side == 0].all():
        side = (1 - side).astype(np.int8)
    sizes = np.bincount(side, minlength=2)
    all_exact = bool(exact.all())
    if not exact[side == 0].all() or sizes[0] > sizes[1] or (all_exact and sizes[0] != sizes[1]):
        return None
    # with as many lines as columns, a complete assignment takes every column, exact or not
    if exact[side == 1].any() and sizes[0] != sizes[1]:
        return None
    lines, columns = np.flatnonzero(side == 0), np.flatnonzero(side == 1)
    swapped = side[first] == 1
    line, column = np.where(swapped, second, first), np.where(swapped, first, second)
    places = np.zeros(len(exact), np.int64)
    places[lines], places[columns] = np.arange(len(lines)), np.arange(len(columns))
    pairs = np.full((len(lines), len(columns)), -1, np.int64)
    n = program.matrix.shape[1]
    pairs[places[line], places[column]] = np.arange(n)
    return pairs if np.count_nonzero(pairs >= 0) == n else None  # else there are two variables for one pair
