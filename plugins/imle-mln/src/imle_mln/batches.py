"""Rows of a batch at the same time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

import numpy as np

from imle.solvers import SolveResult, SolveStatus
from imle.solvers.interruptible import at_once
from imle_mln.network import Floats


def on_threads(solve: Callable[[Floats], SolveResult], objective: Floats, workers: int) -> SolveResult:
    """Solve parts of a batch `[N, K]`, each on a thread; what a row comes to does not depend on the others.

    Args:
        solve: safe to call from several threads.
        objective: N > 0 rows.
        workers: how many parts, at most.
    """
    parts = np.array_split(objective, min(workers, len(objective)))
    if len(parts) == 1:
        return solve(objective)
    results = at_once([partial(solve, part) for part in parts])
    starts = np.cumsum([0, *map(len, parts)]).tolist()
    given = zip(results, parts, strict=True)
    status = [np.full(len(part), SolveStatus.OPTIMAL, np.int8) if r.status is None else r.status for r, part in given]
    found = np.concatenate(status)
    events: Counter[str] = Counter()
    for result in results:
        events.update(result.counters)
    return SolveResult(
        np.concatenate([result.solutions for result in results]),
        found if found.any() else None,
        np.concatenate([result.values for result in results]),
        {start + row: text for start, r in zip(starts, results, strict=False) for row, text in r.messages.items()},
        dict(events),
        bound=np.concatenate([result.bound for result in results]),
    )
