"""Watch: whether a cluster still answers, found out without waiting for it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sized

_PAUSE = 5.0
"""Seconds between two questions."""
_APART = 5.0
"""Seconds between two looks that are not part of the same waiting."""
_SILENCE = 30.0
"""Seconds without an answer after which there will be none."""
_EMPTY = 120.0
"""Seconds without a worker after which there will be none, if there were any before; else they may have to queue."""


class Watch:
    """Asks a cluster for its workers, again and again.

    Args:
        workers: returns them; what it raises is no answer.
    """

    def __init__(self, workers: Callable[[], Sized]) -> None:
        self._workers = workers
        self._asking: threading.Thread | None = None
        self._looked = self._asked = self._answered = -math.inf
        self._manned: float | None = None

    def lost(self) -> str:
        """Why it is in vain to wait, "" if it is not. Returns at once; to be called now and then while waiting."""
        now = time.monotonic()
        if now - self._looked > _APART:  # the waiting has only begun
            self._answered = now
            self._manned = None if self._manned is None else now
        self._looked = now
        if self._asking is None and now - self._asked > _PAUSE:
            self._asked = now
            self._asking = threading.Thread(target=self._ask, name="imle-watch", daemon=True)
            self._asking.start()
        if now - self._answered > _SILENCE:
            return f"it has not answered for {_SILENCE:g} s"
        if self._manned is not None and now - self._manned > _EMPTY:
            return f"it has had no worker for {_EMPTY:g} s"
        return ""

    def _ask(self) -> None:
        try:
            workers = len(self._workers())
            self._answered = time.monotonic()
            if workers:
                self._manned = self._answered
        except Exception:  # whatever a client raises that cannot reach its scheduler
            pass
        finally:
            self._asking = None
