"""Native calls that can be ended: by Ctrl-C, and where several run at the same time, by the failure of another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import TypeVar

from imle.solvers.cancellation import CancelToken, stop_until, stoppable
from imle.solvers.forks import renew_in_children

__all__ = ["at_once", "interruptible"]

T = TypeVar("T")

SIGNAL_POLL = 0.5
"""Seconds after which Ctrl-C is heard for sure: a signal a moment before a thread begins to wait does not wake it."""


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
    token = CancelToken()
    with token.calling(stop):
        future = _helper.pool.submit(copy_context().run, call)
        try:
            while not wait([future], SIGNAL_POLL).done:
                pass
            return future.result()
        finally:
            stop_until(token, [future])


class _Helper:
    """The one thread that makes calls for the main thread: solvers keep things for each thread they see."""

    def __init__(self) -> None:
        self.renew()
        renew_in_children(self)

    def renew(self) -> None:
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="imle-native")


_helper = _Helper()


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Run calls at the same time, each on a thread of its own. If one raises, or Ctrl-C does, all are stopped.

    Args:
        calls: at least one. To be stopped early, they run their native code under `interruptible`.

    Returns:
        what they return, in their order. What one raises is raised here, once all have ended.
    """
    token = CancelToken()
    with ThreadPoolExecutor(len(calls)) as pool, stoppable(token.cancel):
        with token.inside():
            futures: list[Future[T]] = [pool.submit(copy_context().run, call) for call in calls]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
            for future in futures:
                if future.done():
                    future.result()  # raises what it has raised
            return [future.result() for future in futures]
        finally:
            stop_until(token, futures)
