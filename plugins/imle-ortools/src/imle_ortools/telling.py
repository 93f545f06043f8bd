"""Gaps of long CP-SAT solves, for layers with `progress=`."""

from __future__ import annotations

from ortools.sat.python import cp_model

from imle.solvers import progress


class _Gap(cp_model.CpSolverSolutionCallback):
    """Hears of every better solution."""

    def on_solution_callback(self) -> None:
        best = self.objective_value
        progress.report(gap=abs(best - self.best_objective_bound) / max(1.0, abs(best)))


def gap_teller() -> cp_model.CpSolverSolutionCallback | None:
    """A callback, where somebody listens."""
    return _Gap() if progress.listening() else None
