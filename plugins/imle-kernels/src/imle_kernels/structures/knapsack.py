"""Knapsacks: 0/1 variables under few upper limits, which most of them are part of."""

from __future__ import annotations

import numpy as np

from imle.solvers import SolveStatus
from imle_kernels.packing import PackingProblem, Searches, warm
from imle_kernels.structures.base import INFEASIBLE
from imle_linear.arrays import Floats
from imle_linear.engines import Outcome
from imle_linear.program import LinearProgram, Rows

NODES = 1_000_000
"""What a search may cost before a MIP solver takes over: about a tenth of a second."""
_ROWS = 16
"""More limits are no knapsack: relaxations are then the better bound."""


class KnapsackStructure:
    """A knapsack, with capacities per row.

    Args:
        packing: the weights.
    """

    name = "knapsacks"

    def __init__(self, packing: PackingProblem) -> None:
        warm()
        self._packing = packing
        self._limits = self._room = np.zeros(0)

    @classmethod
    def of(cls, program: LinearProgram) -> KnapsackStructure | None:
        """The program as a knapsack, if it is one."""
        matrix = program.matrix
        rows, n = matrix.shape
        is_one = (
            0 < rows <= _ROWS
            and 2 * len(matrix.value) >= rows * n
            and bool((program.integer & (program.lower == 0.0) & (program.upper == 1.0)).all())
            and bool((matrix.value > 0).all())
            and bool((program.row_lower == -np.inf).all())
        )
        if not is_one:
            return None
        weights = np.zeros((rows, n))
        weights[matrix.index, matrix.column] = matrix.value
        return cls(PackingProblem.of(weights[None]))

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """The best set of items, as a point `[n]`; a feasible one with a bound if the search is not done."""
        del seconds  # so much work is done whatever it takes: a row's answer must not depend on the clock
        if rows.upper is not self._limits:
            self._limits, self._room = rows.upper, self._packing.rooms(rows.upper[None])[0]
        if (self._room < 0).any():
            return INFEASIBLE
        searches = Searches.of(-costs[None], self._packing.weights, self._room[None])
        searches.go_on(slice(0, 1), NODES)
        if searches.level[0] < 0:
            return Outcome(SolveStatus.OPTIMAL, searches.solutions[0], exact=True)
        bound = -float(searches.fill_up()[0])
        return Outcome(SolveStatus.FEASIBLE, searches.solutions[0], bound=bound)
