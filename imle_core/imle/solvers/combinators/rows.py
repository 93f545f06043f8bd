"""Rows of a batch: picking some of them, and kinds of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.intp]


def some(given: Mapping[str, Any], index: Index) -> dict[str, Any]:
    """The entries of some rows, of every argument that has one entry per row."""
    return {
        name: value[index] if hasattr(value, "shape") else [value[n] for n in index.tolist()]
        for name, value in given.items()
    }


def to_numpy(values: Any) -> NDArray[Any]:
    """A numpy array from one, or from a tensor on any device."""
    return np.asarray(values.detach().cpu().numpy() if hasattr(values, "detach") else values)


def like(objective: Any, solutions: NDArray[Any]) -> Any:
    """Numpy solutions as the kind of array the objective is."""
    return objective.new_tensor(solutions) if hasattr(objective, "new_tensor") else solutions
