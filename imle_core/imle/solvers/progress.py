"""Progress of long solves: solvers say how far they are, and whoever asked hears it at a steady pace.

Without a layer that was built with `progress=`, `report` costs one look-up.
"""

from __future__ import annotations

import dataclasses
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from imle.errors import OptionError
from imle.progress import Bar, open_bar
from imle.solvers.forks import renew_in_children

_log = logging.getLogger("imle.progress")
_PAUSE = 1.0
"""Seconds between two calls of a function."""
_BAR_PAUSE = 0.25
"""Seconds between two looks of a bar."""


@dataclass(frozen=True)
class Progress:
    """How far the solving of a batch is.

    Attributes:
        solver: its id.
        rows: how many there are.
        done: how many are solved; None if the solver does not say.
        seconds: since they were begun.
        gap: relative gap between the best solution so far and what is proven, for the row that is being solved;
            None if there is no solution yet, or the solver does not say.
    """

    solver: str
    rows: int
    done: int | None
    seconds: float
    gap: float | None = None

    def __str__(self) -> str:
        count = f"{self.rows} rows" if self.done is None else f"{self.done} of {self.rows} rows"
        gap = "" if self.gap is None else f", gap of this row {self.gap:.2%}"
        return f"{self.solver}: {count} in {self.seconds:.0f} s{gap}"


Listener = Callable[[Progress], None]


@dataclass(frozen=True)
class ProgressRequest:
    """What a layer was asked for.

    Attributes:
        listener: called from a thread of its own.
        seconds: between two calls.
        end: called when the batch is solved.
    """

    listener: Listener
    seconds: float
    end: Callable[[], None] | None = None


class _RowsBar:
    """A listener that shows the rows of a batch as a bar."""

    def __init__(self) -> None:
        self._bar: Bar | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"_bar": None}  # a copy of a layer has a bar of its own

    def __call__(self, now: Progress) -> None:
        if self._bar is None:
            self._bar = open_bar(now.solver, now.rows)
        self._bar.set(now.done or 0, now.rows, "" if now.gap is None else f"gap {now.gap:.2%}")

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None


class _Monitor:
    """Collects what is reported; a thread of its own passes it on."""

    def __init__(self, wanted: ProgressRequest, solver: str, rows: int) -> None:
        self._wanted = wanted
        self._progress = Progress(solver, rows, None, 0.0)
        self._start = time.perf_counter()
        self.renew()
        renew_in_children(self)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="imle-progress", daemon=True)
        self._thread.start()

    def renew(self) -> None:
        self._lock = threading.Lock()

    def report(self, rows: int, gap: float | None) -> None:
        with self._lock:
            if rows:  # what was said of the row before is over
                done = (self._progress.done or 0) + rows
                self._progress = dataclasses.replace(self._progress, done=done, gap=None)
            if gap is not None:
                self._progress = dataclasses.replace(self._progress, gap=gap)

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        if self._wanted.end is not None:
            self._wanted.end()

    def _tell(self) -> None:
        while not self._over.wait(self._wanted.seconds):
            with self._lock:
                now = dataclasses.replace(self._progress, seconds=time.perf_counter() - self._start)
            try:
                self._wanted.listener(now)
            except Exception:  # progress is no reason to lose a batch
                _log.exception("progress: the function given to the layer raised; it hears no more of this batch")
                return


_current: ContextVar[_Monitor | None] = ContextVar("imle_progress", default=None)


def is_requested() -> bool:
    """Whether progress is wanted: else solvers need not set up callbacks."""
    return _current.get() is not None


def report(rows: int = 0, *, gap: float | None = None) -> None:
    """Say how far a solver is. For solver authors; does nothing unless a layer with `progress=` is solving.

    Args:
        rows: how many more rows are solved.
        gap: relative gap of the row that is being solved.
    """
    monitor = _current.get()
    if monitor is not None:
        monitor.report(rows, gap)


@contextmanager
def monitored(wanted: ProgressRequest, solver: str, rows: int) -> Iterator[None]:
    """Listen to what is reported inside a `with` block, also by threads that run in a copy of its context.

    Args:
        wanted: the function to call, from a thread of its own, and how often.
        solver: its id.
        rows: how many rows are about to be solved.
    """
    monitor = _Monitor(wanted, solver, rows)
    token = _current.set(monitor)
    try:
        yield
    finally:
        _current.reset(token)
        monitor.close()


def wanted(given: Any) -> ProgressRequest | None:
    """Read the option `progress=` of a layer.

    Args:
        given: "bar", seconds between lines on stderr, a function of a `Progress` that is called every second, or None.

    Raises:
        OptionError: it is neither.
    """
    if given is None:
        return None
    if isinstance(given, str) and given == "bar":
        bar = _RowsBar()
        return ProgressRequest(bar, _BAR_PAUSE, bar.close)
    if callable(given):
        return ProgressRequest(given, _PAUSE)
    if isinstance(given, (int, float)) and not isinstance(given, bool) and 0 < given < float("inf"):
        return ProgressRequest(_print, float(given))
    raise OptionError(f"progress: expected seconds > 0, a function of a Progress, 'bar' or None, found {given!r}")


def _print(progress: Progress) -> None:
    sys.stderr.write(f"{progress}\n")
    sys.stderr.flush()
