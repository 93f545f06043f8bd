"""Small components by trying all states: those of equal size together, as rows of one array."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy import sparse

from imle.solvers import SolveStatus
from imle_linear.engines import Clock
from imle_mln.inference.components import Components, EngineResult, Options
from imle_mln.inference.encoding import Encoding
from imle_mln.inference.energy import Coefficients
from imle_mln.network import Bools, Floats, Index

_KEPT = 1 << 22
"""Up to this many entries, columns in all states are kept between solves."""
_CHUNK = 1 << 14


class Enumeration:
    """Solves components of up to `MOST` atoms each; `atoms` are ordered by size and then component after component."""

    def __init__(self, components: Components, options: Options) -> None:
        del options
        sizes = np.where(components.chosen, components.parts.sizes, 0)
        self._by_size = [
            _OneSize(replace(components, chosen=sizes == size), size) for size in np.unique(sizes[sizes > 0]).tolist()
        ]
        self.atoms: Index = np.concatenate([one.atoms for one in self._by_size])

    def solve(self, coefficients: Coefficients, clock: Clock) -> EngineResult:
        """Maximise; of several best states one with the fewest true atoms.

        Where there are many states, time may run out: the best of those seen are FEASIBLE.
        """
        found = []
        for one in self._by_size:
            found.append(one.solve(coefficients, clock))
            if found[-1].states is None:
                return found[-1]
        states = np.concatenate([one.states for one in found if one.states is not None])
        return EngineResult(max(one.status for one in found), states, sum(one.slack for one in found))


class _OneSize:
    """Components of one size.

    Args:
        components: all of `size` atoms.
        size: of each.

    Attributes:
        atoms: theirs, component after component.
    """

    def __init__(self, components: Components, size: int) -> None:
        self._encoding = encoding = Encoding(components)
        self._count, self._size = int(components.chosen.sum()), size
        row = (np.cumsum(components.chosen) - 1)[encoding.component]
        order = np.argsort(row[: len(encoding.atoms)], kind="stable")
        self.atoms: Index = encoding.atoms[order]
        self._bit = np.empty(len(order), np.int64)
        self._bit[order] = np.tile(np.arange(size), self._count)
        self._constraint_row = (np.cumsum(components.chosen) - 1)[encoding.row_component]
        own = np.arange(len(encoding.costly))
        shape = (self._count, len(own))
        self._sums = sparse.csr_array((own + 1.0, (row[encoding.costly], own)), shape=shape)
        self._order_of_data = self._sums.data.astype(np.int64) - 1
        # fewest true atoms first, then fewest among the first atoms: of equal values the first is taken
        states = np.arange(1 << size)
        self._states = states[np.argsort(np.bitwise_count(states), kind="stable")]
        self._kept = list(self._chunks()) if len(own) << size <= _KEPT else None

    def _chunks(self) -> Iterator[tuple[Floats, Bools, Index]]:
        """For some of the states: columns that may cost, which components must not be in them, and the states."""
        for start in range(0, len(self._states), _CHUNK):
            states = self._states[start : start + _CHUNK]
            x = self._encoding.complete((states >> self._bit[:, None]) & 1 == 1)
            bad = np.zeros((self._count, len(states)), np.bool_)
            np.logical_or.at(bad, self._constraint_row, self._encoding.rows.off(x))
            yield x[self._encoding.costly], bad, states

    def solve(self, coefficients: Coefficients, clock: Clock) -> EngineResult:
        """See `Enumeration`."""
        given = self._encoding.rewards(coefficients)
        self._sums.data = given[self._order_of_data]
        best: Floats = np.full(self._count, -np.inf)
        chosen = np.zeros(self._count, np.int64)
        status, seen = SolveStatus.OPTIMAL, 0
        for features, bad, states in self._kept if self._kept is not None else self._chunks():
            values = np.where(bad, -np.inf, self._sums @ features)
            at = values.argmax(axis=1)
            value = values[np.arange(self._count), at]
            better = value > best
            best[better], chosen[better] = value[better], states[at][better]
            seen += len(states)
            if seen < len(self._states) and clock() == 0.0:
                status = SolveStatus.FEASIBLE
                break
        if np.isneginf(best).any():
            return EngineResult(SolveStatus.INFEASIBLE if status == SolveStatus.OPTIMAL else SolveStatus.TIMEOUT)
        found: Bools = ((chosen[:, None] >> np.arange(self._size)) & 1 == 1).ravel()
        slack = 0.0 if status == SolveStatus.OPTIMAL else float(np.maximum(given, 0.0).sum() - best.sum())
        return EngineResult(status, found, slack)
