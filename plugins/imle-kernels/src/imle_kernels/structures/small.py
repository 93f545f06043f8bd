"""Small programs without integers, of any structure: a few rows cost HiGHS more to begin with than to solve."""

from __future__ import annotations

import numpy as np

from imle.solvers import SolveStatus
from imle.solvers.compiled import read_only
from imle_kernels.compiled.simplex import minimise
from imle_linear.arrays import Columns, Floats
from imle_linear.engines import Outcome
from imle_linear.program import LinearProgram, Rows

_VARIABLES, _ENTRIES = 500, 5_000
"""Up to these HiGHS takes 1.5 to 15 times as long; it makes use of zeros, and of a factorised basis."""


class SmallStructure:
    """A program without integers that fits into a small dense tableau.

    What the kernel proves optimal is; of other rows it says nothing, also if they seem infeasible or unbounded.

    Args:
        matrix: of the program.
    """

    name = "small_programs"

    def __init__(self, matrix: Columns) -> None:
        dense = np.zeros(matrix.shape)
        dense[matrix.index, matrix.column] = matrix.value
        row_factors = _factors(np.abs(dense))
        factors = _factors(np.abs(dense).T * row_factors)
        self._matrix, self._row_factors, self._factors = map(read_only, (dense, row_factors, factors))
        m, n = matrix.shape
        # loads or compiles the kernel, which is no part of any time limit
        self.solve(np.zeros(n), Rows(np.zeros(m), np.zeros(m), np.zeros(n), np.zeros(n)), None)

    @classmethod
    def of(cls, program: LinearProgram) -> SmallStructure | None:
        """The program, if it is a small one without integers."""
        m, n = program.matrix.shape
        small = n <= _VARIABLES and m * n <= _ENTRIES
        return cls(program.matrix) if small and not program.integer.any() else None

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome | None:
        """An optimal vertex, as a point `[n]`, with duals; None if none was found, whatever the reason."""
        del seconds  # milliseconds at the most
        point, duals = np.empty(len(costs)), np.empty(len(self._row_factors))
        lower, upper, least, most = map(read_only, rows)
        data = self._matrix, self._row_factors, self._factors, read_only(costs), lower, upper, least, most
        if not minimise(*data, point, duals):
            return None
        return Outcome(SolveStatus.OPTIMAL, point, duals=duals, bounded=True)


def _factors(lines: Floats) -> Floats:
    """`[k]` powers of two that bring the largest of each of k lines, `[k, ...]`, to between 1/2 and 1."""
    return np.asarray(np.ldexp(1.0, -np.frexp(lines.max(axis=1, initial=0.0))[1]), np.float64)
