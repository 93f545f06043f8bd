"""Pieces: a long batch of native code is solved bit by bit, so that Ctrl-C, or the end of a batch, is heard in between.

Rows do not depend on the rows beside them (the conformance checks see to that), so results do not show it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from imle.errors import ImleError
from imle.solvers.combinators.rows import Part, between, join
from imle.solvers.combinators.wrapping import PreparedWrapper, call
from imle.solvers.parallel.pace import Pace
from imle.solvers.protocol import PreparedSolver
from imle.solvers.result import SolveResult
from imle.solvers.stopping import refuse_given_up

PIECE = 0.1
"""Seconds that a piece is to take: no more than a moment of waiting, and a thousand times what a call costs."""
_GROWTH = 8  # the first pieces of a kind are small, and the time of a few rows is not to be trusted
_LEAST = 64  # rows of a piece in the main thread: solvers that spread rows over threads of their own need some
_SLOW = 10 * PIECE  # but no more than take so many seconds
_ENTRIES = 2**20  # or, where nothing is known, than have so many entries


def solve_in_pieces(
    prepared: PreparedSolver, objective: Any, given: Mapping[str, Any], pace: Pace, *, least: int = 1
) -> SolveResult:
    """`prepared.solve` for consecutive rows at a time, as many as take `PIECE` seconds.

    Args:
        prepared: the solver.
        objective: `[N, *shape]`.
        given: keyword arguments of `solve`, one entry per row each.
        pace: how long rows take; it is told.
        least: the fewest rows of a piece, unless they take long, and the number of the first one where nothing is
            known.

    Raises:
        GivenUpError: no caller waits any more.
        ImleError: what the solver raises, with the row of this batch.
    """
    rows, start, size = len(objective), 0, 0
    parts: list[Part] = []
    while start < rows or not rows:
        refuse_given_up()
        size = _size(pace, size, least)
        stop = rows if rows - start < 2 * size else start + size
        whole = stop - start == rows
        begun = time.perf_counter()
        try:
            result = (
                call(prepared, objective, given)
                if whole
                else call(prepared, objective[start:stop], between(given, start, stop))
            )
        except ImleError as error:
            if error.row is not None:
                error.row += start
            raise
        if whole:
            if rows:
                pace.solved(rows, time.perf_counter() - begun)
            return result
        pace.solved(stop - start, time.perf_counter() - begun)
        parts.append(Part(start, stop, result))
        start = stop
    return join(parts, objective)


def _size(pace: Pace, last: int, least: int) -> int:
    """Rows of the next piece."""
    if pace.busy is None:
        return least
    fits, few = (int(seconds / max(pace.busy, 1e-9)) for seconds in (PIECE, _SLOW))
    return max(1, min(least, few), min(fits, last * _GROWTH) if last else fits)


class InPieces(PreparedWrapper):
    """A prepared solver that returns to Python now and then, whatever the size of a batch."""

    def __init__(self, inner: PreparedSolver) -> None:
        super().__init__(inner)
        self._pace = Pace()

    def solve(self, objective: Any, **given: Any) -> SolveResult:
        """Solve `[N, *shape]` objectives.

        Raises:
            ImleError: what the solver inside raises, with the row of this batch.
        """
        rows, busy = objective.shape[0], self._pace.busy
        if rows == 1 or (busy is not None and 0 < rows * busy < PIECE):  # one piece, and nothing to put together
            refuse_given_up()
            begun = time.perf_counter()
            result = self.inner.solve(objective, **given)
            self._pace.solved(rows, time.perf_counter() - begun)
            return result
        entries = math.prod(objective.shape[1:])
        least = max(1, min(_LEAST, _ENTRIES // max(1, entries)))
        return solve_in_pieces(self.inner, objective, given, self._pace, least=least)


def in_pieces(prepared: PreparedSolver) -> PreparedSolver:
    """The same solver, or the one at the bottom of combinators, in pieces."""
    if isinstance(prepared, PreparedWrapper):
        prepared.inner = in_pieces(prepared.inner)
        return prepared
    return InPieces(prepared)
