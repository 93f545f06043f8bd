"""CP-SAT on an encoding, with one worker and linearisation level 2: its defaults do not finish on these models."""

from __future__ import annotations

import math

import numpy as np
from ortools.sat.python import cp_model

from imle.errors import SolveError
from imle.solvers import SolveStatus
from imle_mln.inference.encoding import Encoding
from imle_mln.inference.highs import Clock, Complete, Found, rescued
from imle_mln.network import Floats

_SIZE = 50
"""Costs add up to less than two to this: OR-Tools refuses sums near 2^62, and up to 2^53 they are exact in float64."""


class CPSATEngine:
    """Solves an encoding for costs that change. All rows are part of the model.

    Args:
        encoding: what to solve.
        complete: all columns from states of its atoms.
        gap: relative gap.
        seed: of the search.
    """

    def __init__(self, encoding: Encoding, complete: Complete, gap: float, seed: int) -> None:
        self._encoding, self._complete, self._atoms = encoding, complete, len(encoding.atoms)
        rows = encoding.rows
        columns = rows.matrix.shape[1]
        self._model = cp_model.CpModel()
        variables = [self._model.new_bool_var("") for _ in range(columns)]
        for row in range(len(rows.lower)):
            entries = slice(rows.matrix.indptr[row], rows.matrix.indptr[row + 1])
            mine = [variables[j] for j in rows.matrix.indices[entries].tolist()]
            signs = rows.matrix.data[entries].astype(np.int64).tolist()
            total = cp_model.LinearExpr.weighted_sum(mine, signs)
            if math.isfinite(rows.lower[row]):
                self._model.add(total >= int(rows.lower[row]))
            if math.isfinite(rows.upper[row]):
                self._model.add(total <= int(rows.upper[row]))
        self._objective = self._model.proto.objective
        self._objective.vars.extend(range(columns))
        self._solver = cp_model.CpSolver()
        parameters = self._solver.parameters
        parameters.num_workers = 1
        parameters.linearization_level = 2
        parameters.random_seed = seed
        parameters.relative_gap_limit = gap
        parameters.absolute_gap_limit = 0.0

    def solve(self, costs: Floats, clock: Clock) -> Found:
        """Minimise. Optimal up to half a unit per column, costs being rounded: see `_SIZE`.

        Raises:
            SolveError: CP-SAT fails.
        """
        shift = _SIZE - int(np.frexp(np.abs(costs).sum())[1])
        whole = np.rint(np.ldexp(costs, shift)).astype(np.int64)
        self._objective.coeffs.clear()
        self._objective.coeffs.extend(whole.tolist())
        left = clock()
        self._solver.parameters.max_time_in_seconds = math.inf if left is None else max(left, 0.0)
        status = self._solver.solve(self._model)
        if status == cp_model.INFEASIBLE:
            return Found(SolveStatus.INFEASIBLE)
        if status == cp_model.UNKNOWN:
            return rescued(self._encoding, self._complete, costs)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            raise SolveError(f"mln: CP-SAT ended with status {self._solver.status_name(status)}")
        states = np.array(list(self._solver.response_proto.solution), dtype=np.int64)[: self._atoms] == 1
        value = float(self._complete(states) @ whole)
        slack = max(0.0, value - self._solver.best_objective_bound) + 0.5 * len(costs)
        ended = SolveStatus.OPTIMAL if status == cp_model.OPTIMAL else SolveStatus.FEASIBLE
        return Found(ended, states, float(np.ldexp(slack, -shift)))
