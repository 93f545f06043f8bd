"""Native calls that can be ended: by Ctrl-C, and where several run at the same time, by the failure of another."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import cache
from typing import TypeVar

T = TypeVar("T")

_AGAIN = 0.05
"""Seconds between calls of `stop`: one that comes before the native call has begun may be lost."""
_stops: ContextVar[set[Callable[[], object]] | None] = ContextVar("stops", default=None)
"""What ends the native calls that run beside this one."""


def interruptible(call: Callable[[], T], stop: Callable[[], object]) -> T:
    """Run a native call that gives up the GIL, and stop it if Ctrl-C or another signal raises.

    Python handles signals in the main thread, between two of its own steps. There another thread makes the call.

    Args:
        call: what to run.
        stop: makes it return soon; safe to call at any time.
    """
    if threading.current_thread() is not threading.main_thread():
        with stoppable(stop):
            return call()
    future = _helper().submit(copy_context().run, call)
    try:
        return future.result()
    finally:
        while not future.done():
            stop()
            wait([future], _AGAIN)


@cache
def _helper_of(process: int) -> ThreadPoolExecutor:
    del process  # a forked child has none of the threads
    return ThreadPoolExecutor(1, thread_name_prefix="imle-native")


def _helper() -> ThreadPoolExecutor:
    """The one thread that makes calls for the main thread: solvers keep things for each thread they see."""
    return _helper_of(os.getpid())


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
        futures: list[Future[T]] = [pool.submit(copy_context().run, run, call) for call in calls]
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
