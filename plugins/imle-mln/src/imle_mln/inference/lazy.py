"""A linear relaxation that takes rows when they are broken: cutting planes, with basis and active rows kept."""

from __future__ import annotations

from collections import Counter

import numpy as np
from highspy import HighsModelStatus

from imle.solvers import SolveStatus
from imle_highs.native import Settings
from imle_mln.inference.clock import Clock
from imle_mln.inference.encoding import Rows
from imle_mln.inference.relaxation import Relaxation
from imle_mln.inference.truths import Bools, Index
from imle_mln.network import Floats


class LazyRelaxation:
    """All columns between 0 and 1, some of the rows.

    Args:
        rows: all of them.
        active: `[rows]` those to start with; the object's own from now on.
        settings: HiGHS options.
        events: what is done is counted here.

    Attributes:
        active: `[rows]` those that are part of the model.
    """

    def __init__(self, rows: Rows, active: Bools, settings: Settings, events: Counter[str]) -> None:
        self._rows, self.active, self._events = rows, active, events
        columns = np.arange(rows.matrix.shape[1])
        self._native = Relaxation(rows, np.flatnonzero(active), columns, None, settings)

    def set_costs(self, costs: Floats) -> None:
        """Change the objective, `[columns]`, to be minimised."""
        self._native.set_costs(costs)

    def set_bounds(self, column: int, lower: float, upper: float) -> None:
        """Change the bounds of one column."""
        self._native.set_bounds(column, lower, upper)

    def solve(self, clock: Clock) -> Floats | SolveStatus:
        """The vertex that breaks no row, or INFEASIBLE, or TIMEOUT."""
        while True:
            status = self._native.run(clock())
            if status not in (HighsModelStatus.kOptimal, HighsModelStatus.kInfeasible, HighsModelStatus.kTimeLimit):
                self._events["cold_restarts"] += 1
                self._native.forget()
                status = self._native.run(clock())
            if status == HighsModelStatus.kInfeasible:
                return SolveStatus.INFEASIBLE
            if status != HighsModelStatus.kOptimal:
                return SolveStatus.TIMEOUT
            x: Floats = np.clip(self._native.point(), 0.0, 1.0)
            if not self.add(self._rows.broken(x)):
                return x

    def add(self, broken: Index) -> bool:
        """Make rows part of the model; whether there were any that were not."""
        new = broken[~self.active[broken]]
        if len(new):
            self._events["rows_added"] += len(new)
            self.active[new] = True
            self._native.add(self._rows, new)
        return len(new) > 0
