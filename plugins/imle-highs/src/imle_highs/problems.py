"""Instances of well-known problems, as keywords for `imle.layer("highs-ilp", **instance)`.

Each states in its docstring which sense the problem is usually solved with.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def knapsack(sizes: ArrayLike, capacities: ArrayLike) -> dict[str, Any]:
    """Choose items within one or several capacities; `sense="max"`, one score per item.

    Args:
        sizes: `[items]`, or `[dimensions, items]` for a multi-dimensional knapsack.
        capacities: one number, or `[dimensions]`.
    """
    return {
        "A_ub": np.atleast_2d(np.asarray(sizes, dtype=np.float64)),
        "b_ub": np.atleast_1d(np.asarray(capacities, dtype=np.float64)),
        "bounds": (0, 1),
    }


def set_cover(matrix: ArrayLike) -> dict[str, Any]:
    """Choose sets so that every element is in one of them; `sense="min"`, one cost per set.

    Args:
        matrix: `[elements, sets]`, 1 where the set contains the element.
    """
    contains = np.asarray(matrix, dtype=np.float64)
    return {"A_ub": -contains, "b_ub": -np.ones(len(contains)), "bounds": (0, 1)}


def assignment(n: int) -> dict[str, Any]:
    """Match n workers to n tasks; one coefficient per pair, worker by worker: `[n * n]`."""
    each = np.eye(n)
    workers = np.repeat(each, n, axis=1)
    tasks = np.tile(each, n)
    return {"A_eq": np.concatenate([workers, tasks]), "b_eq": np.ones(2 * n), "bounds": (0, 1)}
