"""What hard clauses and blocks decide by themselves: unit propagation, up and down nested clauses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imle_mln.network import Entries, GroundNetwork, Index, Lists, distinct

UNKNOWN = -1
Values = NDArray[np.int8]
"""0, 1 or UNKNOWN for each variable: atoms first, then clauses."""


class Propagation:
    """Unit propagation; each round looks only at the clauses and blocks of variables that changed in the last.

    Args:
        network: what to propagate in.

    Attributes:
        values: what is known.
        conflict: what cannot hold, in words; "" as long as nothing is found.
    """

    def __init__(self, network: GroundNetwork) -> None:
        self._network = network
        atoms, clauses = network.atoms, len(network.clauses)
        self.values: Values = np.full(atoms + clauses, UNKNOWN, np.int8)
        self.values[atoms:][network.hard] = 1
        self.conflict = network.conflict
        self._in_clauses = _incidence(network.clauses.entries(), atoms + clauses)
        blocks = len(network.blocks)
        self._in_blocks = _incidence(network.blocks.entries(), atoms + clauses)
        self._run(np.arange(clauses), np.arange(blocks))

    def assume(self, variables: Index, values: Values) -> None:
        """Set unknown variables and propagate."""
        self.values[variables] = values
        self._run(*self._touched(variables))

    def _run(self, clauses: Index, blocks: Index) -> None:
        while not self.conflict and len(clauses) + len(blocks):
            before = self.values.copy()
            self._clauses(clauses)
            self._blocks(blocks)
            clauses, blocks = self._touched(np.flatnonzero(self.values != before))

    def _touched(self, variables: Index) -> tuple[Index, Index]:
        """Clauses and blocks that have to be looked at again."""
        themselves = variables[variables >= self._network.atoms] - self._network.atoms
        clauses = distinct(np.concatenate([self._in_clauses.entries(variables).variable, themselves]))
        return clauses, distinct(self._in_blocks.entries(variables).variable)

    def _clauses(self, ids: Index) -> None:
        if not len(ids):
            return
        values, offset = self.values, self._network.atoms
        everything = len(ids) == len(self._network.clauses)
        found = self._network.clauses.entries(None if everything else ids)
        known = values[found.variable]
        open_ = known == UNKNOWN
        holds = np.logical_or.reduceat(~open_ & (known.astype(np.bool_) ^ found.negated), found.starts)
        left = np.add.reduceat(open_, found.starts, dtype=np.int64)
        own = values[ids + offset]
        false = ~holds & (left == 0)
        broken = (holds & (own == 0)) | (false & (own == 1))
        if broken.any():
            clause = int(ids[np.flatnonzero(broken)[0]])
            self.conflict = f"ground clause {clause} contradicts the other hard clauses and the blocks"
            return
        values[ids[holds] + offset] = 1
        values[ids[false] + offset] = 0
        last = ((own == 1) & ~holds & (left == 1))[found.row] & open_
        values[found.variable[last]] = ~found.negated[last]
        none = (own == 0)[found.row] & open_
        values[found.variable[none]] = found.negated[none]

    def _blocks(self, ids: Index) -> None:
        if not len(ids):
            return
        found = self._network.blocks.entries(ids)
        known = self.values[found.variable]
        true = np.add.reduceat(known == 1, found.starts, dtype=np.int64)
        left = np.add.reduceat(known == UNKNOWN, found.starts, dtype=np.int64)
        broken = (true > 1) | ((true == 0) & (left == 0))
        if broken.any() and not self.conflict:
            at = int(np.flatnonzero(broken)[0])
            self.conflict = f"exactly-one block {int(ids[at])}: hard clauses make {int(true[at])} of its atoms true"
            return
        open_ = known == UNKNOWN
        self.values[found.variable[open_ & (true == 1)[found.row]]] = 0
        self.values[found.variable[open_ & ((true == 0) & (left == 1))[found.row]]] = 1


def _incidence(found: Entries, variables: int) -> Lists:
    """For each variable the lists that mention it."""
    order = np.argsort(found.variable, kind="stable")
    return Lists.of(found.variable[order], found.row[order], variables)
