"""Cached: rows that were solved before are not solved again."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle._checks import positive_int
from imle.solvers.combinators.memo import Memo
from imle.solvers.combinators.wrapping import PreparedWrapper, Wrapper, solve_checked, solve_rows
from imle.solvers.forks import renew_in_children
from imle.solvers.keys import Names, is_content_key, name_rows
from imle.solvers.protocol import PreparedSolver, Solver
from imle.solvers.result import SolveResult, SolveStatus
from imle.solvers.rows import Index, like, row_parameters, to_numpy

_FINAL = (SolveStatus.OPTIMAL, SolveStatus.INFEASIBLE, SolveStatus.UNBOUNDED)


@dataclass(frozen=True)
class Cached(Wrapper):
    """Remembers how rows ended, by objective and row parameters, bit by bit.

    Only what another solve cannot change is remembered: optimal, infeasible and unbounded rows. Hints play no part.
    Duals are not remembered: rows of which they are wanted are solved, known or not.
    The counters `cache_hits` and `cache_misses` add up to the rows asked for.

    Args:
        solver: solves the rows that are not known.
        capacity: the most rows that are remembered per instance; the least recently used makes room. A row takes
            16 bytes per entry, more or less.
        feasible: also remember rows without proof of optimality, for heuristics that would not do better next time.

    Raises:
        OptionError: not a solver, or no capacity.
    """

    solver: Solver
    capacity: int = 10_000
    feasible: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        positive_int("Cached: capacity", self.capacity)

    def prepare(self, **instance: Any) -> PreparedCached:
        """Bind the solver inside to an `instance`, which has a memory of its own."""
        final = (*_FINAL, SolveStatus.FEASIBLE) if self.feasible else _FINAL
        return PreparedCached(self.solver.prepare(**instance), self.capacity, final)


class PreparedCached(PreparedWrapper):
    """A prepared solver with a memory.

    Args:
        inner: the prepared solver inside.
        capacity: the most rows that are remembered.
        final: statuses worth remembering.
    """

    def __init__(self, inner: PreparedSolver, capacity: int, final: tuple[SolveStatus, ...]) -> None:
        super().__init__(inner)
        self._lock = threading.Lock()
        self._memo = Memo(capacity)
        renew_in_children(self)
        self._final = np.isin(np.arange(len(SolveStatus)), final)

    def renew(self) -> None:
        """Free the lock in a forked child."""
        if self._lock.locked():  # the parent's thread that was writing will not finish it here
            self._memo.clear()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many rows are remembered."""
        return len(self._memo)

    def clear(self) -> None:
        """Forget all rows."""
        with self._lock:
            self._memo.clear()

    def close(self) -> None:
        """Forget all rows and close the solver inside."""
        self.clear()
        super().close()

    def solve(self, objective: Any, **given: Any) -> SolveResult:
        """Solve those of `[N, *shape]` objectives that are not known.

        Raises:
            ImleError: what the solver inside raises, with the row of this batch; nothing is remembered then.
        """
        names = name_rows(objective, row_parameters(given))
        with self._lock:
            slots = np.full(len(names.hashes), -1, np.intp) if given.get("duals") else self._memo.find(names)
            hits = np.flatnonzero(slots >= 0)
            recalled = self._memo.recall(slots[hits]) if len(hits) else None
        counts = {"cache_hits": len(hits), "cache_misses": len(slots) - len(hits)}
        if recalled is None:
            result = solve_checked(self.inner, objective, given)
            self._keep(names, np.arange(len(slots)), result)
            return replace(result, counters={**result.counters, **counts})
        misses = np.flatnonzero(slots < 0)
        solutions, status, values, messages = recalled
        told = {n: message for n, message in zip(hits.tolist(), messages, strict=True) if message}
        if not len(misses):
            return SolveResult(like(objective, solutions), status, _known(values), told, counts)
        result = solve_rows(self.inner, objective, given, misses)
        self._keep(names, misses, result)
        found = to_numpy(result.solutions)
        joined = np.empty((len(slots), *solutions.shape[1:]), dtype=np.result_type(solutions, found))
        joined[hits], joined[misses] = solutions, found
        all_status = np.zeros(len(slots), dtype=np.int8)
        all_status[hits] = status
        if result.status is not None:
            all_status[misses] = result.status
        all_values = np.full(len(slots), np.nan)
        all_values[hits] = values
        if result.values is not None:
            all_values[misses] = result.values
        bound = None
        if result.bound is not None:
            bound = np.where(all_status == SolveStatus.OPTIMAL, all_values, np.nan)
            bound[misses] = result.bound
        return SolveResult(
            like(objective, joined),
            all_status,
            _known(all_values),
            {**told, **{int(misses[n]): message for n, message in result.messages.items()}},
            {**result.counters, **counts},
            result.advice,
            result.seconds,
            bound,
        )

    def _keep(self, names: Names, index: Index, result: SolveResult) -> None:
        """Remember the rows of a result, which are rows `index` of the batch, that are final."""
        rows = len(index)
        status = np.zeros(rows, dtype=np.int8) if result.status is None else np.asarray(result.status)
        kept = self._final[status]
        if names.keys is not None:
            kept = kept & np.array([is_content_key(names.keys[n]) for n in index.tolist()], dtype=bool)
        chosen = np.flatnonzero(kept)
        if not len(chosen):
            return
        values = np.full(rows, np.nan) if result.values is None else np.asarray(result.values)
        messages = [result.messages.get(n, "") for n in chosen.tolist()]
        with self._lock:
            self._memo.keep(
                names, index[chosen], to_numpy(result.solutions)[chosen], status[chosen], values[chosen], messages
            )


def _known(values: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Objective values, or None if none is known."""
    return None if np.isnan(values).all() else values
