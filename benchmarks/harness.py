"""Interleaved timing: candidates take turns, so that a noisy machine is noisy for all of them."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Claim:
    """One line of the report: `name` is at least `target` times as fast as `reference` (or at most, for costs).

    Both are seconds, bytes or, with no unit, errors: smaller is better.
    """

    name: str
    ours: float
    reference: float
    target: float
    at_most: bool = False
    note: str = ""
    unit: Literal["s", "B", ""] = "s"

    @property
    def ratio(self) -> float:
        """Speed-up over the reference, or for an `at_most` claim our cost as a multiple of the reference's."""
        return self.ours / self.reference if self.at_most else self.reference / self.ours

    @property
    def met(self) -> bool:
        return self.ratio <= self.target if self.at_most else self.ratio >= self.target


def race(candidates: Mapping[str, Callable[[], object]], rounds: int = 7, warmups: int = 1) -> dict[str, float]:
    """Median seconds per call of each candidate over interleaved rounds."""
    for _ in range(warmups):
        for call in candidates.values():
            call()
    times: dict[str, list[float]] = {name: [] for name in candidates}
    gc.collect()
    for _ in range(rounds):
        for name, call in candidates.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}
