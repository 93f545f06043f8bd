"""The solver protocol, its results, and (lazily, for they need torch) the successor's `select_k` functions."""

from imle.solvers.protocol import ArrayKind, PreparedSolver, Sense, Shape, Solver
from imle.solvers.result import SolveResult, SolveStatus

__all__ = ["ArrayKind", "PreparedSolver", "Sense", "Shape", "SolveResult", "SolveStatus", "Solver"]
