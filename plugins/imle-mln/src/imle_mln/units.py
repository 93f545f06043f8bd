"""Units: what takes one value at a time, a free atom or an exactly-one block; and the parts they fall into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from imle_mln.network import Bools, GroundNetwork, Index


@dataclass(frozen=True, eq=False)
class Units:
    """The units of a network: free atoms in order, then blocks in order.

    Attributes:
        members: for each unit its atoms. A free atom has the values false and true; a block has a value per atom.
        unit: `[A]` that of each atom.
        value: `[A]` the value of its unit at which an atom is true.
    """

    members: tuple[Index, ...]
    unit: Index
    value: Index

    @classmethod
    def of(cls, network: GroundNetwork) -> Units:
        inside = np.zeros(network.atoms, np.bool_)
        inside[network.blocks.items] = True
        free = np.flatnonzero(~inside)
        blocks = [network.blocks[at].astype(np.int64) for at in range(len(network.blocks))]
        unit, value = np.zeros(network.atoms, np.int64), np.ones(network.atoms, np.int64)
        unit[free] = np.arange(len(free))
        for at, members in enumerate(blocks, len(free)):
            unit[members], value[members] = at, np.arange(len(members))
        return cls((*(np.array([atom]) for atom in free), *blocks), unit, value)

    def __len__(self) -> int:
        return len(self.members)

    def size(self, unit: int) -> int:
        """How many values a unit has."""
        return 2 if self.free(unit) else len(self.members[unit])

    def free(self, unit: int) -> bool:
        """Whether a unit is a free atom."""
        return bool(len(self.members[unit]) == 1 and self.value[self.members[unit][0]] == 1)

    def present(self, unit: int, state: Bools) -> int:
        """The value that a unit has in a state `[A]`."""
        members = self.members[unit]
        return int(state[members[0]]) if self.free(unit) else int(np.argmax(state[members]))

    def parts(self, network: GroundNetwork) -> Iterator[list[int]]:
        """Units in parts that no clause connects."""
        if not len(self):
            return
        size = len(self) + len(network.clauses)
        literals = network.clauses.entries()
        atom = literals.variable < network.atoms
        target = np.empty(len(literals.variable), np.int64)
        target[atom] = self.unit[literals.variable[atom]]
        target[~atom] = len(self) + literals.variable[~atom] - network.atoms
        links = (len(self) + literals.row, target)
        graph = sparse.coo_array((np.ones(len(target), np.int8), links), shape=(size, size))
        _, part = connected_components(graph, directed=False)
        order = np.argsort(part[: len(self)], kind="stable")
        cuts = np.flatnonzero(np.diff(part[order])) + 1
        yield from (own.tolist() for own in np.split(order, cuts))
