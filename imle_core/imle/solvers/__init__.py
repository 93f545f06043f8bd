"""The solver protocol, its results, and (lazily) combinators and the successor's `select_k` functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imle.solvers.protocol import ArrayKind, PreparedSolver, Sense, Shape, Solver
from imle.solvers.result import SolveResult, SolveStatus

if TYPE_CHECKING:
    from imle.solvers.combinators import Cached, Deduplicated, Timed
    from imle.solvers.parallel import Parallel, Processes
    from imle.solvers.subsets import mathias_select_k, select_k

__all__ = [
    "ArrayKind",
    "Cached",
    "Deduplicated",
    "Parallel",
    "PreparedSolver",
    "Processes",
    "Sense",
    "Shape",
    "SolveResult",
    "SolveStatus",
    "Solver",
    "Timed",
    "mathias_select_k",
    "select_k",
]


def __getattr__(name: str) -> Any:
    if name in ("Cached", "Deduplicated", "Timed"):
        import imle.solvers.combinators

        return getattr(imle.solvers.combinators, name)
    if name in ("Parallel", "Processes"):
        import imle.solvers.parallel

        return getattr(imle.solvers.parallel, name)
    if name in ("select_k", "mathias_select_k"):
        import imle.solvers.subsets

        return getattr(imle.solvers.subsets, name)
    raise AttributeError(f"module 'imle.solvers' has no attribute {name!r}")
