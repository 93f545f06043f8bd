"""SCIP and CBC, as OR-Tools ships them: kept model, coefficients replaced. Runs in a process of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from ortools.linear_solver.pywraplp import MPSolverParameters, Solver

from imle.errors import OptionError, SolverUnavailableError
from imle.solvers import SolveStatus
from imle_linear.apart import ApartEngine
from imle_linear.arrays import Floats
from imle_linear.engines import Engine, Outcome
from imle_linear.program import LinearProgram, Rows

NAMES = {"scip": "SCIP", "cbc": "CBC"}
_MP = MPSolverParameters


@dataclass(frozen=True)
class Bundled:
    """How one of the bundled solvers is to solve.

    Attributes:
        backend: "scip" or "cbc".
        gap: relative gap at which the search may stop.
        threads: per solve.
        seed: of SCIP's random choices; CBC takes none.
        options: SCIP's parameters by name; CBC takes none.
    """

    backend: str
    gap: float
    threads: int
    seed: int
    options: tuple[tuple[str, object], ...] = field(default=())

    def solver(self) -> Solver:
        """An empty model.

        Raises:
            SolverUnavailableError: this build of OR-Tools lacks the backend.
            OptionError: SCIP does not know a parameter, or not that value.
        """
        solver = Solver.CreateSolver(NAMES[self.backend])
        if solver is None:
            raise SolverUnavailableError(
                f"ortools-ilp: backend={self.backend!r}: expected an OR-Tools with {NAMES[self.backend]}, found one "
                "without",
                hint="pip install --upgrade ortools, or take another backend",
            )
        if self.backend == "scip":
            for name, value in (("limits/absgap", 0), ("randomization/randomseedshift", self.seed), *self.options):
                if not solver.SetSolverSpecificParametersAsString(f"{name} = {value}\n"):
                    raise OptionError(
                        f"ortools-ilp: options: expected parameters of SCIP, found {name!r}: {value!r}",
                        hint="such as numerics/feastol; see https://www.scipopt.org/doc/html/PARAMETERS.php",
                    )
        if self.threads > 1:
            solver.SetNumThreads(self.threads)
        return solver

    def engine(self, program: LinearProgram) -> Engine:
        """In this process."""
        return Model(program, self)

    def apart(self, program: LinearProgram) -> Engine:
        """In a process that can be ended: neither hears Ctrl-C, and both look at the clock when they please.

        Raises:
            SolverUnavailableError, OptionError: as `solver` does.
        """
        self.solver()
        return ApartEngine(program, NAMES[self.backend], self.engine)


class Model:
    """One native model, one row after the other; a row's answer depends on that row alone.

    Args:
        program: the feasible set.
        how: to solve it.
    """

    def __init__(self, program: LinearProgram, how: Bundled) -> None:
        self.events: Counter[str] = Counter()
        self._backend = how.backend
        self._native = native = how.solver()
        self._parameters = _MP()
        self._parameters.SetDoubleParam(_MP.RELATIVE_MIP_GAP, how.gap)
        # what was solved before would otherwise choose among ties
        self._parameters.SetIntegerParam(_MP.INCREMENTALITY, _MP.INCREMENTALITY_OFF)
        bounds = program.lower.tolist(), program.upper.tolist(), program.integer.tolist()
        self._variables = [native.Var(low, high, whole, "") for low, high, whole in zip(*bounds, strict=True)]
        self._bounded = bool(np.isfinite(program.lower).all() and np.isfinite(program.upper).all())
        matrix = program.matrix
        self._constraints = [native.Constraint() for _ in range(matrix.shape[0])]
        entries = matrix.index.tolist(), matrix.column.tolist(), matrix.value.tolist()
        for row, column, value in zip(*entries, strict=True):
            self._constraints[row].SetCoefficient(self._variables[column], value)
        nothing = np.full(matrix.shape[0], np.nan)
        self._sides = nothing, nothing

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Minimise `costs` `[n]` within the time limit, if there is one. Nothing of the answer is checked."""
        self.events[self._backend] += 1
        self._set_rows(rows)
        self._native.SetTimeLimit(0 if seconds is None else max(1, round(1000 * seconds)))  # 0 is no limit
        status = self._run(costs)
        if status in (Solver.OPTIMAL, Solver.FEASIBLE):
            # read everything before the objective changes: afterwards OR-Tools answers with a warning per variable
            point = np.array([variable.solution_value() for variable in self._variables])
            if status == Solver.OPTIMAL:
                return Outcome(SolveStatus.OPTIMAL, point)
            return Outcome(SolveStatus.FEASIBLE, point, "stopped at the time limit with a feasible point")
        if status == Solver.NOT_SOLVED:
            return Outcome(SolveStatus.TIMEOUT, message="stopped at the time limit without a feasible point")
        if status == Solver.INFEASIBLE and self._bounded:
            return Outcome(SolveStatus.INFEASIBLE, message="no point satisfies all constraints and bounds")
        if status in (Solver.INFEASIBLE, Solver.UNBOUNDED):
            return self._feasible_or_not(costs)
        return Outcome(SolveStatus.ERROR, message=f"{NAMES[self._backend]} ended with status {status}")

    def _run(self, costs: Floats) -> int:
        objective = self._native.Objective()
        for variable, cost in zip(self._variables, costs.tolist(), strict=True):
            objective.SetCoefficient(variable, cost)
        objective.SetMinimization()
        return int(self._native.Solve(self._parameters))

    def _feasible_or_not(self, costs: Floats) -> Outcome:
        """The backends tell unbounded from infeasible now and then; without an objective only one of them is left."""
        if self._run(np.zeros_like(costs)) == Solver.OPTIMAL:
            return Outcome(
                SolveStatus.UNBOUNDED, message="the feasible set is unbounded in the direction of the objective"
            )
        return Outcome(SolveStatus.INFEASIBLE, message="no point satisfies all constraints and bounds")

    def _set_rows(self, rows: Rows) -> None:
        lower, upper = rows.lower, rows.upper
        old_lower, old_upper = self._sides
        for row in np.flatnonzero((lower != old_lower) | (upper != old_upper)).tolist():  # nan differs from all
            self._constraints[row].SetBounds(float(lower[row]), float(upper[row]))
        self._sides = lower, upper
