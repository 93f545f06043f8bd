"""Native calls that Ctrl-C can end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

_AGAIN = 0.05
"""Seconds between calls of `stop`: one that comes before the native call has begun may be lost."""


def interruptible(call: Callable[[], T], stop: Callable[[], object]) -> T:
    """Run a native call that gives up the GIL, and stop it if Ctrl-C or another signal raises.

    Python handles signals in the main thread, between two of its own steps. There the call gets a thread of its own;
    in other threads it is just called.

    Args:
        call: what to run.
        stop: makes it return soon; safe to call at any time.
    """
    if threading.current_thread() is not threading.main_thread():
        return call()
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # raised again below
            future.set_exception(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        return future.result()
    finally:
        while thread.is_alive():
            if not future.done():
                stop()
            thread.join(_AGAIN)
