"""Dual values of linear programs: how much the optimum moves with right sides, bounds and coefficients.

An engine's word is not enough: presolve, scaling and a second engine may leave duals that belong to another point, or
to none. What is handed on proves the point that is returned: r = c - A'y, and where y_i or r_j is not 0, the row or the
variable is at the end to which its sign points. Then the value of the point is b'y, with ends of bounds for r, and no
feasible point has less.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from imle.solvers import SolveStatus
from imle_linear.arrays import Floats
from imle_linear.engines import Engine, MakesEngine, Outcome
from imle_linear.judging import Judge
from imle_linear.program import LinearProgram, Rows

_GAP = 1e-7
"""How far the two values may be apart, relative to the largest cost, or to the value."""

_ROUNDING = 1e-12
"""Reduced costs that are less than this share of their terms are 0: such is the round-off of duals."""


class Duals(NamedTuple):
    """A point of a linear program, and what proves it optimal.

    Attributes:
        point: `[n]`.
        rows: `[rows]` y, how much the optimum grows with one more unit of both ends of a row.
        bounds: `[n]` r, likewise with those of a variable: its lower bound where it is positive, else its upper one.
    """

    point: Floats
    rows: Floats
    bounds: Floats

    @classmethod
    def proven(
        cls,
        program: LinearProgram,
        costs: Floats,
        rows: Rows,
        point: Floats,
        duals: Floats,
        allowed: float | None = None,
    ) -> Duals | None:
        """Duals that prove a feasible point optimal; None if they do not.

        Args:
            program: integrality plays no part.
            costs: `[n]`, to be minimised.
            rows: ends of constraint rows and variables.
            point: `[n]`.
            duals: `[rows]` as an engine has them, up to its tolerances.
            allowed: how far the value may be from the least one; by default relative to the largest cost, or to it.
        """
        matrix = program.matrix
        y = _pointing(duals, rows.lower, rows.upper)
        terms = matrix.value * y[matrix.index]
        reduced: Floats = costs - np.bincount(matrix.column, weights=terms, minlength=len(costs))
        size = np.abs(costs) + np.bincount(matrix.column, weights=np.abs(terms), minlength=len(costs))
        reduced[np.abs(reduced) <= _ROUNDING * size] = 0.0
        r = _pointing(reduced, rows.least, rows.most)
        gap = _away(y, matrix.times(point), rows.lower, rows.upper) + _away(r, point, rows.least, rows.most)
        gap += np.abs((reduced - r) * np.maximum(1.0, np.abs(point))).sum()  # towards an end that is not there
        if allowed is None:
            allowed = _GAP * max(float(np.abs(costs).max()), abs(float(costs @ point)))
        return cls(point, y, r) if gap <= allowed else None


def _pointing(duals: Floats, lower: Floats, upper: Floats) -> Floats:
    """Duals without those that point to an end that is infinite."""
    return np.where(np.isinf(np.where(duals > 0, lower, upper)), 0.0, duals)


def _away(duals: Floats, values: Floats, lower: Floats, upper: Floats) -> float:
    """How far values are from the ends to which duals point, weighted with these."""
    held = np.flatnonzero(duals)
    ends = np.where(duals[held] > 0, lower[held], upper[held])
    return float(np.abs(duals[held] * (values[held] - ends)).sum())


class DualValues:
    """Finds duals for one thread: those of the engine that solved a row, or else of another one.

    Args:
        program: that rows are solved over; of one with integers, duals are those of its linear relaxation.
        relaxation: builds what solves linear programs, with duals.
    """

    def __init__(self, program: LinearProgram, relaxation: MakesEngine) -> None:
        self._relaxed = bool(program.integer.any())
        self._program = replace(program, integer=np.zeros_like(program.integer)) if self._relaxed else program
        self._judge = Judge(self._program)
        self._make = relaxation
        self._engine: Engine | None = None

    def of(self, outcome: Outcome, costs: Floats, rows: Rows, seconds: float | None) -> Duals | None:
        """Duals of a row that has a point; None if none were found that prove its optimum, or that of the relaxation.

        Args:
            outcome: of the row.
            costs: `[n]`, to be minimised.
            rows: ends of constraint rows and variables.
            seconds: the time limit of another solve, if there is one.
        """
        found = None if self._relaxed else self._proven(outcome, outcome, costs, rows)
        if found is not None:
            return found
        if self._engine is None:
            self._engine = self._make(self._program)
        again = self._judge.sound(self._engine.solve(costs, rows, seconds), costs, rows)
        if again.status != SolveStatus.OPTIMAL:
            return None
        return self._proven(again if self._relaxed else outcome, again, costs, rows)

    def _proven(self, point: Outcome, duals: Outcome, costs: Floats, rows: Rows) -> Duals | None:
        if point.point is None or duals.duals is None:
            return None
        return Duals.proven(self._program, costs, rows, point.point, duals.duals)
