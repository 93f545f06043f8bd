"""What CP-SAT tells of bounds: at the end of a solve, and during long ones to layers with `progress=`."""

from __future__ import annotations

from ortools.sat.python import cp_model

from imle.solvers import progress


class _Gap(cp_model.CpSolverSolutionCallback):
    """Called for every better solution."""

    def on_solution_callback(self) -> None:
        best = self.objective_value
        progress.report(gap=abs(best - self.best_objective_bound) / max(1.0, abs(best)))


def gap_callback() -> cp_model.CpSolverSolutionCallback | None:
    """A callback that reports the gap, where a layer was built with `progress=`; else None."""
    return _Gap() if progress.is_requested() else None


def proven_bound(solver: cp_model.CpSolver, status: cp_model.CpSolverStatus) -> float | None:
    """What no solution has less than as objective; None if CP-SAT says nothing.

    A search that ends early leaves the bound at 0, whatever the objective.
    """
    bound = float(solver.response_proto.best_objective_bound)
    return bound if bound or status == cp_model.OPTIMAL else None
