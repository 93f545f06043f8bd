"""Native calls that can be ended: by Ctrl-C, and where several run at the same time, by the failure of another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")

_AGAIN = 0.05
"""Seconds between calls of `stop`: one that comes before the native call has begun may be lost."""
_stops: ContextVar[set[Callable[[], object]] | None] = ContextVar("stops", default=None)
"""What ends the native calls that run beside this one."""


def interruptible(call: Callable[[], T], stop: Callable[[], object]) -> T:
    """Run a native call that gives up the GIL, and stop it if Ctrl-C or another signal raises.

    Python handles signals in the main thread, between two of its own steps. There the call gets a thread of its own.

    Args:
        call: what to run.
        stop: makes it return soon; safe to call at any time.
    """
    if threading.current_thread() is threading.main_thread():
        return at_once([lambda: interruptible(call, stop)])[0]
    with stoppable(stop):
        return call()


@contextmanager
def stoppable(stop: Callable[[], object]) -> Iterator[None]:
    """Inside, `stop` is called, perhaps more than once, if what runs here at once with other calls is not wanted."""
    stops = _stops.get()
    if stops is None:
        yield
        return
    stops.add(stop)
    try:
        yield
    finally:
        stops.discard(stop)


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Run calls at the same time, each on a thread of its own. If one raises, or Ctrl-C does, all are stopped."""
    stops: set[Callable[[], object]] = set()

    def run(call: Callable[[], T]) -> T:
        _stops.set(stops)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        futures: list[Future[T]] = [pool.submit(run, call) for call in calls]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
            for future in futures:
                if future.done():
                    future.result()  # raises what it has raised
            return [future.result() for future in futures]
        finally:
            while not all(future.done() for future in futures):
                for stop in list(stops):
                    stop()
                wait(futures, _AGAIN)
