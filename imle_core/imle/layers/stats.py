"""What a layer counts while it works."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class LayerStats:
    """Counters of one layer, from its construction or the last `reset`.

    Attributes:
        batches: calls of a prepared solver.
        solves: rows solved.
        solve_seconds: wall time spent inside solvers.
        status: rows by how their solve ended ("optimal", "infeasible", ...).
        events: what solvers reported, such as "clipped_rows".
    """

    batches: int = 0
    solves: int = 0
    solve_seconds: float = 0.0
    status: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)

    @property
    def solves_per_second(self) -> float:
        """Rows solved per second of solver time."""
        return self.solves / self.solve_seconds if self.solve_seconds else 0.0

    @contextmanager
    def timed(self, rows: int) -> Iterator[None]:
        """Count one batch of `rows` rows and the time it takes."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.solve_seconds += time.perf_counter() - start
            self.batches += 1
            self.solves += rows

    def reset(self) -> None:
        """Start counting anew."""
        self.__dict__.update(LayerStats().__dict__)
