"""Mixed programs: the best continuous values once the integer variables are whole numbers.

Engines leave integer variables whole up to a tolerance, and continuous ones where that allows: with 1e-7 of an item too
little, a row with coefficients of 1e8 leaves room for ten units more. Rounding alone breaks the row, or leaves ten
units lying about.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from imle.solvers import SolveStatus
from imle_linear.arrays import Floats
from imle_linear.engines import Engine, MakesEngine
from imle_linear.program import LinearProgram, Rows


class Polish:
    """Solves a mixed program with its integer variables held.

    Args:
        program: the feasible set, with variables of both kinds.
        relaxation: builds what solves linear programs.
    """

    def __init__(self, program: LinearProgram, relaxation: MakesEngine) -> None:
        self._program = program
        self._free = np.flatnonzero(~program.integer)
        self._relaxation = relaxation
        self._engine: Engine | None = None

    def polished(self, point: Floats, costs: Floats, rows: Rows) -> Floats:
        """The point with its integer variables whole, and the others at their best where that can be found.

        Args:
            point: `[n]`.
            costs: `[n]`, to be minimised.
            rows: ends of constraint rows and variables.
        """
        program, free = self._program, self._free
        held = np.where(program.integer, np.clip(np.rint(point), rows.least, rows.most), 0.0)
        if self._engine is None:
            self._engine = self._relaxation(self._continuous_part())
        used = program.matrix.times(held)
        left = Rows(rows.lower - used, rows.upper - used, rows.least[free], rows.most[free])
        found = self._engine.solve(costs[free], left, None)
        held[free] = point[free] if found.status != SolveStatus.OPTIMAL or found.point is None else found.point
        return held

    def _continuous_part(self) -> LinearProgram:
        """The columns of the continuous variables."""
        program, free = self._program, self._free
        return replace(
            program,
            matrix=program.matrix.part(free),
            lower=program.lower[free],
            upper=program.upper[free],
            integer=np.zeros(len(free), np.bool_),
            learned=np.arange(len(free), dtype=np.int32),
            costs=np.zeros(len(free)),
            names=(),
        )
