"""Cancellation: work that no caller waits for any more, after Ctrl-C or an error, is given up soon.

What runs for a long time asks `cancelled()` now and then, or says with `stoppable` how it is ended from outside.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from imle.errors import ImleError

__all__ = ["CancelledError", "cancelled", "raise_if_cancelled", "stoppable"]

_AGAIN = 0.05
"""Seconds between two calls of what stops a native call: one that comes before the call has begun may be lost."""


class CancelledError(ImleError):
    """No caller waits for this work any more."""


class CancelToken:
    """What ends a piece of work from outside.

    Attributes:
        cancelled: no caller waits for the work any more.
    """

    def __init__(self) -> None:
        self.cancelled = False
        self._calls: dict[object, Callable[[], object]] = {}

    @contextmanager
    def inside(self) -> Iterator[None]:
        """What runs here, also in threads that run in a copy of this context, is part of the work."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    @contextmanager
    def calling(self, stop: Callable[[], object]) -> Iterator[None]:
        """Inside, `stop` is part of `cancel()`."""
        key = object()
        self._calls[key] = stop
        try:
            if self.cancelled:
                stop()
            yield
        finally:
            del self._calls[key]

    def cancel(self) -> None:
        """Give the work up. From any thread, and as often as you like."""
        self.cancelled = True
        for call in list(self._calls.values()):
            call()


def stop_until(token: CancelToken, futures: Collection[Future[Any]], seconds: float = math.inf) -> None:
    """Give work up, and wait until these have ended, so many seconds at the most."""
    end = time.monotonic() + seconds
    while not all(future.done() for future in futures) and time.monotonic() < end:
        token.cancel()
        wait(futures, _AGAIN)


_current: ContextVar[CancelToken | None] = ContextVar("imle_cancel_token", default=None)


def cancelled() -> bool:
    """Whether no caller waits any more for what runs here. For authors of solvers whose rows take long."""
    token = _current.get()
    return token is not None and token.cancelled


def raise_if_cancelled() -> None:
    """Go on only if a caller waits for what runs here.

    Raises:
        CancelledError: none does.
    """
    token = _current.get()
    if token is not None and token.cancelled:
        raise CancelledError("no caller waits for these rows any more")


@contextmanager
def stoppable(stop: Callable[[], object]) -> Iterator[None]:
    """Inside, `stop` is called, perhaps more than once, as soon as no caller waits any more for what runs here.

    Args:
        stop: makes a native call return soon; called from another thread, at any time.
    """
    token = _current.get()
    if token is None:
        yield
        return
    with token.calling(stop):
        yield


first_failure_ends: ContextVar[bool] = ContextVar("imle_first_failure_ends", default=False)
"""Whether the first row that is lost for good is to be raised as a `SolveError`: the others need no solving then."""
