"""Forks: a child has a copy of everything but its parent's threads, so what depends on threads is made anew in it.

Without that, a lock that another thread held would stay closed for ever, and a pool would wait for workers that it
has not got.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol

__all__ = ["renew_in_children"]


class Renewable(Protocol):
    """An object that several threads use."""

    def renew(self) -> None:
        """Make anew, in a forked child, what threads share or are part of; no other thread is there yet."""


_living: weakref.WeakSet[Renewable] = weakref.WeakSet()


def renew_in_children(one: Renewable) -> None:
    """Call `one.renew()` in every forked child, for as long as the object lives."""
    _living.add(one)


def _renew_all() -> None:
    for one in list(_living):
        one.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
