"""CP-SAT over a whole-numbered program: kept model, coefficients replaced."""

from __future__ import annotations

from collections import Counter

import numpy as np
from ortools.sat.python import cp_model

from imle.solvers import SolveStatus
from imle.solvers.interruptible import interruptible
from imle_linear.arrays import Floats
from imle_linear.engines import Outcome
from imle_linear.options import EngineOptions
from imle_linear.program import Rows
from imle_linear.whole import FAR
from imle_ortools.cp_sat import LIMITS
from imle_ortools.ilp.integers import WholeProgram
from imle_ortools.progress import gap_callback, proven_bound
from imle_ortools.scaling import UNRESOLVED, to_integers


class CPSATEngine:
    """One model, one row after the other; a row's answer depends on that row alone.

    Args:
        whole: the feasible set.
        gap: relative gap at which the search may stop.
        threads: per solve.
        seed: of the search.
        options: CP-SAT's own parameters by name.

    Attributes:
        unresolved: why a solution that is optimal in whole numbers may not be so for the row's own coefficients ("" if
            it is); of the last row.
    """

    def __init__(self, whole: WholeProgram, gap: float, threads: int, seed: int, options: EngineOptions = ()) -> None:
        self.events: Counter[str] = Counter()
        self.unresolved = ""
        self._whole = whole
        self._gap = gap
        nothing = np.full(len(whole.rows), np.nan)
        self._sides = nothing, nothing
        self._impossible: set[int] = set()
        self._model = _model(whole)
        self._objective = self._model.proto.objective
        self._objective.vars.extend(range(len(whole.lower)))
        self._ends = whole.lower.astype(np.float64), whole.upper.astype(np.float64)
        self._sizes = np.maximum(1.0, np.maximum(*map(np.abs, self._ends)))
        self._solver = cp_model.CpSolver()
        parameters = self._solver.parameters
        parameters.num_workers = threads
        parameters.catch_sigint_signal = False  # OR-Tools does not restore the handler it replaces
        parameters.random_seed = seed
        parameters.linearization_level = 2  # lower levels fail to prove small covers with few workers
        parameters.relative_gap_limit = gap
        parameters.absolute_gap_limit = 0.0
        for name, value in options:
            setattr(parameters, name, value)

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Minimise `costs` `[n]` within the time limit, if there is one."""
        return self.attempt(costs, rows, seconds, np.inf)

    def attempt(self, costs: Floats, rows: Rows, seconds: float | None, work: float) -> Outcome:
        """Solve with a limit on work too, in OR-Tools' deterministic seconds; beyond it the row has timed out."""
        self.unresolved = ""
        if not self._set_rows(rows):
            return self._infeasible("no whole number lies between both ends of a constraint")
        scaled = to_integers(costs[None], self._sizes, "auto", LIMITS)
        coeffs = self._objective.coeffs
        coeffs.clear()
        coeffs.extend(scaled.integers[0].tolist())
        parameters = self._solver.parameters
        parameters.max_time_in_seconds = np.inf if seconds is None else max(seconds, 0.0)
        parameters.max_deterministic_time = work
        self.events["cp_sat"] += 1
        callback = gap_callback()
        status = interruptible(lambda: self._solver.solve(self._model, callback), self._solver.stop_search)
        if status == cp_model.INFEASIBLE:
            return self._infeasible("no point satisfies all constraints and bounds")
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE, cp_model.UNKNOWN):
            return Outcome(SolveStatus.ERROR, message=f"CP-SAT ended with status {status.name}")
        point = None
        if status != cp_model.UNKNOWN:
            point = np.array(list(self._solver.response_proto.solution), dtype=np.float64)
        bound = scaled.least(0, proven_bound(self._solver, status), *self._ends, point)
        if point is None:
            message = "stopped at the time limit without a feasible point"
            return Outcome(SolveStatus.TIMEOUT, message=message, bound=bound, exact=True)
        if status == cp_model.FEASIBLE:
            return Outcome(SolveStatus.FEASIBLE, point, "stopped at the time limit with a feasible point", bound, True)
        if self._gap or scaled.resolves(0, point, bound):
            return Outcome(SolveStatus.OPTIMAL, point, bound=bound, exact=True)
        self.unresolved = UNRESOLVED
        return Outcome(SolveStatus.FEASIBLE, point, UNRESOLVED, bound, True)

    def _infeasible(self, message: str) -> Outcome:
        """Believed where the program in whole numbers is the one in floats; else another engine has to say so."""
        if self._whole.exact:
            return Outcome(SolveStatus.INFEASIBLE, message=message, exact=True)
        return Outcome(SolveStatus.ERROR, message=f"{message}, as far as CP-SAT's whole numbers tell")

    def _set_rows(self, rows: Rows) -> bool:
        """Change right sides; False if there is a row that whole numbers cannot meet."""
        lower, upper = rows.lower, rows.upper
        old_lower, old_upper = self._sides
        if not (lower is old_lower and upper is old_upper):
            for number in np.flatnonzero((lower != old_lower) | (upper != old_upper)).tolist():  # nan differs from all
                self._set_row(number, *self._whole.rows[number].ends(lower[number], upper[number]))
            self._sides = lower, upper
        return not self._impossible

    def _set_row(self, number: int, low: int, high: int) -> None:
        if low > high:  # OR-Tools calls a model with an empty range invalid
            self._impossible.add(number)
            return
        self._impossible.discard(number)
        domain = self._model.proto.constraints[number].linear.domain
        domain.clear()
        domain.extend((low, high))


def _model(whole: WholeProgram) -> cp_model.CpModel:
    model = cp_model.CpModel()
    bounds = zip(whole.lower.tolist(), whole.upper.tolist(), strict=True)
    variables = [model.new_int_var(low, high, "") for low, high in bounds]
    for row in whole.rows:
        terms = cp_model.LinearExpr.weighted_sum([variables[j] for j in row.variables], row.coefficients.tolist())
        model.add_linear_constraint(terms, -FAR, FAR)
    return model
