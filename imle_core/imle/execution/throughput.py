"""Throughput: how long rows take, and what follows for chunks and for the choice between serial and parallel."""

from __future__ import annotations

import itertools
import math
import threading
from typing import Literal

from imle.solvers.forks import renew_in_children

Mode = Literal["serial", "parallel"]

_WEIGHT = 0.3  # of the newest measurement
_SENDING = 1 / 8  # of the least a task should take: what the parent does for one (`python -m benchmarks scale`)
_AGAIN = 64  # batches after which the slower way is measured again
_CHUNKS_PER_WORKER = 4  # enough for an even load where rows differ
_PROBES = 256  # tasks of a batch with a time limit, where nothing is known: small ones lose little if they are too long


class Throughput:
    """Seconds per row, measured. Copies start afresh.

    Attributes:
        busy: inside the solver, as a worker sees it; None before the first batch.
        serial_seconds: in serial batches so far.
    """

    def __init__(self) -> None:
        self.renew()
        renew_in_children(self)
        self.busy: float | None = None
        self.serial_seconds = 0.0
        self._wall: dict[Mode, float] = {}
        self._batches = 0

    def renew(self) -> None:
        """Free the lock in a forked child."""
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[Throughput], tuple[()]]:
        return Throughput, ()

    def solved(self, rows: int, seconds: float) -> None:
        """Count what a solver took for some rows."""
        new = seconds / rows
        with self._lock:
            self.busy = new if self.busy is None else _mean(self.busy, new)

    def waited(self, mode: Mode, rows: int, seconds: float) -> None:
        """Count what a batch took, all in all."""
        with self._lock:
            self._wall[mode] = _mean(self._wall.get(mode), seconds / rows)
            self._batches += 1
            if mode == "serial":
                self.serial_seconds += seconds

    def worth_splitting(self, rows: int, least: float) -> bool:
        """Whether a batch is large enough to be split into tasks of `least` seconds."""
        return rows > 1 and self.busy is not None and rows * self.busy > 2 * least

    def better(self) -> Mode:
        """The way that took less time so far; the other one's turn comes now and then."""
        with self._lock:
            if "serial" not in self._wall:
                return "serial"
            if "parallel" not in self._wall:
                return "parallel"
            faster: Mode = "parallel" if self._wall["parallel"] < self._wall["serial"] else "serial"
            slower: Mode = "serial" if faster == "parallel" else "parallel"
            near = self._wall[slower] < 2 * self._wall[faster]
            return slower if near and self._batches % _AGAIN == 0 else faster

    def chunks(self, rows: int, workers: int, least: float, most: float | None = None) -> list[tuple[int, int]]:
        """Consecutive rows for each task: as many tasks as keep workers evenly busy, but no more than pay.

        One process sends them all, one after the other, so that more tasks make workers wait: C of them, c seconds
        each, and N rows of t seconds take about C c / 2 + N t / C where every task has a worker of its own, which is
        least where C is the root of 2 N t / c.

        Args:
            rows: how many there are.
            workers: how many tasks are solved at the same time.
            least: seconds that a task is to take at least.
            most: seconds that a task is to take at most, if there is such a limit; this one is stronger.
        """
        count = min(rows, workers * _CHUNKS_PER_WORKER)
        if self.busy is not None:
            total = rows * self.busy
            count = max(1, min(count, int(total / least), int(math.sqrt(2 * total / (least * _SENDING)))))
        if most is not None:
            count = min(rows, max(count, _PROBES if self.busy is None else math.ceil(rows * self.busy / most)))
        if workers < count:
            count -= count % workers
        bounds = [rows * n // count for n in range(count + 1)]
        return list(itertools.pairwise(bounds))


def _mean(old: float | None, new: float) -> float:
    return new if old is None else (1 - _WEIGHT) * old + _WEIGHT * new
