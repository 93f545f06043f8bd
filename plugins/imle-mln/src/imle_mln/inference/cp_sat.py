"""CP-SAT on an encoding, with one worker and linearisation level 2: its defaults do not finish on these models."""

from __future__ import annotations

import math
from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model

from imle.errors import SolveError
from imle.solvers import SolveStatus
from imle.solvers.interruptible import interruptible
from imle_mln.inference.clock import Clock
from imle_mln.inference.encoding import Encoding, Rows
from imle_mln.inference.energy import Coefficients
from imle_mln.inference.fixed_point import fixed_point, shift_to
from imle_mln.inference.found import Found
from imle_mln.inference.rescue import Complete, rescued
from imle_mln.network import Floats

_SIZE = 50
"""Costs add up to less than two to this: OR-Tools refuses sums near 2^62, and up to 2^53 they are exact in float64."""


class Solution(NamedTuple):
    """How a solve of a model ended.

    Attributes:
        status: optimal, feasible, infeasible or timeout.
        values: `[columns]` of 0 and 1, if the status is ok.
        bound: no solution costs less.
    """

    status: SolveStatus
    values: NDArray[np.int64] | None
    bound: float


class CPSATModel:
    """Rows over columns that are 0 or 1, for costs that change.

    Args:
        rows: their coefficients are whole numbers.
        gap: relative gap.
        seed: of the search.
    """

    def __init__(self, rows: Rows, gap: float, seed: int) -> None:
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
        # or Ctrl-C only ends the solve, and after it no longer reaches Python: OR-Tools does not restore its handler
        parameters.catch_sigint_signal = False

    def solve(self, costs: Floats, clock: Clock) -> Solution:
        """Minimise. Optimal up to half a unit per column, costs being rounded: see `_SIZE`; the bound counts that in.

        Raises:
            SolveError: CP-SAT fails.
        """
        shift = shift_to(_SIZE, costs)
        whole = fixed_point(costs, shift)
        self._objective.coeffs.clear()
        self._objective.coeffs.extend(whole.tolist())
        left = clock()
        self._solver.parameters.max_time_in_seconds = math.inf if left is None else max(left, 0.0)
        status = interruptible(lambda: self._solver.solve(self._model), self._solver.stop_search)
        if status == cp_model.INFEASIBLE:
            return Solution(SolveStatus.INFEASIBLE, None, math.inf)
        if status == cp_model.UNKNOWN:
            return Solution(SolveStatus.TIMEOUT, None, -math.inf)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            raise SolveError(f"mln: CP-SAT ended with status {self._solver.status_name(status)}")
        bound = float(np.ldexp(self._solver.best_objective_bound - 0.5 * len(costs), -shift))
        ended = SolveStatus.OPTIMAL if status == cp_model.OPTIMAL else SolveStatus.FEASIBLE
        return Solution(ended, np.array(list(self._solver.response_proto.solution), dtype=np.int64), bound)


class CPSATEngine:
    """Solves an encoding for costs that change. All rows are part of the model.

    Args:
        encoding: what to solve.
        complete: all columns from states of its atoms.
        gap: relative gap.
        seed: of the search.

    Attributes:
        atoms: `[k]` of the energy.
        events: nothing is counted.
    """

    def __init__(self, encoding: Encoding, complete: Complete, gap: float, seed: int) -> None:
        self.atoms, self.events = encoding.atoms, Counter[str]()
        self._encoding, self._complete = encoding, complete
        self._model = CPSATModel(encoding.rows, gap, seed)

    def solve(self, coefficients: Coefficients, clock: Clock) -> Found:
        """Maximise; see `CPSATModel`."""
        costs = self._encoding.costs(coefficients)
        found = self._model.solve(costs, clock)
        if found.values is None:
            if found.status == SolveStatus.INFEASIBLE:
                return Found(found.status)
            return rescued(self._encoding, self._complete, costs)
        states = found.values[: len(self._encoding.atoms)] == 1
        value = float((self._complete(states) * costs).sum())
        return Found(found.status, states, max(0.0, value - found.bound))
