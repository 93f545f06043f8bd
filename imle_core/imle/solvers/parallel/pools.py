"""Workers of the whole process: their start-up is paid once, whatever layers come and go."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

from imle.solvers.parallel.processes import Processes

_lock = threading.Lock()
_threads: dict[int, ThreadPoolExecutor] = {}
_dispatchers: dict[int, ThreadPoolExecutor] = {}
_processes: dict[int, Processes] = {}


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads(workers: int) -> ThreadPoolExecutor:
    """So many threads; the same ones for everybody who asks for that number."""
    with _lock:
        if workers not in _threads:
            _threads[workers] = ThreadPoolExecutor(workers, thread_name_prefix="imle-solver")
        return _threads[workers]


def processes(workers: int) -> Processes:
    """So many processes; the same ones for everybody who asks for that number."""
    with _lock:
        if workers not in _processes:
            _processes[workers] = Processes(workers)
        return _processes[workers]


def dispatchers(workers: int) -> ThreadPoolExecutor:
    """So many threads that wait for workers, each for those of one instance."""
    with _lock:
        if workers not in _dispatchers:
            _dispatchers[workers] = ThreadPoolExecutor(workers, thread_name_prefix="imle-instance")
        return _dispatchers[workers]


def _forget() -> None:
    """In a forked child there are neither threads nor pipes of one's own."""
    global _lock
    _lock = threading.Lock()
    _threads.clear()
    _dispatchers.clear()
    _processes.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
