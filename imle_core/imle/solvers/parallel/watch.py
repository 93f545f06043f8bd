"""Watch: whether somebody far away still answers, found out without waiting for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_PAUSE = 10.0
"""Seconds between an answer and the next question."""
_PATIENCE = 30.0
"""Seconds without an answer after which there will be none."""


class Watch:
    """Asks the same question again and again.

    Args:
        ask: returns when there is an answer; what it raises, or an empty answer, is none.
    """

    def __init__(self, ask: Callable[[], object]) -> None:
        self._ask = ask
        self._asking: threading.Thread | None = None
        self._looked = self._heard = -_PATIENCE

    def silent(self) -> bool:
        """Whether questions have gone without an answer for too long. Returns at once; to be called now and then."""
        now = time.monotonic()
        if now - self._looked > _PAUSE:  # nobody has asked for a while
            self._heard = now
        self._looked = now
        if self._asking is None and now - self._heard > _PAUSE:
            self._asking = threading.Thread(target=self._question, name="imle-watch", daemon=True)
            self._asking.start()
        return now - self._heard > _PATIENCE

    def _question(self) -> None:
        try:
            if self._ask():
                self._heard = time.monotonic()
        except Exception:  # whatever the client raises without its scheduler
            time.sleep(1.0)
        finally:
            self._asking = None
