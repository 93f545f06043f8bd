"""What a layer counts and times while it works."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from torch.profiler import record_function

Part = Literal["noise", "solve", "transfer"]


@dataclass
class LayerStats:
    """Counters of one layer, from its construction or the last `reset`.

    Attributes:
        batches: calls of a prepared solver.
        solves: rows solved.
        seconds: wall time in each part of the layer's work: "noise" (drawing it), "solve" (inside solvers) and
            "transfer" (objectives to the solver, solutions back). `torch.profiler` shows the same parts as
            "imle::noise", "imle::solve" and "imle::transfer".
        status: rows by how their solve ended ("optimal", "infeasible", ...).
        events: what solvers reported, such as "clipped_rows".
    """

    batches: int = 0
    solves: int = 0
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    status: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)

    @property
    def solve_seconds(self) -> float:
        """Wall time spent inside solvers."""
        return self.seconds["solve"]

    @property
    def solves_per_second(self) -> float:
        """Rows solved per second of solver time."""
        return self.solves / self.solve_seconds if self.solve_seconds else 0.0

    @contextmanager
    def timed(self, part: Part) -> Iterator[None]:
        """Time one part, also for `torch.profiler`."""
        start = time.perf_counter()
        with record_function(f"imle::{part}"):
            try:
                yield
            finally:
                self.seconds[part] += time.perf_counter() - start

    def reset(self) -> None:
        """Start counting anew."""
        self.__dict__.update(LayerStats().__dict__)
