"""Every other state of small parts of a world, for likelihoods that are exact."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from imle.errors import InstanceError
from imle_mln.changes import Moves
from imle_mln.network import Bools, GroundNetwork, Index

MOST = 2**16
"""States of one part."""


def joint_moves(network: GroundNetwork, state: Bools, name: str) -> Moves:
    """All other states of each connected part of a network: parts that share no formula are chosen apart.

    Args:
        network: ground.
        state: `[A]`.
        name: of the world, for messages.

    Raises:
        InstanceError: a part has more states than can be counted.
    """
    move: list[Index] = []
    atom: list[Index] = []
    group: list[Index] = []
    start = 0
    for number, units in enumerate(_parts(network)):
        sizes = [max(2, len(unit)) for unit in units]
        states = prod(sizes)
        if states > MOST:
            raise InstanceError(
                f"{name}: expected connected atoms with at most {MOST:,} states, found {sum(map(len, units)):,} atoms",
                hint='learn with method="pll", which looks at one atom at a time, or give more evidence',
            )
        chosen = np.stack(np.unravel_index(np.arange(states), sizes), axis=1)
        present = [int(state[unit[0]]) if len(unit) == 1 else int(np.argmax(state[unit])) for unit in units]
        other = np.flatnonzero((chosen != present).any(axis=1))
        for at, unit in enumerate(units):
            value = chosen[other, at]
            changed = np.flatnonzero(value != present[at])
            moves = start + changed
            if len(unit) == 1:
                move.append(moves)
                atom.append(np.full(len(moves), unit[0]))
            else:
                move += [moves, moves]
                atom += [np.full(len(moves), unit[present[at]]), unit[value[changed]]]
        group.append(np.full(len(other), number))
        start += len(other)
    return Moves.of(_joined(move), _joined(atom), state, _joined(group))


def _parts(network: GroundNetwork) -> Iterator[list[Index]]:
    """The units of each part: single atoms, and exactly-one blocks."""
    blocks = [network.blocks[at].astype(np.int64) for at in range(len(network.blocks))]
    inside = np.zeros(network.atoms, np.bool_)
    inside[network.blocks.items] = True
    units = [np.array([atom]) for atom in np.flatnonzero(~inside)] + blocks
    size = network.atoms + len(network.clauses)
    literals, members = network.clauses.entries(), network.blocks.entries()
    first = members.variable[members.starts][members.row] if len(members.row) else members.variable
    links = (
        np.concatenate([network.atoms + literals.row, first]),
        np.concatenate([literals.variable, members.variable]),
    )
    graph = sparse.coo_array((np.ones(len(links[0]), np.int8), links), shape=(size, size))
    _, part = connected_components(graph, directed=False)
    own = np.array([part[unit[0]] for unit in units], np.int64)
    for number in np.unique(own):
        yield [units[at] for at in np.flatnonzero(own == number)]


def _joined(arrays: list[Index]) -> Index:
    return np.concatenate([np.zeros(0, np.int64), *arrays])
