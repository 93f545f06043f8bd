"""Small components by trying all states: those of equal size together, as rows of one array."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from imle.solvers import SolveStatus
from imle_mln.inference.components import Clock, Components, EngineResult, Options, over
from imle_mln.inference.energy import Coefficients, Energy
from imle_mln.inference.large_clauses import LargeClauses
from imle_mln.inference.truths import ClauseTruths, entries, lists_of
from imle_mln.network import Bools, Floats, Index

_KEPT = 1 << 22
"""Up to this many entries, truths of all states are kept between solves."""
_CHUNK = 1 << 14


class Enumeration:
    """All states of small components.

    Args:
        components: of up to `MOST` atoms each.
        options: not looked at.

    Attributes:
        atoms: theirs, by size and then component after component.
    """

    def __init__(self, components: Components, options: Options) -> None:
        del options
        sizes = np.where(components.chosen, components.parts.sizes, 0)
        self._by_size = [
            _Size(components, np.flatnonzero(sizes == size), size) for size in np.unique(sizes[sizes > 0]).tolist()
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


class _Size:
    """Components of one size.

    Args:
        components: with others.
        numbers: of those that are meant.
        size: how many atoms each of them has.

    Attributes:
        atoms: theirs, component after component.
    """

    def __init__(self, components: Components, numbers: Index, size: int) -> None:
        energy, large, parts = components.energy, components.structure.large, components.parts
        place = np.full(len(parts.sizes), -1, np.int64)
        place[numbers] = np.arange(len(numbers))
        row = place[parts.component]
        inside = row >= 0
        self.atoms: Index = np.argsort(np.where(inside, row, len(numbers)), kind="stable")[: int(inside.sum())]
        number = np.full(len(row), -1, np.int64)
        number[self.atoms] = np.arange(len(self.atoms))
        pairs = parts.pairs[inside[energy.pairs[parts.pairs, 0]]]
        self._forbidden = energy.forbidden[pairs]
        self._pairs, self._pair_row = pairs, row[energy.pairs[pairs, 0]]
        self._ends = number[energy.pairs[pairs]]
        first = large.first
        soft, hard = (kind[inside[first[kind]]] for kind in (parts.soft, parts.hard))
        self._soft, self._hard_row = large.clauses[soft], row[first[hard]]
        self._own_clauses(energy, large, large.clauses[hard], number)
        found = entries(energy.blocks, np.arange(len(energy.blocks)))
        mine = inside[found.variable]
        self._blocks = lists_of((np.cumsum(mine[found.starts]) - 1)[found.row[mine]], number[found.variable[mine]],
                                int(mine[found.starts].sum()))  # fmt: skip
        self._block_row = row[found.variable[found.starts[mine[found.starts]]]]
        rows = np.concatenate([row[self.atoms], self._pair_row, row[first[soft]]])
        self._sums = sparse.csr_array(
            (np.arange(len(rows)) + 1.0, (rows, np.arange(len(rows)))), shape=(len(numbers), len(rows))
        )
        self._order_of_data = self._sums.data.astype(np.int64) - 1
        self._size = size
        # fewest true atoms first, then fewest among the first atoms: of equal values the first is taken
        states = np.arange(1 << size)
        self._states = states[np.argsort(np.bitwise_count(states), kind="stable")]
        self._kept = list(self._chunks()) if len(rows) << size <= _KEPT else None

    def _own_clauses(self, energy: Energy, large: LargeClauses, hard: Index, number: Index) -> None:
        """The components' large clauses and those nested in them, numbered anew."""
        n = energy.reduction.atoms
        top = np.concatenate([self._soft, hard])
        needed = np.union1d(top, large.nested_in(top))
        found = entries(energy.reduction.clauses, needed)
        atom = found.variable < n
        variable = np.where(
            atom,
            number[np.where(atom, found.variable, 0)],
            len(self.atoms) + np.searchsorted(needed, found.variable - n),
        )
        literals = np.where(found.negated, ~variable, variable)
        self._truths = ClauseTruths(len(self.atoms), lists_of(found.row, literals, len(needed)))
        self._soft_place, self._hard_place = np.searchsorted(needed, self._soft), np.searchsorted(needed, hard)

    def _chunks(self) -> Iterator[tuple[Bools, Bools, Index]]:
        """For some of the states: features, which components must not be in them, and the states."""
        count = self._sums.shape[0]
        for start in range(0, len(self._states), _CHUNK):
            states = self._states[start : start + _CHUNK]
            bits = np.tile((states >> np.arange(self._size)[:, None]) & 1 == 1, (count, 1))
            truths = self._truths.of(bits)
            first, second = bits[self._ends[:, 0]], bits[self._ends[:, 1]]
            bad = np.zeros((count, len(states)), np.bool_)
            state = 2 * first.astype(np.int64) + second
            np.logical_or.at(bad, self._pair_row, (self._forbidden[:, None] >> state) & 1 == 1)
            np.logical_or.at(bad, self._hard_row, ~truths[self._hard_place])
            if len(self._blocks):
                found = entries(self._blocks, np.arange(len(self._blocks)))
                true = np.add.reduceat(bits[found.variable].astype(np.int64), found.starts, axis=0)
                np.logical_or.at(bad, self._block_row, true != 1)
            yield np.concatenate([bits, first & second, truths[self._soft_place]]).astype(np.float64), bad, states

    def solve(self, coefficients: Coefficients, clock: Clock) -> EngineResult:
        """See `Enumeration`."""
        given = np.concatenate(
            [coefficients.unary[self.atoms], coefficients.pair[self._pairs], coefficients.clause[self._soft]]
        )
        self._sums.data = given[self._order_of_data]
        count = self._sums.shape[0]
        best: Floats = np.full(count, -np.inf)
        chosen = np.zeros(count, np.int64)
        status, seen = SolveStatus.OPTIMAL, 0
        for features, bad, states in self._kept if self._kept is not None else self._chunks():
            values = np.where(bad, -np.inf, self._sums @ features)
            at = values.argmax(axis=1)
            value = values[np.arange(count), at]
            better = value > best
            best[better], chosen[better] = value[better], states[at][better]
            seen += len(states)
            if seen < len(self._states) and over(clock):
                status = SolveStatus.FEASIBLE
                break
        if np.isneginf(best).any():
            return EngineResult(SolveStatus.INFEASIBLE if status == SolveStatus.OPTIMAL else SolveStatus.TIMEOUT)
        found: Bools = ((chosen[:, None] >> np.arange(self._size)) & 1 == 1).ravel()
        slack = 0.0 if status == SolveStatus.OPTIMAL else float(np.maximum(given, 0.0).sum() - best.sum())
        return EngineResult(status, found, slack)
