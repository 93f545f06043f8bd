"""The network without what hard clauses decide: only open atoms, clauses and literals are left, numbered anew."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from imle_mln.inference.propagation import UNKNOWN, Values
from imle_mln.network import Bools, Entries, Floats, GroundNetwork, Index, Lists


@dataclass(frozen=True, eq=False)
class Reduction:
    """What is left of a network.

    Attributes:
        atoms: n, how many are open.
        atom_ids: `[n]` their numbers in the network; where several are equivalent, that of the first.
        open_atoms: `[k]` the numbers in the network of all open atoms.
        place: `[k]` which of the n each of these is.
        flipped: `[k]` whether it is the opposite.
        decided: `[A]` states of all atoms; open ones false.
        clauses: m clauses over open atoms and open clauses; they may have a single literal, but not none.
        clause_ids: `[m]` their numbers in the network.
        hard: `[m]` those that must hold; no clause mentions them.
        blocks: exactly-one blocks of open atoms, each of two or more.
    """

    atoms: int
    atom_ids: Index
    open_atoms: Index
    place: Index
    flipped: Bools
    decided: Bools
    clauses: Lists
    clause_ids: Index
    hard: Bools
    blocks: Lists

    @cached_property
    def _sums(self) -> Any:
        """`[n, k]`."""
        signs = np.where(self.flipped, -1.0, 1.0)
        return sparse.csr_array((signs, (self.place, np.arange(len(self.place)))), shape=(self.atoms, len(self.place)))

    def unaries(self, unary: Floats) -> Floats:
        """Unaries `[N, A]` of the network to `[N, n]`."""
        if len(self.open_atoms) == len(self.decided) == self.atoms:
            return unary
        if len(self.open_atoms) == self.atoms:
            return unary[:, self.open_atoms]
        found: Floats = (self._sums @ unary[:, self.open_atoms].T).T
        return found

    def whole(self, states: Bools) -> Bools:
        """States `[N, n]` to those of all atoms, `[N, A]`."""
        found = np.tile(self.decided, (len(states), 1))
        found[:, self.open_atoms] = states[:, self.place] ^ self.flipped
        return found


def strip(network: GroundNetwork, values: Values) -> Reduction:
    """Leave out what is known.

    Args:
        network: the whole.
        values: of all atoms and clauses, propagated without conflict.
    """
    count = network.atoms
    found = network.clauses.entries()
    known = values[found.variable]
    true = np.zeros(len(network.clauses), np.bool_)
    true[found.row[(known != UNKNOWN) & (known.astype(np.bool_) ^ found.negated)]] = True
    own = values[count:]
    hard = (own == 1) & ~true
    kept = hard | (own == UNKNOWN)
    clause_ids, atom_ids = np.flatnonzero(kept), np.flatnonzero(values[:count] == UNKNOWN)
    number = np.full(len(values), -1, np.int64)
    number[atom_ids] = np.arange(len(atom_ids))
    number[count + clause_ids] = len(atom_ids) + np.arange(len(clause_ids))
    return Reduction(
        atoms=len(atom_ids),
        atom_ids=atom_ids,
        open_atoms=atom_ids,
        place=np.arange(len(atom_ids)),
        flipped=np.zeros(len(atom_ids), np.bool_),
        decided=values[:count] == 1,
        clauses=_renumbered(found, kept[found.row] & (known == UNKNOWN), number, kept),
        clause_ids=clause_ids,
        hard=hard[clause_ids],
        blocks=_open_blocks(network, values, number),
    )


def _open_blocks(network: GroundNetwork, values: Values, number: Index) -> Lists:
    found = network.blocks.entries()
    left = values[found.variable] == UNKNOWN
    kept = np.zeros(len(network.blocks), np.bool_)
    kept[found.row[left]] = True
    return _renumbered(found, left, number, kept)


def _renumbered(found: Entries, chosen: Bools, number: Index, kept: Bools) -> Lists:
    variables = number[found.variable[chosen]]
    literals = np.where(found.negated[chosen], ~variables, variables)
    row = (np.cumsum(kept) - 1)[found.row[chosen]]
    return Lists.of(row, literals, int(kept.sum()))
