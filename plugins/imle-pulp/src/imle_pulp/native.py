"""NativeEngine: PuLP's own `problem.solve(solver)`, one new problem and one new copy of the solver for each row."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import numpy as np
import pulp  # type: ignore[import-untyped]

from imle.solvers import SolveStatus
from imle_linear.arrays import Floats
from imle_linear.checking import SolutionChecker
from imle_linear.engines import Outcome
from imle_linear.program import LinearProgram, Rows
from imle_pulp.blueprint import Blueprint

_CLAIMS = {
    pulp.LpSolutionOptimal: Outcome(SolveStatus.OPTIMAL),
    pulp.LpSolutionIntegerFeasible: Outcome(SolveStatus.FEASIBLE, message="stopped early with a feasible point"),
}
_NO_POINT = {
    pulp.LpStatusInfeasible: Outcome(SolveStatus.INFEASIBLE, message="no point satisfies all constraints and bounds"),
    pulp.LpStatusUnbounded: Outcome(
        SolveStatus.UNBOUNDED, message="the feasible set is unbounded in the direction of the objective"
    ),
}

DIGITS = 1e-7
"""How far a point may be over a right side, relative to the largest term: CBC's solutions come with eight digits."""


class NativeEngine:
    """Solves rows with a solver object of PuLP's.

    Args:
        program: the feasible set, as read from a PuLP problem.
        blueprint: the problem.
        solver: a pulp.LpSolver; it is copied, never used itself.
    """

    def __init__(self, program: LinearProgram, blueprint: Blueprint, solver: Any) -> None:
        self.events: Counter[str] = Counter()
        self._bounds = program.lower, program.upper
        self._blueprint = blueprint
        self._checker = SolutionChecker(program, DIGITS)
        self._solver = solver
        self._name = type(solver).__name__

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Minimise `costs` `[n]`.

        Args:
            costs: of all variables.
            rows: least and greatest values of the constraint rows.
            seconds: not used; the solver object has a time limit of its own, or none.
        """
        outcome = self._run(costs, rows)
        if outcome.status in (SolveStatus.INFEASIBLE, SolveStatus.UNBOUNDED):
            return self._which(costs, rows, outcome)
        return outcome

    def _which(self, costs: Floats, rows: Rows, claim: Outcome) -> Outcome:
        """Infeasible or unbounded: PuLP's solvers often say the one and mean the other."""
        self.events["solved_again_for_any_point"] += 1
        lower, upper = self._bounds
        # towards the bounds, where there is an end to everything; of no objective at all, CBC makes up points
        found = self._run(np.where(np.isfinite(lower), 1.0, np.where(np.isfinite(upper), -1.0, 0.0)), rows)
        may_be_unbounded = (((costs > 0) & np.isneginf(lower)) | ((costs < 0) & np.isposinf(upper))).any()
        if found.status.ok and may_be_unbounded:
            return _NO_POINT[pulp.LpStatusUnbounded]
        if found.status.ok or found.status == SolveStatus.UNBOUNDED:
            return self._error(f"calls {claim.status.name.lower()} what has a best solution by the variables' bounds")
        return found

    def _run(self, costs: Floats, rows: Rows) -> Outcome:
        problem, variables = self._blueprint.build(costs, rows)
        try:
            # a copy for each row: some (GUROBI) keep the model of the row before, and would solve that again
            problem.solve(copy.copy(self._solver))
        except Exception as error:  # third-party code: whatever it raises is about this row, not about the others
            return self._error(f"raised {type(error).__name__}: {error}")
        return self._read(problem, variables, rows)

    def _read(self, problem: Any, variables: list[Any], rows: Rows) -> Outcome:
        """What the solver left on the problem."""
        if problem.status in _NO_POINT:
            return _NO_POINT[problem.status]
        said = problem.sol_status
        if said is None:  # COPT_CMD sets `status` alone
            said = pulp.constants.LpStatusToSolution.get(problem.status)
        # LpStatusNotSolved alone says nothing: PuLP's own table takes it for "infeasible"
        claim = _CLAIMS.get(said) if problem.status == pulp.LpStatusOptimal else None
        if claim is None:
            ended, found = pulp.LpStatus.get(problem.status, problem.status), pulp.LpSolution.get(said, said)
            return self._unsolved(f"ended with status {ended!r} and solution status {found!r}")
        silent = next((variable.name for variable in variables if variable.varValue is None), None)
        if silent is not None:
            return self._error(f"gives no value for variable {silent!r}")
        point, flaw = self._checker.mend(
            np.array([variable.varValue for variable in variables], dtype=np.float64), rows
        )
        if not flaw:
            return claim._replace(point=point)
        if claim.status == SolveStatus.FEASIBLE:  # for linear programs, whatever the simplex method was at
            return self._unsolved(f"stopped early without a feasible point: {flaw}")
        return self._error(f"calls optimal what is not feasible: {flaw}")

    def _unsolved(self, message: str) -> Outcome:
        """Neither solved nor proven to have no solution: with a time limit, the likely reason is that."""
        if getattr(self._solver, "timeLimit", None) is None:
            return self._error(message)
        return Outcome(SolveStatus.TIMEOUT, message=f"{self._name} {message}")

    def _error(self, message: str) -> Outcome:
        return Outcome(SolveStatus.ERROR, message=f"{self._name} {message}")
