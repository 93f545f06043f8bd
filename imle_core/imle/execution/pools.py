"""Workers of the whole process: their start-up is paid once, whatever layers come and go."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

from imle.execution.processes import Processes
from imle.solvers.forks import renew_in_children


class _Pools:
    """Pools by their number of workers."""

    def __init__(self) -> None:
        self.processes: dict[int, Processes] = {}
        self.renew()
        renew_in_children(self)

    def renew(self) -> None:
        """Forget threads that a forked child has not got; `Processes` see to themselves."""
        self.lock = threading.Lock()
        self.threads: dict[int, ThreadPoolExecutor] = {}
        self.dispatchers: dict[int, ThreadPoolExecutor] = {}


_pools = _Pools()


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads(workers: int) -> ThreadPoolExecutor:
    """So many threads; the same ones for everybody who asks for that number."""
    with _pools.lock:
        if workers not in _pools.threads:
            _pools.threads[workers] = ThreadPoolExecutor(workers, thread_name_prefix="imle-solver")
        return _pools.threads[workers]


def processes(workers: int) -> Processes:
    """So many processes; the same ones for everybody who asks for that number."""
    with _pools.lock:
        if workers not in _pools.processes:
            _pools.processes[workers] = Processes(workers)
        return _pools.processes[workers]


def dispatchers(workers: int) -> ThreadPoolExecutor:
    """So many threads that wait for workers, each for those of one instance."""
    with _pools.lock:
        if workers not in _pools.dispatchers:
            _pools.dispatchers[workers] = ThreadPoolExecutor(workers, thread_name_prefix="imle-instance")
        return _pools.dispatchers[workers]
