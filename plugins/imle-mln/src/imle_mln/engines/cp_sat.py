"""CP-SAT on an encoding, with one worker and linearisation level 2: its defaults do not finish on these models."""

from __future__ import annotations

import math

import numpy as np
from ortools.sat.python import cp_model

from imle.errors import SolveError
from imle.solvers import SolveStatus
from imle.solvers.interruptible import interruptible
from imle_linear.engines import Clock
from imle_mln.inference.components import Components, ComponentSolver, EngineResult, Options
from imle_mln.inference.encoding import Counting, Encoding
from imle_mln.inference.energy import Coefficients
from imle_mln.inference.integer_scaling import fixed_point, shift_to

_SIZE = 50
"""Costs add up to less than two to this: OR-Tools refuses sums near 2^62, and up to 2^53 they are exact in float64."""


def cp_sat(components: Components, options: Options) -> ComponentSolver:
    """The engine."""
    return Counting(components, lambda encoding: CPSATModel(encoding, options))


class CPSATModel:
    """Solves an encoding, whose rows have whole coefficients. All of them are part of the model."""

    def __init__(self, encoding: Encoding, options: Options) -> None:
        self.atoms, self._encoding, rows = encoding.atoms, encoding, encoding.rows
        columns = rows.matrix.shape[1]
        self._model = cp_model.CpModel()
        variables = [self._model.new_bool_var("") for _ in range(columns)]
        for own, signs, lower, upper in rows:
            total = cp_model.LinearExpr.weighted_sum([variables[j] for j in own.tolist()], signs.tolist())
            if math.isfinite(lower):
                self._model.add(total >= int(lower))
            if math.isfinite(upper):
                self._model.add(total <= int(upper))
        self._objective = self._model.proto.objective
        self._objective.vars.extend(range(columns))
        self._solver = cp_model.CpSolver()
        parameters = self._solver.parameters
        parameters.num_workers = 1
        parameters.linearization_level = 2
        parameters.random_seed = options.seed
        parameters.relative_gap_limit = options.gap
        parameters.absolute_gap_limit = 0.0
        # or Ctrl-C only ends the solve, and after it no longer reaches Python: OR-Tools does not restore its handler
        parameters.catch_sigint_signal = False

    def solve(self, coefficients: Coefficients, clock: Clock) -> EngineResult:
        """Maximise. Optimal up to half a unit per column, costs being rounded: see `_SIZE`; the slack counts that in.

        Raises:
            SolveError: CP-SAT fails.
        """
        costs = self._encoding.costs(coefficients)
        shift = shift_to(_SIZE, costs)
        self._objective.coeffs.clear()
        self._objective.coeffs.extend(fixed_point(costs, shift).tolist())
        left = clock()
        self._solver.parameters.max_time_in_seconds = math.inf if left is None else max(left, 0.0)
        status = interruptible(lambda: self._solver.solve(self._model), self._solver.stop_search)
        if status == cp_model.INFEASIBLE:
            return EngineResult(SolveStatus.INFEASIBLE)
        if status == cp_model.UNKNOWN:
            return self._encoding.fallback(costs)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            raise SolveError(f"mln: CP-SAT ended with status {self._solver.status_name(status)}")
        bound = float(np.ldexp(self._solver.best_objective_bound - 0.5 * len(costs), -shift))
        states = np.array(list(self._solver.response_proto.solution)[: len(self.atoms)]) == 1
        value = float((self._encoding.complete(states) * costs).sum())
        ended = SolveStatus.OPTIMAL if status == cp_model.OPTIMAL else SolveStatus.FEASIBLE
        return EngineResult(ended, states, max(0.0, value - bound))
