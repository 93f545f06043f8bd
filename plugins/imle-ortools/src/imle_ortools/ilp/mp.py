"""SCIP and CBC, as OR-Tools ships them: kept model, coefficients replaced."""

from __future__ import annotations

from collections import Counter

import numpy as np
from ortools.linear_solver.pywraplp import MPSolverParameters, Solver

from imle.errors import SolverUnavailableError
from imle.solvers import SolveStatus
from imle_linear.arrays import Floats
from imle_linear.checking import SolutionChecker
from imle_linear.engines import Outcome, Rows
from imle_linear.program import LinearProgram

_NAMES = {"scip": "SCIP", "cbc": "CBC"}
_MP = MPSolverParameters
_SCIP_OPTIONS = "limits/absgap = 0\nrandomization/randomseedshift = {seed}\n"


class MPEngine:
    """One native model, one row after the other; a row's answer depends on that row alone.

    Args:
        program: the feasible set.
        backend: "scip" or "cbc".
        gap: relative gap at which the search may stop.
        threads: per solve.
        seed: of SCIP's random choices; CBC takes none.

    Raises:
        SolverUnavailableError: this build of OR-Tools lacks the backend.
    """

    def __init__(self, program: LinearProgram, backend: str, gap: float, threads: int, seed: int) -> None:
        self.events: Counter[str] = Counter()
        self._backend = backend
        native = Solver.CreateSolver(_NAMES[backend])
        if native is None:
            raise SolverUnavailableError(
                f"ortools-ilp: backend={backend!r}: expected an OR-Tools with {_NAMES[backend]}, found one without",
                hint="pip install --upgrade ortools, or take another backend",
            )
        self._native = native
        if backend == "scip":
            native.SetSolverSpecificParametersAsString(_SCIP_OPTIONS.format(seed=seed))
        if threads > 1:
            native.SetNumThreads(threads)
        self._parameters = _MP()
        self._parameters.SetDoubleParam(_MP.RELATIVE_MIP_GAP, gap)
        # what was solved before would otherwise choose among ties
        self._parameters.SetIntegerParam(_MP.INCREMENTALITY, _MP.INCREMENTALITY_OFF)
        self._checker = SolutionChecker(program)
        self._variables = [
            native.Var(low, high, whole, "")
            for low, high, whole in zip(
                program.lower.tolist(), program.upper.tolist(), program.integer.tolist(), strict=True
            )
        ]
        self._bounded = bool(np.isfinite(program.lower).all() and np.isfinite(program.upper).all())
        self._constraints = [native.Constraint() for _ in range(program.matrix.shape[0])]
        matrix = program.matrix
        for row, column, value in zip(
            matrix.index.tolist(), matrix.column.tolist(), matrix.value.tolist(), strict=True
        ):
            self._constraints[row].SetCoefficient(self._variables[column], value)
        nothing = np.full(matrix.shape[0], np.nan)
        self._rows: Rows = nothing, nothing

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Minimise `costs` `[n]` within the time limit, if there is one."""
        self.events[self._backend] += 1
        self._set_rows(rows)
        self._native.SetTimeLimit(0 if seconds is None else max(1, round(1000 * seconds)))  # 0 is no limit
        status = self._run(costs)
        if status in (Solver.OPTIMAL, Solver.FEASIBLE):
            # read everything before the objective changes: afterwards OR-Tools answers with a warning per variable
            point = np.array([variable.solution_value() for variable in self._variables])
            return self._found(point, status == Solver.OPTIMAL, rows)
        if status == Solver.NOT_SOLVED:
            return Outcome(SolveStatus.TIMEOUT, message="stopped at the time limit without a feasible point")
        if status == Solver.INFEASIBLE and self._bounded:
            return Outcome(SolveStatus.INFEASIBLE, message="no point satisfies all constraints and bounds")
        return self._feasible_or_not(costs)

    def _run(self, costs: Floats) -> int:
        objective = self._native.Objective()
        for variable, cost in zip(self._variables, costs.tolist(), strict=True):
            objective.SetCoefficient(variable, cost)
        objective.SetMinimization()
        return int(self._native.Solve(self._parameters))

    def _found(self, point: Floats, proven: bool, rows: Rows) -> Outcome:
        mended, wrong = self._checker.mend(point, rows)
        if wrong:
            return Outcome(SolveStatus.ERROR, message=f"{_NAMES[self._backend]}'s solution is none: {wrong}")
        if proven:
            return Outcome(SolveStatus.OPTIMAL, mended)
        return Outcome(SolveStatus.FEASIBLE, mended, "stopped at the time limit with a feasible point")

    def _feasible_or_not(self, costs: Floats) -> Outcome:
        """The backends tell unbounded from infeasible now and then; without an objective only one of them is left."""
        if self._run(np.zeros_like(costs)) == Solver.OPTIMAL:
            return Outcome(
                SolveStatus.UNBOUNDED, message="the feasible set is unbounded in the direction of the objective"
            )
        return Outcome(SolveStatus.INFEASIBLE, message="no point satisfies all constraints and bounds")

    def _set_rows(self, rows: Rows) -> None:
        lower, upper = rows
        old_lower, old_upper = self._rows
        if lower is old_lower and upper is old_upper:
            return
        for row in np.flatnonzero((lower != old_lower) | (upper != old_upper)).tolist():  # nan differs from all
            self._constraints[row].SetBounds(float(lower[row]), float(upper[row]))
        self._rows = rows
