"""HiGHS models of encodings, and those that take rows while they are being solved."""

from __future__ import annotations

from collections import Counter
from typing import Any

import highspy
import numpy as np
from highspy import HighsModelStatus

from imle.errors import SolveError
from imle.solvers import SolveStatus
from imle_highs.native import Native, Settings
from imle_linear.arrays import from_entries
from imle_linear.engines import Clock
from imle_linear.program import LinearProgram
from imle_mln.inference.encoding import Constraints
from imle_mln.network import Bools, Floats, Index


class Relaxation(Native):
    """Some rows of an encoding over some of its columns, all of these between 0 and 1.

    Args:
        rows: of the encoding.
        chosen: those to start with.
        columns: those the chosen rows mention, and others.
        integer: `[encoding's columns]` those that must be whole numbers, or None for the linear relaxation.
        settings: HiGHS options.
    """

    def __init__(
        self, rows: Constraints, chosen: Index, columns: Index, integer: Bools | None, settings: Settings
    ) -> None:
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


class LazyRelaxation(Relaxation):
    """A linear relaxation that takes rows when they are broken: cutting planes, with basis and active rows kept.

    Args:
        rows: all of them.
        active: `[rows]` those to start with; the object's own from now on.
        settings: HiGHS options.
        events: what is done is counted here.

    Attributes:
        active: `[rows]` those that are part of the model.
    """

    def __init__(self, rows: Constraints, active: Bools, settings: Settings, events: Counter[str]) -> None:
        super().__init__(rows, np.flatnonzero(active), np.arange(rows.matrix.shape[1]), None, settings)
        self._constraints, self.active, self._events = rows, active, events

    def solve(self, clock: Clock) -> Floats | SolveStatus:
        """The vertex that breaks no row, or INFEASIBLE, or TIMEOUT."""
        while True:
            status = self.run(clock())
            if status not in (HighsModelStatus.kOptimal, HighsModelStatus.kInfeasible, HighsModelStatus.kTimeLimit):
                self._events["cold_restarts"] += 1
                self.forget()
                status = self.run(clock())
            if status == HighsModelStatus.kInfeasible:
                return SolveStatus.INFEASIBLE
            if status != HighsModelStatus.kOptimal:
                return SolveStatus.TIMEOUT
            x: Floats = np.clip(self.point(), 0.0, 1.0)
            if not self.add(self._constraints.broken(x)):
                return x

    def add(self, broken: Index) -> bool:
        """Make rows part of the model, whose basis stays; whether there were any that were not.

        Raises:
            SolveError: HiGHS refuses them.
        """
        new = broken[~self.active[broken]]
        if not len(new):
            return False
        self._events["rows_added"] += len(new)
        self.active[new] = True
        rows = self._constraints
        more: Any = rows.matrix[new]
        starts, columns = more.indptr[:-1].astype(np.int32), more.indices.astype(np.int32)
        status = self._highs.addRows(len(new), rows.lower[new], rows.upper[new], more.nnz, starts, columns, more.data)
        if status != highspy.HighsStatus.kOk:
            raise SolveError("mln: HiGHS refuses rows that were added")
        return True
