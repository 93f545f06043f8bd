"""What other values of some atoms would change: truths of clauses, and counts of formulas."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from imle_mln.network import Bools, Floats, GroundNetwork, Index, Lists
from imle_mln.truths import ClauseTruths, by_level


@dataclass(frozen=True, eq=False)
class Moves:
    """Ways to change a world, in groups of which one at most is made: together with staying, they are a choice.

    Attributes:
        atoms: sparse `[M, A]`: 1 where a move makes an atom true, -1 where it makes one false.
        group: `[M]` ascending.
    """

    atoms: Any
    group: Index

    def __len__(self) -> int:
        return len(self.group)

    @classmethod
    def of(cls, move: Index, atom: Index, state: Bools, group: Index) -> Moves:
        """Moves that flip atoms of a state.

        Args:
            move, atom: equally long: the moves, from 0, and what they flip.
            state: `[A]`.
            group: `[M]` of each move.
        """
        becomes = np.where(state[atom], -1, 1).astype(np.int8)
        return cls(sparse.csr_array((becomes, (move, atom)), shape=(len(group), len(state))), group)


def single_moves(network: GroundNetwork, state: Bools, chosen: Bools | None = None) -> Moves:
    """What one free atom, or one block, could be instead, all else as it is.

    Args:
        network: ground.
        state: `[A]`, which keeps all blocks.
        chosen: `[A]` the atoms that may change, blocks whole; all by default.
    """
    free = network.free.items
    free = free if chosen is None else free[chosen[free]]
    units = (Lists(np.arange(len(free) + 1), free) + network.choices).entries()
    exactly = np.zeros(len(units.starts), np.bool_)
    exactly[len(free) :][: len(network.blocks)] = True
    may = np.ones(len(units.row), np.bool_) if chosen is None else chosen[units.variable]
    is_true = state[units.variable]
    true = np.full(len(units.starts), -1)
    true[units.row[is_true]] = units.variable[is_true]
    # what is true becomes false, unless one has to be true; what is false becomes true instead of it
    kept = np.flatnonzero(may & ~(is_true & exactly[units.row]))
    group, atom = units.row[kept], units.variable[kept]
    other = np.flatnonzero(~is_true[kept] & (true[group] >= 0))
    move = np.concatenate([np.arange(len(kept)), other])
    return Moves.of(move, np.concatenate([atom, true[group[other]]]), state, group)


class Changes:
    """A world of a ground network, and what moves would change in it.

    Args:
        network: ground.
        state: `[A]`.
    """

    def __init__(self, network: GroundNetwork, state: Bools) -> None:
        self.network, self.state = network, state
        self.truths: Bools = ClauseTruths(network.atoms, network.clauses).of(state)

    @cached_property
    def _levels(self) -> list[tuple[Index, Any]]:
        """Clauses that mention atoms and clauses of earlier levels only, and by how much a variable that becomes true
        adds to the number of their true literals: `[A + C, k]`.
        """
        network = self.network
        size = network.atoms + len(network.clauses)
        found = []
        for ids in by_level(network.atoms, network.clauses):
            entries = network.clauses.entries(ids)
            signs = np.where(entries.negated, -1, 1).astype(np.int32)
            shape = (size, len(ids))
            found.append((ids, sparse.csr_array((signs, (entries.variable, entries.row)), shape=shape)))
        return found

    @cached_property
    def _true_literals(self) -> Index:
        """`[C]`."""
        entries = self.network.clauses.entries()
        values = np.concatenate([self.state, self.truths])[entries.variable] != entries.negated
        return np.bincount(entries.row, values, len(self.network.clauses)).astype(np.int64)

    def clauses(self, moves: Moves) -> Any:
        """Sparse `[M, C]`: 1 where a move makes a clause true, -1 where it makes one false."""
        network = self.network
        size = network.atoms + len(network.clauses)
        changed = sparse.csr_array(
            (moves.atoms.data.astype(np.int32), moves.atoms.indices, moves.atoms.indptr), shape=(len(moves), size)
        )
        for ids, signs in self._levels:
            more = (changed @ signs).tocoo()
            clause = ids[more.col]
            after = self._true_literals[clause] + more.data > 0
            kept = np.flatnonzero(after != self.truths[clause])
            step = np.where(after[kept], 1, -1).astype(np.int32)
            place = more.row[kept], network.atoms + clause[kept]
            changed = changed + sparse.csr_array((step, place), shape=changed.shape)
        return changed[:, network.atoms :]

    def counts(self, moves: Moves) -> tuple[Any, Index]:
        """How many more groundings of each formula would be true, and which moves would break a hard clause.

        Returns:
            sparse `[M, F]`; and the numbers of those moves, ascending.
        """
        changed = self.clauses(moves)
        hard = changed[:, np.flatnonzero(self.network.hard)].tocoo()
        return (changed @ self.network.counts).tocsr(), np.unique(hard.row[hard.data < 0]).astype(np.int64)

    @property
    def broken(self) -> Index:
        """The hard clauses that do not hold."""
        return np.flatnonzero(self.network.hard & ~self.truths)

    @property
    def totals(self) -> Floats:
        """`[F]` how many groundings are true, decided ones included."""
        found: Floats = self.network.open_counts(self.truths[None])[0] + self.network.decided
        return found
