"""Every other state of small parts of a world, for likelihoods that are exact."""

from __future__ import annotations

from math import prod

import numpy as np

from imle.errors import InstanceError
from imle_mln.changes import Moves
from imle_mln.network import Bools, GroundNetwork, Index
from imle_mln.units import Units

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
    units = Units.of(network)
    move: list[Index] = []
    atom: list[Index] = []
    group: list[Index] = []
    start = 0
    for number, part in enumerate(units.parts(network)):
        sizes = [units.size(unit) for unit in part]
        states = prod(sizes)
        if states > MOST:
            raise InstanceError(
                f"{name}: expected connected atoms with at most {MOST:,} states, found "
                f"{sum(len(units.members[unit]) for unit in part):,} atoms",
                hint='learn with method="pll", which looks at one atom at a time, or give more evidence',
            )
        chosen = np.stack(np.unravel_index(np.arange(states), sizes), axis=1)
        present = [units.present(unit, state) for unit in part]
        other = np.flatnonzero((chosen != present).any(axis=1))
        for at, unit in enumerate(part):
            members, value, none = units.members[unit], chosen[other, at], int(units.optional[unit])
            changed = np.flatnonzero(value != present[at])
            for values in (np.full(len(changed), present[at]), value[changed]):
                real = np.flatnonzero(values >= none)
                move.append(start + changed[real])
                atom.append(members[values[real] - none])
        group.append(np.full(len(other), number))
        start += len(other)
    return Moves.of(_joined(move), _joined(atom), state, _joined(group))


def _joined(arrays: list[Index]) -> Index:
    return np.concatenate([np.zeros(0, np.int64), *arrays])
