"""Time slices: a long batch of native code is solved bit by bit, so that Ctrl-C, or its end, is heard in between.

Rows do not depend on the rows beside them (the conformance checks see to that), so results do not show it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from imle.errors import ImleError
from imle.execution.throughput import Throughput
from imle.solvers.cancellation import raise_if_cancelled
from imle.solvers.combinators.wrapping import PreparedWrapper, solve_checked
from imle.solvers.protocol import PreparedSolver
from imle.solvers.result import SolveResult
from imle.solvers.rows import Part, between, join

SLICE_SECONDS = 0.1
"""Seconds that a slice is to take: no more than a moment of waiting, and a thousand times what a call costs."""
_GROWTH = 8  # the first slices of a kind are small, and the time of a few rows is not to be trusted
_LEAST = 64  # rows of a slice in the main thread: solvers that spread rows over threads of their own need some
_SLOW = 10 * SLICE_SECONDS  # but no more than take so many seconds
_ENTRIES = 2**20  # or, where nothing is known, than have so many entries


def solve_in_slices(
    prepared: PreparedSolver, objective: Any, given: Mapping[str, Any], throughput: Throughput, *, least: int = 1
) -> SolveResult:
    """`prepared.solve` for consecutive rows at a time, as many as take `SLICE_SECONDS` seconds.

    Args:
        prepared: the solver.
        objective: `[N, *shape]`.
        given: keyword arguments of `solve`.
        throughput: how long rows take; it is told.
        least: the fewest rows of a slice, unless they take long, and the number of the first one where nothing is
            known.

    Raises:
        CancelledError: no caller waits any more.
        ImleError: what the solver raises, with the row of this batch.
    """
    rows, start, size = len(objective), 0, 0
    parts: list[Part] = []
    while start < rows or not rows:
        raise_if_cancelled()
        size = _size(throughput, size, least)
        stop = rows if rows - start < 2 * size else start + size
        whole = stop - start == rows
        begun = time.perf_counter()
        try:
            result = (
                solve_checked(prepared, objective, given)
                if whole
                else solve_checked(prepared, objective[start:stop], between(given, start, stop))
            )
        except ImleError as error:
            if error.row is not None:
                error.row += start
            raise
        if whole:
            if rows:
                throughput.solved(rows, time.perf_counter() - begun)
            return result
        throughput.solved(stop - start, time.perf_counter() - begun)
        parts.append(Part(start, stop, result))
        start = stop
    return join(parts, objective)


def _size(throughput: Throughput, last: int, least: int) -> int:
    """Rows of the next slice."""
    if throughput.busy is None:
        return least
    fits, few = (int(seconds / max(throughput.busy, 1e-9)) for seconds in (SLICE_SECONDS, _SLOW))
    return max(1, min(least, few), min(fits, last * _GROWTH) if last else fits)


class TimeSliced(PreparedWrapper):
    """A prepared solver that returns to Python now and then, whatever the size of a batch."""

    def __init__(self, inner: PreparedSolver) -> None:
        super().__init__(inner)
        self._throughput = Throughput()

    def solve(self, objective: Any, **given: Any) -> SolveResult:
        """Solve `[N, *shape]` objectives.

        Raises:
            ImleError: what the solver inside raises, with the row of this batch.
        """
        rows, busy = objective.shape[0], self._throughput.busy
        if rows == 1 or (busy is not None and 0 < rows * busy < SLICE_SECONDS):  # one slice is enough
            raise_if_cancelled()
            begun = time.perf_counter()
            result = self.inner.solve(objective, **given)
            self._throughput.solved(rows, time.perf_counter() - begun)
            return result
        entries = math.prod(objective.shape[1:])
        least = max(1, min(_LEAST, _ENTRIES // max(1, entries)))
        return solve_in_slices(self.inner, objective, given, self._throughput, least=least)


def time_sliced(prepared: PreparedSolver) -> PreparedSolver:
    """The same solver, or the one at the bottom of combinators, in slices."""
    if isinstance(prepared, PreparedWrapper):
        prepared.inner = time_sliced(prepared.inner)
        return prepared
    return TimeSliced(prepared)
