"""Who is how good: ranks on each task, and how far behind the best."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.defaults.problem import Task

CLOSE = 0.1
"""The relative gap up to which a contestant is about as good as the best."""


@dataclass(frozen=True)
class Place:
    """A contestant on a task.

    Attributes:
        mean, spread: over seeds; nan where a training failed.
        rate: of learning, that was chosen.
        rank: from 1; equal means share the mean of their ranks.
        gap: to the best mean, as a share of it; infinite where a training failed.
        spread_of_gap: the standard deviation over seeds of the difference to the best, as a share of its mean.
        best: the name of the best.
    """

    mean: float
    spread: float
    rate: float
    rank: float
    gap: float
    spread_of_gap: float
    best: str

    @property
    def allowed(self) -> float:
        """The largest gap that is as good as none: a tenth, or one standard deviation."""
        return max(CLOSE, self.spread_of_gap)

    @property
    def close(self) -> bool:
        return self.gap <= self.allowed


def places(task: Task, scores: Mapping[str, Sequence[float]], rates: Mapping[str, float]) -> dict[str, Place]:
    """Of all contestants of a task.

    Args:
        task: says whether much or little is good.
        scores: one per seed, of the same seeds for all.
        rates: that were chosen.
    """
    sign = 1 if task.better == "low" else -1
    means = {name: statistics.fmean(values) for name, values in scores.items()}
    order = {name: math.inf if math.isnan(mean) else sign * mean for name, mean in means.items()}
    best = min(order, key=lambda name: order[name])
    size = abs(order[best]) or 1.0
    found = {}
    for name, values in scores.items():
        ahead = sum(other < order[name] for other in order.values())
        equal = sum(other == order[name] for other in order.values())
        behind = [sign * (a - b) for a, b in zip(values, scores[best], strict=True)]
        found[name] = Place(
            mean=means[name],
            spread=_spread(values),
            rate=rates[name],
            rank=ahead + (equal + 1) / 2,
            gap=(order[name] - order[best]) / size,
            spread_of_gap=_spread(behind) / size,
            best=best,
        )
    return found


def mean_ranks(found: Mapping[str, Mapping[str, Place]], names: Sequence[str]) -> dict[str, float]:
    """Over all tasks, of contestants that took part in all, ranked among themselves: the best first.

    Args:
        found: places by task and contestant.
        names: of the contestants.
    """
    ranks: dict[str, list[float]] = {name: [] for name in names}
    for by_name in found.values():
        for name in names:
            own = by_name[name].rank
            ahead = sum(by_name[other].rank < own for other in names)
            equal = sum(by_name[other].rank == own for other in names)
            ranks[name].append(ahead + (equal + 1) / 2)
    means = {name: statistics.fmean(values) for name, values in ranks.items()}
    return dict(sorted(means.items(), key=lambda item: item[1]))


def _spread(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 and not any(map(math.isnan, values)) else 0.0
