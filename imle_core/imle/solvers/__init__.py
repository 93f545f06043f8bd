"""The solver protocol, its results, and (lazily, for they need torch) the successor's `select_k` functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imle.solvers.protocol import ArrayKind, PreparedSolver, Sense, Shape, Solver
from imle.solvers.result import SolveResult, SolveStatus

if TYPE_CHECKING:
    from imle.solvers.subsets import mathias_select_k, select_k

__all__ = [
    "ArrayKind",
    "PreparedSolver",
    "Sense",
    "Shape",
    "SolveResult",
    "SolveStatus",
    "Solver",
    "mathias_select_k",
    "select_k",
]


def __getattr__(name: str) -> Any:
    if name in ("select_k", "mathias_select_k"):
        import imle.solvers.subsets

        return getattr(imle.solvers.subsets, name)
    raise AttributeError(f"module 'imle.solvers' has no attribute {name!r}")
