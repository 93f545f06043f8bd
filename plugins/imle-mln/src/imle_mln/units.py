"""Units: what takes one value at a time, a free atom or a block; and the parts they fall into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from imle_mln.network import Bools, GroundNetwork, Index

MOST = 2**16
"""States of connected units that are looked at one by one."""


@dataclass(frozen=True, eq=False)
class Units:
    """The units of a network: free atoms in order, then exactly-one and at-most-one blocks in order.

    Attributes:
        members: for each unit its atoms.
        optional: `[units]` 1 where value 0 is that none of them is true: of free atoms and at-most-one blocks.
        unit: `[A]` that of each atom.
        value: `[A]` the value of its unit at which an atom is true.
    """

    members: tuple[Index, ...]
    optional: Index
    unit: Index
    value: Index

    @classmethod
    def of(cls, network: GroundNetwork) -> Units:
        lists = network.free + network.choices
        optional = np.ones(len(lists), np.int64)
        optional[len(network.free) :][: len(network.blocks)] = 0
        found = lists.entries()
        unit, value = np.zeros(network.atoms, np.int64), np.zeros(network.atoms, np.int64)
        unit[found.variable] = found.row
        value[found.variable] = np.arange(len(found.row)) - found.starts[found.row] + optional[found.row]
        return cls(tuple(np.split(found.variable, found.starts[1:])) if len(lists) else (), optional, unit, value)

    def __len__(self) -> int:
        return len(self.members)

    def size(self, unit: int) -> int:
        """How many values a unit has."""
        return len(self.members[unit]) + int(self.optional[unit])

    def states(self, units: Sequence[int]) -> int:
        """How many states some units have together."""
        return prod(map(self.size, units))

    def worlds(self, units: Sequence[int]) -> tuple[Index, Bools]:
        """The atoms of some units, `[k]`, and all their states, `[S, k]`: the last unit changes fastest."""
        sizes = [self.size(unit) for unit in units]
        values = np.indices(sizes).reshape(len(sizes), prod(sizes))
        at = np.repeat(np.arange(len(units)), [len(self.members[unit]) for unit in units])
        atoms = np.concatenate([np.zeros(0, np.int64), *(self.members[unit] for unit in units)])
        return atoms, self.value[atoms] == values[at].T

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
