"""Layers are copied and sent to other processes; a problem that was solved holds engines that cannot be.

Importing this module registers a reducer (`copyreg`), by which copies of problems come without these.
"""

from __future__ import annotations

import copy
import copyreg
from typing import Any

import cvxpy as cp


def _reduce(problem: cp.Problem) -> tuple[Any, ...]:
    state = {**vars(problem), "_cache": type(problem._cache)(), "_solver_cache": {}, "_solution": None}
    if state.get("_solver_stats") is not None:
        state["_solver_stats"] = copy.copy(state["_solver_stats"])
        state["_solver_stats"].extra_stats = None
    return copyreg.__newobj__, (type(problem),), state  # type: ignore[attr-defined]


copyreg.pickle(cp.Problem, _reduce)
