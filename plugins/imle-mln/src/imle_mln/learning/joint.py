"""Every other state of small parts of a world, for likelihoods that are exact."""

from __future__ import annotations

import numpy as np

from imle.errors import InstanceError
from imle_mln.changes import Moves
from imle_mln.network import Bools, GroundNetwork, Index
from imle_mln.units import MOST, Units


def joint_moves(network: GroundNetwork, state: Bools, name: str) -> Moves:
    """All other states of each connected part of a network: parts that share no formula are chosen apart.

    Args:
        network: ground.
        state: `[A]`.
        name: of the world, for messages.

    Raises:
        InstanceError: a part has more states than can be counted.
    """
    units = Units.of(network)
    move: list[Index] = []
    atom: list[Index] = []
    group: list[Index] = []
    start = 0
    for number, part in enumerate(units.parts(network)):
        if units.states(part) > MOST:
            raise InstanceError(
                f"{name}: expected connected atoms with at most {MOST:,} states, found "
                f"{sum(len(units.members[unit]) for unit in part):,} atoms",
                hint='learn with method="pll", which looks at one atom at a time, or give more evidence',
            )
        atoms, worlds = units.worlds(part)
        changed = worlds != state[atoms]
        changed = changed[changed.any(axis=1)]
        row, column = np.nonzero(changed)
        move.append(start + row)
        atom.append(atoms[column])
        group.append(np.full(len(changed), number))
        start += len(changed)
    return Moves.of(_joined(move), _joined(atom), state, _joined(group))


def _joined(arrays: list[Index]) -> Index:
    return np.concatenate([np.zeros(0, np.int64), *arrays])
