"""What solvers are: protocol, results, base classes for authors; and combinators. Most of it is loaded when used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from imle.solvers.blocks import BlockData, BlockLayout, BlockTable
from imle.solvers.normal_cones import FindsNormalCones, NormalCones
from imle.solvers.protocol import ArrayKind, FixedTerms, PreparedSolver, RowShapes, Sense, Shape, Solver
from imle.solvers.result import SolveResult, SolveStatus

if TYPE_CHECKING:
    from imle.solvers.base import AwaitingInstance, BasePrepared, BaseSolver, missing_instance
    from imle.solvers.combinators import Cached, Deduplicated, Timed
    from imle.solvers.combinators.pooled import Pooled
    from imle.solvers.pool import SolutionPool
    from imle.solvers.progress import Progress
    from imle.solvers.row_results import RowResults
    from imle.solvers.subsets import mathias_select_k, select_k

__all__ = [
    "ArrayKind",
    "AwaitingInstance",
    "BasePrepared",
    "BaseSolver",
    "BlockData",
    "BlockLayout",
    "BlockTable",
    "Cached",
    "Deduplicated",
    "FindsNormalCones",
    "FixedTerms",
    "NormalCones",
    "Pooled",
    "PreparedSolver",
    "Progress",
    "RowResults",
    "RowShapes",
    "Sense",
    "Shape",
    "SolutionPool",
    "SolveResult",
    "SolveStatus",
    "Solver",
    "Timed",
    "mathias_select_k",
    "missing_instance",
    "select_k",
]


_LAZY = {
    "AwaitingInstance": "base",
    "BasePrepared": "base",
    "BaseSolver": "base",
    "Cached": "combinators",
    "Deduplicated": "combinators",
    "Pooled": "combinators.pooled",
    "Progress": "progress",
    "RowResults": "row_results",
    "SolutionPool": "pool",
    "Timed": "combinators",
    "mathias_select_k": "subsets",
    "missing_instance": "base",
    "select_k": "subsets",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"imle.solvers.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'imle.solvers' has no attribute {name!r}")
