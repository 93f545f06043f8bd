"""Unbounded programs: some engines call a point of theirs optimal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from imle.solvers import SolveStatus
from imle_linear.arrays import Floats
from imle_linear.engines import Engine, MakesEngine
from imle_linear.program import LinearProgram, Rows

IMPROVES = 1e-10
"""How much a direction has to improve costs, whose largest is about 1000, to count: as much as engines can tell."""

STOPS = 1e-6
"""How far a row may be broken by a direction, and what its steps cost cancel, relative to the largest of these terms.
Compared with costs of other variables, a step of a small one would not count, however long the way is."""

STEP = 1e-7
"""Smaller steps are none, the largest being 1: engines leave such behind."""


class Recession:
    """Directions in which one can walk for ever from any point of a program's linear relaxation.

    If one of them improves the objective, and there is any point at all, the program is unbounded: with integer
    variables, too, since floats are rational numbers (Meyer 1974).

    Args:
        program: the feasible set.
        engine: builds what solves linear programs.
    """

    def __init__(self, program: LinearProgram, engine: MakesEngine) -> None:
        self._cone = replace(  # steps are at most 1
            program,
            row_lower=np.where(np.isneginf(program.row_lower), -np.inf, 0.0),
            row_upper=np.where(np.isposinf(program.row_upper), np.inf, 0.0),
            lower=np.where(np.isneginf(program.lower), -1.0, 0.0),
            upper=np.where(np.isposinf(program.upper), 1.0, 0.0),
            integer=np.zeros_like(program.integer),
        )
        self._make = engine
        self._engine: Engine | None = None
        self._steps = self._cone.rows
        self._bounds = program.lower, program.upper
        self._none: bool | None = None

    def improves(self, costs: Floats, rows: Rows, seconds: float | None) -> bool:
        """Whether one of them lowers the costs `[n]`, with the bounds that a row of a batch has."""
        self._set_bounds(rows.least, rows.most)
        down, up = self._steps.least < 0, self._steps.most > 0
        if self._none or not ((up & (costs < 0)) | (down & (costs > 0))).any():
            return False
        if self._none is None:
            # if nothing moves even where all steps are rewarded, there is no direction: other rows need not ask
            self._none = not (up & down).any() and not self._moves(np.where(up, -1.0, 1.0), seconds)
        return not self._none and self._moves(costs, seconds)

    def _set_bounds(self, least: Floats, most: Floats) -> None:
        """Say which bounds the variables have: only which of them are infinite counts."""
        if least is self._bounds[0] and most is self._bounds[1]:
            return
        self._bounds = least, most
        steps = self._steps._replace(
            least=np.where(np.isneginf(least), -1.0, 0.0), most=np.where(np.isposinf(most), 1.0, 0.0)
        )
        if not (np.array_equal(steps.least, self._steps.least) and np.array_equal(steps.most, self._steps.most)):
            self._steps, self._none = steps, None

    def _moves(self, costs: Floats, seconds: float | None) -> bool:
        """Whether the best direction is one, whose largest step is 1 then."""
        if self._engine is None:
            self._engine = self._make(self._cone)
        found = self._engine.solve(costs, self._steps, seconds)
        if found.status != SolveStatus.OPTIMAL or found.point is None:
            return False
        steps = np.where(np.abs(found.point) > STEP, found.point, 0.0)
        terms = costs * steps
        gain = -terms.sum()
        worth = gain > max(IMPROVES, STOPS * np.abs(terms).max())
        return bool(worth and np.abs(steps).max() > 0.5 and self._leads_on(steps))

    def _leads_on(self, direction: Floats) -> bool:
        """Whether each row allows a direction, compared with the row's own terms.

        A small coefficient is less than an engine's tolerance, and yet stops one who walks for ever.
        """
        cone = self._cone
        along = cone.matrix.times(direction)
        over = np.maximum(cone.row_lower - along, along - cone.row_upper)
        terms = cone.matrix.largest(np.abs(cone.matrix.value * direction[cone.matrix.column]))
        return bool((over <= STOPS * terms).all())
