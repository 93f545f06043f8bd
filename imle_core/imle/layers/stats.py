"""What a layer counts and times while it works."""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor
from torch.profiler import record_function

Part = Literal["noise", "solve", "transfer"]


class Timer:
    """Adds the wall time of a block to a sum. A class, as a generator would take as long as a small solve.

    Args:
        seconds: the sums.
        part: the one to add to, and what `torch.profiler` calls the block.
    """

    __slots__ = ("_part", "_profiled", "_seconds", "_start")

    def __init__(self, seconds: defaultdict[str, float], part: Part) -> None:
        self._seconds = seconds
        self._part = part

    def __enter__(self) -> None:
        profiling: bool = torch.autograd._profiler_enabled()  # type: ignore[attr-defined]
        self._profiled: record_function | None = record_function(f"imle::{self._part}") if profiling else None
        if self._profiled is not None:
            self._profiled.__enter__()  # type: ignore[no-untyped-call]  # torch's own
        self._start = time.perf_counter()

    def __exit__(self, *error: Any) -> None:
        self._seconds[self._part] += time.perf_counter() - self._start
        if self._profiled is not None:
            self._profiled.__exit__(*error)


@dataclass
class LayerStats:
    """Counters of one layer, from its construction or the last `reset`.

    Attributes:
        batches: calls of a prepared solver.
        solves: rows solved.
        seconds: wall time in each part of the layer's work: "noise" (drawing it), "solve" (inside solvers),
            "transfer" (objectives to the solver, solutions back) and "wait" (the part of "solve" in which workers
            had nothing to do: starting, sending, uneven loads). `torch.profiler` shows the first three as
            "imle::noise", "imle::solve" and "imle::transfer".
        status: rows by how their solve ended ("optimal", "infeasible", ...).
        events: what solvers reported, such as "clipped_rows", and rows that were not solved because they need not be:
            "unchanged_rows", "cache_hits", "duplicate_rows", "pooled_rows".
        gradient_entries: entries of the gradients that backward passes gave theta, without padding; only counted while
            `layer.count_gradients` is set, as `imle.monitoring` does.
        gradient_nonzeros: those that are not 0.
    """

    batches: int = 0
    solves: int = 0
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    status: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    gradient_entries: int = 0
    gradient_nonzeros: int = 0

    @property
    def solve_seconds(self) -> float:
        """Wall time spent inside solvers."""
        return self.seconds["solve"]

    @property
    def solves_per_second(self) -> float:
        """Rows solved per second of solver time."""
        return self.solves / self.solve_seconds if self.solve_seconds else 0.0

    @property
    def failed(self) -> Counter[str]:
        """Rows that were not solved, by how their solve ended."""
        return Counter({name: rows for name, rows in self.status.items() if name not in ("optimal", "feasible")})

    @property
    def gradient_sparsity(self) -> float:
        """The share of zeros among the entries of gradients; nan where none were counted."""
        return 1 - self.gradient_nonzeros / self.gradient_entries if self.gradient_entries else math.nan

    def count_gradient(self, gradient: Tensor, own: Tensor | None = None) -> None:
        """Count the entries of a gradient for theta; on a GPU, this waits for it.

        Args:
            gradient: `[B, *event]`, 0 on the padding.
            own: `[B, *event]` which entries are no padding; None for all.
        """
        self.gradient_entries += gradient.numel() if own is None else int(own.sum())
        self.gradient_nonzeros += int(torch.count_nonzero(gradient))

    def timed(self, part: Part) -> Timer:
        """Time a `with` block, also for `torch.profiler`.

        Args:
            part: the key of `seconds` to add its wall time to.
        """
        return Timer(self.seconds, part)

    def reset(self) -> None:
        """Start counting anew."""
        self.__dict__.update(LayerStats().__dict__)
