"""Rows of a batch on many workers: threads, processes, or any `concurrent.futures.Executor`. Free of torch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imle.execution.parallel import Parallel
    from imle.execution.processes import Processes, WorkerDiedError, WorkerTimeoutError
    from imle.execution.ray_executor import RayExecutor
    from imle.execution.worker import begun

__all__ = ["Parallel", "Processes", "RayExecutor", "WorkerDiedError", "WorkerTimeoutError", "begun"]

_LAZY = {
    "Parallel": "parallel",
    "Processes": "processes",
    "RayExecutor": "ray_executor",
    "WorkerDiedError": "processes",
    "WorkerTimeoutError": "processes",
    "begun": "worker",
}
"""Worker processes import this package, and none of these."""


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"imle.execution.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'imle.execution' has no attribute {name!r}")
