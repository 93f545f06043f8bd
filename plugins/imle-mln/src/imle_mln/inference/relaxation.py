"""A HiGHS model that takes rows while it is being solved, and tells its bound."""

from __future__ import annotations

from typing import Any

import highspy
import numpy as np

from imle.errors import SolveError
from imle_highs.native import Native, Settings
from imle_linear.arrays import from_entries
from imle_linear.program import LinearProgram
from imle_mln.inference.encoding import Rows
from imle_mln.inference.truths import Bools, Index
from imle_mln.network import Floats


class Relaxation(Native):
    """Some rows of an encoding over some of its columns, all of these between 0 and 1.

    Args:
        rows: of the encoding.
        chosen: those to start with.
        columns: those the chosen rows mention, and others.
        integer: `[encoding's columns]` those that must be whole numbers, or None for the linear relaxation.
        settings: HiGHS options.
    """

    def __init__(self, rows: Rows, chosen: Index, columns: Index, integer: Bools | None, settings: Settings) -> None:
        n = len(columns)
        matrix = rows.matrix[chosen][:, columns].tocoo()
        program = LinearProgram(
            matrix=from_entries(matrix.row, matrix.col, matrix.data, (len(chosen), n)),
            row_lower=rows.lower[chosen],
            row_upper=rows.upper[chosen],
            lower=np.zeros(n),
            upper=np.ones(n),
            integer=np.zeros(n, np.bool_) if integer is None else integer[columns],
            learned=np.arange(n, dtype=np.int32),
            costs=np.zeros(n),
        )
        super().__init__(program, settings, integer=integer is not None)
        self.columns = columns

    def add(self, rows: Rows, chosen: Index) -> None:
        """More rows; the basis stays.

        Raises:
            SolveError: HiGHS refuses them.
        """
        more: Any = rows.matrix[chosen]
        status = self._highs.addRows(
            len(chosen),
            rows.lower[chosen],
            rows.upper[chosen],
            more.nnz,
            more.indptr[:-1].astype(np.int32),
            more.indices.astype(np.int32),
            more.data,
        )
        if status != highspy.HighsStatus.kOk:
            raise SolveError("mln: HiGHS refuses rows that were added")

    @property
    def bound(self) -> float:
        """What branch and bound has proven in the last run: no point costs less."""
        return float(self._highs.getInfo().mip_dual_bound)

    def cost(self, x: Floats, costs: Floats) -> float:
        """The cost of a point over the encoding's columns, in those of this model."""
        return float(x[self.columns] @ costs[self.columns])
