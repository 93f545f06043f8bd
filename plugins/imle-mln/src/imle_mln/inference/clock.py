"""How much time is left."""

from __future__ import annotations

from collections.abc import Callable

Clock = Callable[[], float | None]
"""Seconds, or None if there is no limit."""


def over(clock: Clock) -> bool:
    """Whether there is a limit, and it is reached."""
    left = clock()
    return left is not None and left <= 0
