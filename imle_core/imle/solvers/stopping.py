"""Stopping: work that no caller waits for any more, after Ctrl-C or an error, is given up soon.

What runs for a long time asks `given_up()` now and then, or says with `stoppable` how it is ended from outside.
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

__all__ = ["GivenUpError", "given_up", "refuse_given_up", "stoppable"]

_AGAIN = 0.05
"""Seconds between two calls of what stops a native call: one that comes before the call has begun may be lost."""


class GivenUpError(ImleError):
    """No caller waits for this work any more."""


class Stops:
    """What ends a piece of work from outside.

    Attributes:
        given_up: no caller waits for the work any more.
    """

    def __init__(self) -> None:
        self.given_up = False
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
        """Inside, `stop` is part of `stop()`."""
        key = object()
        self._calls[key] = stop
        try:
            if self.given_up:
                stop()
            yield
        finally:
            del self._calls[key]

    def stop(self) -> None:
        """Give the work up. From any thread, and as often as you like."""
        self.given_up = True
        for call in list(self._calls.values()):
            call()


def stop_until(stops: Stops, futures: Collection[Future[Any]], seconds: float = math.inf) -> None:
    """Give work up, and wait until these have ended, so many seconds at the most."""
    end = time.monotonic() + seconds
    while not all(future.done() for future in futures) and time.monotonic() < end:
        stops.stop()
        wait(futures, _AGAIN)


_current: ContextVar[Stops | None] = ContextVar("imle_stops", default=None)


def given_up() -> bool:
    """Whether no caller waits any more for what runs here. For authors of solvers whose rows take long."""
    stops = _current.get()
    return stops is not None and stops.given_up


def refuse_given_up() -> None:
    """Go on only if a caller waits for what runs here.

    Raises:
        GivenUpError: none does.
    """
    stops = _current.get()
    if stops is not None and stops.given_up:
        raise GivenUpError("no caller waits for these rows any more")


@contextmanager
def stoppable(stop: Callable[[], object]) -> Iterator[None]:
    """Inside, `stop` is called, perhaps more than once, as soon as no caller waits any more for what runs here.

    Args:
        stop: makes a native call return soon; called from another thread, at any time.
    """
    stops = _current.get()
    if stops is None:
        yield
        return
    with stops.calling(stop):
        yield


first_failure_ends: ContextVar[bool] = ContextVar("imle_first_failure_ends", default=False)
"""Whether the first row that is lost for good is to be raised as a `SolveError`: the others need no solving then."""
