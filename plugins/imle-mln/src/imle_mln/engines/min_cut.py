"""Components that are minimum cuts, all in one network of flows.

With x = y for atoms that are not flipped and x = 1 - y for others, all couplings are positive, and

    sum u_i x_i + sum q_ij x_i x_j  =  sum (u_i + sum_j q_ij / 2) x_i - sum q_ij / 2 (x_i (1 - x_j) + x_j (1 - x_i)),

whose maximum is a minimum cut with the atoms that are 1 on the side of the source. Capacities are whole numbers: the
coefficients times a power of two with which they add up to less than 2^55, rounded. No sum can overflow, and the
result is optimal up to half a unit per coefficient: relative to the sum of all coefficients' sizes less than (number
of them) * 2^-54.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from ortools.graph.python import max_flow

from imle.errors import SolveError
from imle_mln.inference.components import Components, Options
from imle_mln.inference.energy import Coefficients
from imle_mln.inference.large_clauses import LargeClauses
from imle_mln.network import Bools, Floats, Index

_SIZE = 55
"""Capacities, forbidden ones aside, add up to less than two to this; OR-Tools counts to 2^63."""


class CutArcs(NamedTuple):
    """Arcs that cannot be cut, and, of rewarded conjunctions, the arc that can."""

    tails: Index
    heads: Index


class Fixed(NamedTuple):
    """What stays the same from solve to solve, as long as only unaries change.

    Attributes:
        pair: the couplings it belongs to; see `Weighted`.
        unary: `[n]` what couplings add to unaries.
        capacities: of couplings, both ways, and of clauses.
        total: their sum.
    """

    pair: Floats
    unary: Floats
    capacities: Floats
    total: float


class MinCut:
    """The minimum cut of some components, all of them balanced."""

    def __init__(self, components: Components, options: Options) -> None:
        del options
        self.atoms: Index = components.atoms
        parts, clauses, energy = components.parts, components.energy.large, components.energy
        n = len(self.atoms)
        number = components.number
        self._flipped = parts.flipped[self.atoms]
        pairs = components.pairs
        forbidden = energy.forbidden[pairs]
        self._pairs = pairs[forbidden == 0]
        self._ends = number[energy.pairs[self._pairs]]
        large = components.soft
        self._large = clauses.clauses[large]
        self._source = n + len(large)
        hard = self._hard(number[energy.pairs[pairs[forbidden != 0]]], forbidden[forbidden != 0])
        soft, bound = self._conjunctions(clauses, large, number)
        i, j = self._ends.T
        atoms = np.arange(n)
        source, sink = np.full(n, self._source), np.full(n, self._source + 1)
        self._flow = max_flow.SimpleMaxFlow()
        self._arcs = self._flow.add_arcs_with_capacity(
            np.concatenate([source, atoms, i, j, soft.tails, hard.tails, bound.tails]).astype(np.int32),
            np.concatenate([atoms, sink, j, i, soft.heads, hard.heads, bound.heads]).astype(np.int32),
            np.zeros(2 * n + 2 * len(i) + len(large) + len(hard.tails) + len(bound.tails), np.int64),
        )
        self._bound = len(hard.tails) + len(bound.tails)
        self._sign = np.where(self._flipped, -1.0, 1.0)
        self._fixed: Fixed | None = None
        self._last: Fixed | None = None
        self._shift = 0

    def _hard(self, ends: Index, forbidden: Index) -> CutArcs:
        """x_i = 1 and x_j = 0 forbidden is an arc from i to j that cannot be cut."""
        tails, heads = [], []
        for state in range(4):
            chosen = ends[forbidden & (1 << state) != 0]
            high = (state >> 1) ^ self._flipped[chosen[:, 0]].astype(np.int64)
            tails.append(np.where(high == 1, chosen[:, 0], chosen[:, 1]))
            heads.append(np.where(high == 1, chosen[:, 1], chosen[:, 0]))
        return CutArcs(np.concatenate(tails), np.concatenate(heads))

    def _conjunctions(self, clauses: LargeClauses, large: Index, number: Index) -> tuple[CutArcs, CutArcs]:
        """One node per clause, on the side its literals have to be on to be all false, at a cost if it cannot be."""
        node = np.full(len(clauses.clauses), -1, np.int64)
        node[large] = len(self.atoms) + np.arange(len(large))
        mine = node[clauses.clause] >= 0
        nodes, atoms = node[clauses.clause[mine]], number[clauses.atom[mine]]
        true = clauses.negated[mine] ^ self._flipped[atoms]
        bound = CutArcs(np.where(true, nodes, atoms), np.where(true, atoms, nodes))
        high = clauses.negated[clauses.starts[large]] ^ self._flipped[number[clauses.first[large]]]
        own = node[large]
        return CutArcs(np.where(high, self._source, own), np.where(high, own, self._source + 1)), bound

    def solve_rows(self, coefficients: Coefficients) -> tuple[Bools, Floats]:
        """States `[N, n]` of `atoms`, and `[N]` how far from optimal each can be because of rounding.

        Of several optimal cuts the one with the fewest atoms on the side of the source: fewest true ones among those
        that are not flipped, and fewest false ones among the others.

        Raises:
            SolveError: OR-Tools does not find the flow.
        """
        if self._fixed is None or self._fixed.pair is not coefficients.pair:
            self._fixed = self._without_unaries(coefficients)
        fixed, n = self._fixed, len(self.atoms)
        unary = coefficients.unary[:, self.atoms] * self._sign + fixed.unary
        sizes = np.abs(unary)
        shifts = _SIZE - np.frexp(sizes.sum(axis=1) + fixed.total)[1]
        scaled = np.rint(np.ldexp(sizes, shifts[:, None])).astype(np.int64)  # the shift leaves no room to overflow
        capacities = np.concatenate([np.where(unary > 0, scaled, 0), np.where(unary > 0, 0, scaled)], axis=1)
        above = np.zeros((len(unary), self._source + 2), np.bool_)
        for row, shift in enumerate(shifts.tolist()):
            self._set(capacities[row], fixed, shift)
            status = self._flow.solve(self._source, self._source + 1)
            if status != max_flow.SimpleMaxFlow.OPTIMAL:
                raise SolveError(f"mln: min-cut: OR-Tools' maximum flow ended with status {status}")
            above[row, self._flow.get_source_side_min_cut()] = True
        slack = np.ldexp(0.5 * (2 * n + len(fixed.capacities)), -shifts)
        return above[:, :n] ^ self._flipped, slack

    def _set(self, own: Index, fixed: Fixed, shift: int) -> None:
        """Capacities of the unaries' arcs, and those of the others if they are not what they were."""
        if self._last is fixed and self._shift == shift and not self._bound:
            self._flow.set_arcs_capacity(self._arcs[: len(own)], own)
            return
        rest = np.rint(np.ldexp(fixed.capacities, shift)).astype(np.int64)
        never = int(own[: len(self.atoms)].sum()) + int(rest[len(rest) - len(self._large) :].sum()) + 1
        self._flow.set_arcs_capacity(self._arcs, np.concatenate([own, rest, np.full(self._bound, never)]))
        self._last, self._shift = fixed, shift

    def _without_unaries(self, coefficients: Coefficients) -> Fixed:
        pair = coefficients.pair[self._pairs]
        half = np.abs(pair) / 2
        i, j = self._ends.T
        flipped = self._flipped.astype(np.float64)
        n = len(self.atoms)
        turned: Floats = (np.bincount(i, pair * flipped[j], n) + np.bincount(j, pair * flipped[i], n)).astype(
            np.float64
        )
        unary = turned * self._sign + np.bincount(i, half, n) + np.bincount(j, half, n)
        capacities = np.concatenate([half, half, np.abs(coefficients.clause[self._large])])
        return Fixed(coefficients.pair, unary, capacities, float(capacities.sum()))
