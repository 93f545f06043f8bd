"""Solvers that are slow, crash, hang or raise where their objective says so. Free of torch, for worker processes."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imle.errors import ObjectiveError
from imle.solvers import SolveResult

KILL, HANG, RAISE, REFUSE, KILL_ONCE = 1001.0, 1002.0, 1003.0, 1004.0, 1005.0
FORK_AND_HANG, FORK_AND_EXIT = 1006.0, 1007.0


@dataclass(frozen=True)
class Hazard:
    """One of the entries of largest value, after something happened.

    Args:
        milliseconds: a row takes, in pure Python.
        marker: a file that remembers that KILL_ONCE has killed, or the processes that rows have forked.
    """

    milliseconds: float = 0.0
    marker: str = ""
    sense = "max"
    array = "numpy"

    def prepare(self, size: int = 4):
        return PreparedHazard(self, size)


class PreparedHazard:
    def __init__(self, options: Hazard, size: int) -> None:
        self.options = options
        self.objective_shape = (size,)
        self.owner = threading.get_ident()

    def close(self):
        pass

    def solve(self, objective, *, hint=None):
        solutions = np.zeros_like(objective)
        for n, row in enumerate(objective):
            self._happen(n, row)
            solutions[n, row.argmax()] = 1
        return SolveResult(solutions, values=objective.max(axis=1), counters={"rows_seen": len(objective)})

    def _happen(self, n: int, row: np.ndarray) -> None:
        end = time.perf_counter() + self.options.milliseconds / 1e3
        while time.perf_counter() < end:
            pass
        first = row[0]
        if first == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        if first == KILL_ONCE and not Path(self.options.marker).exists():
            Path(self.options.marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if first in (FORK_AND_HANG, FORK_AND_EXIT):
            child = os.fork()
            if child == 0:
                time.sleep(1000)
            with Path(self.options.marker).open("a") as lines:
                lines.write(f"{child}\n")
            if first == FORK_AND_EXIT:
                os._exit(3)
        if first in (HANG, FORK_AND_HANG):
            time.sleep(1000)
        if first == RAISE:
            raise ZeroDivisionError("this row divides by zero")
        if first == REFUSE:
            raise ObjectiveError("this row is refused", row=n)


@dataclass(frozen=True)
class Slow(Hazard):
    """Takes its time to be prepared.

    Args:
        prepare_seconds: how long.
    """

    prepare_seconds: float = 0.0

    def prepare(self, size: int = 4):
        time.sleep(self.prepare_seconds)
        return super().prepare(size)


@dataclass(frozen=True)
class Homebound(Hazard):
    """Can be prepared in one process only; elsewhere it raises or ends the process, and leaves a line in `marker`.

    Args:
        home: the process.
        ends: whether it ends the other process.
    """

    home: int = 0
    ends: bool = False

    def prepare(self, size: int = 4):
        if os.getpid() != self.home:
            with Path(self.marker).open("a") as lines:
                lines.write("tried\n")
            if self.ends:
                os._exit(3)
            raise ImportError("no such package here")
        return super().prepare(size)


def loaded(name: str) -> bool:
    """Whether a module is imported in this process."""
    return name in sys.modules


def pid() -> int:
    return os.getpid()


def deaf_once(started):
    """A task that does not hear the first interrupt."""
    with contextlib.suppress(KeyboardInterrupt):
        started.touch()
        time.sleep(600)
    time.sleep(600)


def slow_pid(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def raise_odd() -> None:
    class OddError(Exception):
        def __init__(self, one, two):
            super().__init__(one)

    raise OddError(1, 2)
