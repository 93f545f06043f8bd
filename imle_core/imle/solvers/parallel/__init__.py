"""Rows of a batch on many workers: threads, processes, or any `concurrent.futures.Executor`. Free of torch."""

from __future__ import annotations

from imle.solvers.parallel.parallel import Parallel
from imle.solvers.parallel.processes import Processes, WorkerDiedError, WorkerTimeoutError

__all__ = ["Parallel", "Processes", "WorkerDiedError", "WorkerTimeoutError"]
