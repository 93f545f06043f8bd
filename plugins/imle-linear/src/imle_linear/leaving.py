"""Native calls that nothing can stop: after Ctrl-C, or when their time is over, they are left to end on their own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import TypeVar

from imle.solvers.cancellation import CancelledError, stoppable

T = TypeVar("T")


def leaving(call: Callable[[], T], seconds: float | None) -> T | None:
    """Run a native call that gives up the GIL in a thread of its own, which goes on if it is left.

    Args:
        call: what to run.
        seconds: how long to wait for it, if there is a limit.

    Returns:
        Its result; None if it has not ended in time.

    Raises:
        CancelledError: the work it belongs to is given up.
    """
    ended: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            ended.put((call(), None))
        except BaseException as error:  # raised where the call was asked for
            ended.put((None, error))

    threading.Thread(target=copy_context().run, args=(run,), daemon=True).start()
    with stoppable(lambda: ended.put((None, CancelledError("the result of these rows is not needed any more")))):
        try:
            result, error = ended.get(timeout=seconds)  # Ctrl-C ends it
        except Empty:
            return None
    if error is not None:
        raise error
    return result
