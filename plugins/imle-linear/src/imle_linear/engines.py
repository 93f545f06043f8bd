"""What engines are asked and what they answer: one row at a time, one thread at a time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, Protocol

from imle.solvers import SolveStatus
from imle_linear.arrays import Floats

Rows = tuple[Floats, Floats]
"""Least and greatest values of the constraint rows, each `[rows]`."""


class Outcome(NamedTuple):
    """How one row ended: its point is None unless the status is ok."""

    status: SolveStatus
    point: Floats | None = None
    message: str = ""


class Engine(Protocol):
    """Solves rows one by one."""

    @property
    def events(self) -> Counter[str]:
        """What happened since the engine was made, counted."""

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Minimise `costs` `[n]` within the time limit, if there is one."""


def deadline(seconds: float | None) -> Callable[[], float | None]:
    """What is left of a time limit."""
    if seconds is None:
        return lambda: None
    end = time.perf_counter() + seconds
    return lambda: end - time.perf_counter()
