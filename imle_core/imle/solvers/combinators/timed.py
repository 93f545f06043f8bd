"""Timed: how long a solver takes, and for how many rows."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from imle.solvers.combinators.wrapping import PreparedWrapper, Wrapper
from imle.solvers.forks import renew_in_children
from imle.solvers.protocol import PreparedSolver, Solver
from imle.solvers.result import SolveResult


class Clock:
    """Wall time, rows and calls, added up from any number of threads. Copies start at zero."""

    def __init__(self) -> None:
        self.renew()
        renew_in_children(self)
        self.seconds = 0.0
        self.rows = 0
        self.calls = 0

    def add(self, seconds: float, rows: int) -> None:
        """Count one call."""
        with self._lock:
            self.seconds += seconds
            self.rows += rows
            self.calls += 1

    def renew(self) -> None:
        """Free the lock in a forked child."""
        self._lock = threading.Lock()

    def reset(self) -> None:
        """Start counting anew."""
        with self._lock:
            self.seconds, self.rows, self.calls = 0.0, 0, 0

    def __reduce__(self) -> tuple[type[Clock], tuple[()]]:
        return Clock, ()


@dataclass(frozen=True)
class Timed(Wrapper):
    """Counts what the solver inside does, over all its instances: `seconds`, `rows`, `calls`.

    Around `Parallel` it measures what a user waits for; inside, with threads, what the threads spend in the solver.
    What worker processes do it cannot see.

    Args:
        solver: is timed.

    Raises:
        OptionError: not a solver.
    """

    solver: Solver
    clock: Clock = field(default_factory=Clock, init=False, compare=False, repr=False)

    @property
    def seconds(self) -> float:
        """Wall time spent in solves, also in those that raised."""
        return self.clock.seconds

    @property
    def rows(self) -> int:
        """Rows given to solves."""
        return self.clock.rows

    @property
    def calls(self) -> int:
        """Calls of solve."""
        return self.clock.calls

    @property
    def seconds_per_row(self) -> float:
        """Mean wall time of a row; 0 before the first."""
        return self.seconds / self.rows if self.rows else 0.0

    def reset(self) -> None:
        """Start counting anew."""
        self.clock.reset()

    def prepare(self, **instance: Any) -> PreparedTimed:
        """Bind the solver inside to an `instance`."""
        return PreparedTimed(self.solver.prepare(**instance), self.clock)


class PreparedTimed(PreparedWrapper):
    """A prepared solver that is timed.

    Args:
        inner: the prepared solver inside.
        clock: what to count into.
    """

    def __init__(self, inner: PreparedSolver, clock: Clock) -> None:
        super().__init__(inner)
        self.clock = clock

    def solve(self, objective: Any, **given: Any) -> SolveResult:
        """Solve `[N, *shape]` objectives, and count."""
        start = time.perf_counter()
        try:
            return self.inner.solve(objective, **given)
        finally:
            self.clock.add(time.perf_counter() - start, len(objective))
