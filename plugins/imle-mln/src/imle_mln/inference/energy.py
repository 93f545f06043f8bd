"""The network as an energy: unaries, pairs with a coupling, and the clauses that depend on more than two atoms.

All of it is linear in the weights, so that one sparse product per solve finds the coefficients. Clauses over the same
two atoms, nested ones such as `a <=> b` too, become one coupling: `t = t00 + (t10-t00) a + (t01-t00) b + q a b`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from imle_mln.inference.equivalences import merged_equivalent
from imle_mln.inference.large_clauses import LargeClauses
from imle_mln.inference.propagation import UNKNOWN, Propagation, Values
from imle_mln.inference.reduction import Reduction, strip
from imle_mln.inference.truth_tables import NONE, TruthTables
from imle_mln.network import Floats, GroundNetwork, Index, Lists, distinct


class Coefficients(NamedTuple):
    """What one solve maximises, or N solves with the same weights.

    Attributes:
        unary: `[n]`, or `[N, n]`.
        pair: `[p]`.
        clause: `[m]` weights; only those of large soft clauses are looked at.
    """

    unary: Floats
    pair: Floats
    clause: Floats


@dataclass(frozen=True, eq=False)
class Energy:
    """maximise sum unary_i y_i + sum pair_ij y_i y_j + sum clause_c t_c(y).

    Attributes:
        network: the whole.
        reduction: the open part of it, whose atoms and clauses are meant here.
        pairs: `[p, 2]` atoms, ascending.
        forbidden: `[p]` bit s is set where state s of the pair (00, 01, 10, 11) may not be; no such pair has a
            coupling.
        large: clauses that depend on more than two atoms, soft and hard.
        blocks: exactly-one blocks of three or more atoms; those of two are pairs, and so are at-most-one blocks of two.
    """

    network: GroundNetwork
    reduction: Reduction
    pairs: Index
    forbidden: Index
    large: LargeClauses
    blocks: Lists
    to_unary: Any
    to_pair: Any

    def constant(self, weights: Floats) -> Coefficients:
        """What weights `[C]` of the network come to: the coefficients of a solve whose unaries are all zero."""
        clause = weights[self.reduction.clause_ids]
        return Coefficients(self.to_unary @ clause, self.to_pair @ clause, clause)

    @cached_property
    def alike(self) -> Index:
        """`[p]` pairs that the same formulas couple, in equal numbers: their couplings are likely to be equal."""
        mark = np.random.default_rng(0).random(len(self.network.constants))
        coupling = self.constant(self.network.clause_weights(mark)).pair
        alike: Index = np.unique(np.round(coupling, 9), return_inverse=True)[1]
        return alike


def energy(network: GroundNetwork, decided: Values | None = None) -> Energy | str:
    """The energy of a network, or why its hard clauses cannot hold.

    Args:
        network: the whole.
        decided: `[A + C]` variables that are to have these values; the others are `UNKNOWN`.
    """
    known = Propagation(network)
    if decided is not None and not known.conflict:
        more = np.flatnonzero((decided != UNKNOWN) & (known.values == UNKNOWN))
        known.assume(more, decided[more])
    while not known.conflict:
        found = _open(network, known)
        if found is not None:
            return found
    return known.conflict


def _open(network: GroundNetwork, known: Propagation) -> Energy | str | None:
    """What is left after propagation, with tied atoms made one; None if that decides atoms, which are propagated."""
    reduction: Reduction | str | None = strip(network, known.values)
    while isinstance(reduction, Reduction):
        tables = TruthTables(reduction)
        keys, forbidden, atoms, values = _hard(network, reduction, tables)
        if (forbidden == 0b1111).any():
            pair = reduction.atom_ids[np.array(divmod(int(keys[forbidden == 0b1111][0]), reduction.atoms))]
            return f"hard clauses leave no state to atoms {pair[0]} and {pair[1]}"
        if len(atoms):
            known.assume(reduction.atom_ids[atoms], values)
            return None
        pairs = np.stack(np.divmod(keys, max(reduction.atoms, 1)), axis=1)
        last, reduction = reduction, merged_equivalent(reduction, pairs, forbidden)
    return _build(network, last, tables, keys, forbidden) if reduction is None else reduction


def _hard(network: GroundNetwork, reduction: Reduction, tables: TruthTables) -> tuple[Index, Index, Index, Any]:
    """Pairs with forbidden states, and the atoms those leave one value only."""
    n = reduction.atoms
    clauses = n + np.flatnonzero(reduction.hard & tables.small[n:])
    atoms, table = tables.support[clauses], tables.table[clauses]
    alone = (atoms[:, 1] == NONE) & ~table.all(axis=1)
    paired = atoms[:, 1] != NONE
    masks = (~table) @ np.array([1, 2, 4, 8])
    two, at_most = _short_blocks(network, reduction)
    ends = [np.sort(reduction.blocks.items.astype(np.int64)[reduction.blocks.starts[1:][own, None] - [2, 1]], axis=1)
            for own in (two, at_most)]  # fmt: skip
    keys = np.concatenate([(atoms[:, 0] * n + atoms[:, 1])[paired], *(end @ [n, 1] for end in ends)])
    masks_of_keys = np.concatenate([masks[paired], np.full(len(two), 0b1001), np.full(len(at_most), 0b1000)])
    unique, place = np.unique(keys, return_inverse=True)
    forbidden = np.zeros(len(unique), np.int64)
    np.bitwise_or.at(forbidden, place, masks_of_keys)
    i, j = np.divmod(unique, max(n, 1))
    forced: dict[int, int] = dict(zip(atoms[alone, 0].tolist(), table[alone, 2].astype(int).tolist(), strict=True))
    for atom, bits, value in ((i, 0b0011, 1), (i, 0b1100, 0), (j, 0b0101, 1), (j, 0b1010, 0)):
        forced.update(dict.fromkeys(atom[(forbidden & bits) == bits].tolist(), value))
    return unique, forbidden, np.array(list(forced), np.int64), np.array(list(forced.values()), np.int8)


def _short_blocks(network: GroundNetwork, reduction: Reduction) -> tuple[Index, Index]:
    """Blocks that say something of two atoms only: those of two, and those of two and the atom that is true where
    neither is, which nothing else depends on.
    """
    lengths = np.diff(reduction.blocks.starts)
    first = reduction.atom_ids[reduction.blocks.items[reduction.blocks.starts[:-1]]]
    return np.flatnonzero(lengths == 2), np.flatnonzero((lengths == 3) & (first >= network.atoms - network.nones))


def _build(
    network: GroundNetwork, reduction: Reduction, tables: TruthTables, hard_keys: Index, hard_masks: Index
) -> Energy:
    n, m = reduction.atoms, len(reduction.clauses)
    small = tables.small[n:]
    soft = np.flatnonzero(small & ~reduction.hard)
    atoms = tables.support[n + soft]
    t00, t01, t10, t11 = tables.table[n + soft].T.astype(np.float64)
    slopes = np.stack([t10 - t00, np.where(atoms[:, 1] == NONE, 0.0, t01 - t00)], axis=1)
    coupled = np.flatnonzero((atoms[:, 1] != NONE) & (t11 - t10 - t01 + t00 != 0))
    coupling = (t11 - t10 - t01 + t00)[coupled]
    keys = distinct(np.concatenate([atoms[coupled, 0] * n + atoms[coupled, 1], hard_keys]))
    pairs = np.stack(np.divmod(keys, max(n, 1)), axis=1)
    forbidden = np.zeros(len(keys), np.int64)
    forbidden[np.searchsorted(keys, hard_keys)] = hard_masks
    place = np.searchsorted(keys, atoms[coupled, 0] * n + atoms[coupled, 1])
    free = forbidden[place] == 0
    linear = _linear(pairs[place[~free]], forbidden[place[~free]])
    rows = [atoms.ravel(), *linear]
    columns = [np.repeat(soft, 2), *[soft[coupled[~free]]] * 2]
    values = [slopes.ravel(), *[np.where(side == NONE, 0.0, coupling[~free]) for side in linear]]
    row, column, value = (np.concatenate(part) for part in (rows, columns, values))
    used = value != 0
    long = np.delete(np.arange(len(reduction.blocks)), np.concatenate(_short_blocks(network, reduction)))
    block_entries = reduction.blocks.entries(long)
    return Energy(
        network=network,
        reduction=reduction,
        pairs=pairs,
        forbidden=forbidden,
        large=LargeClauses(reduction, np.flatnonzero(~small)),
        blocks=Lists.of(block_entries.row, block_entries.variable, len(long)),
        to_unary=sparse.csr_array((value[used], (row[used], column[used])), shape=(n, m)),
        to_pair=sparse.csr_array((coupling[free], (place[free], soft[coupled[free]])), shape=(len(keys), m)),
    )


def _linear(pairs: Index, forbidden: Index) -> tuple[Index, Index]:
    """Where a state of (i, j) is forbidden, i * j is linear: the atoms it is the sum of, up to a constant."""
    i, j = pairs.T
    both, first = forbidden & 0b1000 != 0, forbidden & 0b0100 != 0  # 11 forbidden: 0. 10 forbidden: i
    neither = forbidden & 0b0001 != 0  # 00 forbidden: i + j - 1
    one = np.where(both, NONE, np.where(first | neither, i, j))
    other = np.where(~both & ~first & neither, j, NONE)
    return one, other


class Weighted:
    """The part of an energy that comes from clauses: the same from row to row while weights stay the same.

    Coefficients of solves with equal weights share the arrays `pair` and `clause`, which engines use to see that
    nothing but the unaries has changed.

    Args:
        energy: the network's.
        weights: `[C]`, finite.

    Attributes:
        weights: as given.
        largest: the greatest of their sizes.
        signs: the signs of all coefficients that do not depend on unaries: all that a partition depends on.
    """

    def __init__(self, energy: Energy, weights: Floats) -> None:
        self._energy, self.weights = energy, weights
        self.largest = float(np.abs(weights).max(initial=0.0))
        self._kept: tuple[int, Coefficients] | None = None
        _, pair, clause = self._constant(int(np.frexp(self.largest)[1]))
        soft = clause[energy.large.clauses[~energy.large.hard]]
        self.signs: bytes = np.sign(np.concatenate([pair, soft])).astype(np.int8).tobytes()

    def coefficients(self, unary: Floats, shift: int) -> Coefficients:
        """Of unaries `[N, A]` that are divided by `2^shift` already, and of the weights, which are not."""
        constant = self._constant(shift)
        own = self._energy.reduction.unaries(unary)
        return Coefficients(own + constant.unary, constant.pair, constant.clause)

    def _constant(self, shift: int) -> Coefficients:
        if self._kept is None or self._kept[0] != shift:
            scaled = np.ldexp(self.weights, -shift)
            self._kept = shift, self._energy.constant(scaled)
        return self._kept[1]
