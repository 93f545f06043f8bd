"""The solver protocol, its results, and (lazily) combinators and the successor's `select_k` functions."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from imle.solvers.blocks import BlockData, BlockLayout, BlockTable
from imle.solvers.protocol import ArrayKind, PreparedSolver, Sense, Shape, Solver
from imle.solvers.result import SolveResult, SolveStatus

if TYPE_CHECKING:
    from imle.solvers.combinators import Cached, Deduplicated, Timed
    from imle.solvers.combinators.pooled import Pooled
    from imle.solvers.parallel import Parallel, Processes
    from imle.solvers.pool import SolutionPool
    from imle.solvers.progress import Progress
    from imle.solvers.subsets import mathias_select_k, select_k

__all__ = [
    "ArrayKind",
    "BlockData",
    "BlockLayout",
    "BlockTable",
    "Cached",
    "Deduplicated",
    "Parallel",
    "Pooled",
    "PreparedSolver",
    "Processes",
    "Progress",
    "Sense",
    "Shape",
    "SolutionPool",
    "SolveResult",
    "SolveStatus",
    "Solver",
    "Timed",
    "mathias_select_k",
    "select_k",
]


_LAZY = {
    "Cached": "combinators",
    "Deduplicated": "combinators",
    "Parallel": "parallel",
    "Pooled": "combinators.pooled",
    "Processes": "parallel",
    "Progress": "progress",
    "SolutionPool": "pool",
    "Timed": "combinators",
    "mathias_select_k": "subsets",
    "select_k": "subsets",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"imle.solvers.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'imle.solvers' has no attribute {name!r}")
