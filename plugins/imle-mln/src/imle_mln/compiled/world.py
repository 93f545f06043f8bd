"""The state of a ground network, kept up to date move by move: what search and samplers are made of.

A move flips a free atom, or makes another atom of an exactly-one block true. Numbers of true literals are changed in
the clauses that mention it, and where a clause becomes true or false, in those that mention the clause, and so on. So
a move costs what it touches.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imle.solvers.compiled import Flags, Floats, Ints, Longs, compiled

ULongs = NDArray[np.uint64]
FREE = -1
"""Stands for the block of an atom that is in none."""


class Structure(NamedTuple):
    """A network of n atoms, m clauses and b blocks. Variables are atoms, and n + c is the truth of clause c.

    Numbers of variables, clauses and blocks have one type everywhere, or kernels would be compiled for each type.

    Attributes:
        atoms: n.
        depth: how deeply clauses nest: 0 if there is no clause, 1 if no clause mentions another.
        starts: `[m + 1]` where the literals of each clause start.
        items: literals, `v` or `~v` where v is a variable; clauses mention earlier ones only.
        in_starts: `[n + m + 1]` where the clauses that mention each variable start.
        in_items: `c` where clause c mentions it, `~c` where c mentions its negation.
        hard: `[m]` clauses that must hold.
        block_of: `[n]` the exactly-one block of each atom, or `FREE`.
        block_starts: `[b + 1]` where the atoms of each block start.
        block_items: atoms of blocks.
    """

    atoms: int
    depth: int
    starts: Longs
    items: Longs
    in_starts: Longs
    in_items: Longs
    hard: Flags
    block_of: Longs
    block_starts: Longs
    block_items: Longs


class WorldState(NamedTuple):
    """A state. Write `values` of atoms, one true in each block, and call `reset`; then `move`.

    Attributes:
        values: `[n + m]` truths of variables.
        true_literals: `[m]` how many literals of each clause are true.
        chosen: `[b]` the true atom of each block.
        rewards: `[n + m]` what each variable adds to the score if it is true.
        score: `[1]` their sum.
        penalties: `[m]` what each hard clause adds to the penalty if it is false.
        penalty: `[1]` their sum.
        broken: `[m]` the hard clauses that are false come first, in any order.
        place: `[m]` where each of these is, or -1.
        faults: `[1]` how many they are.
        path: `[2, depth + 1]` room for `flip`.
    """

    values: Flags
    true_literals: Ints
    chosen: Longs
    rewards: Floats
    score: Floats
    penalties: Floats
    penalty: Floats
    broken: Longs
    place: Longs
    faults: Longs
    path: Longs


@compiled
def reset(structure: Structure, world: WorldState) -> None:
    """Evaluate a state from the values of its atoms."""
    n = structure.atoms
    world.score[0] = world.penalty[0] = 0.0
    world.faults[0] = 0
    for atom in range(n):
        if world.values[atom]:
            world.score[0] += world.rewards[atom]
            if structure.block_of[atom] >= 0:
                world.chosen[structure.block_of[atom]] = atom
    for clause in range(len(structure.hard)):
        count = 0
        for at in range(structure.starts[clause], structure.starts[clause + 1]):
            item = structure.items[at]
            count += world.values[item] if item >= 0 else not world.values[~item]
        world.true_literals[clause] = count
        world.values[n + clause] = count > 0
        world.place[clause] = -1
        if count > 0:
            world.score[0] += world.rewards[n + clause]
        elif structure.hard[clause]:
            add_broken(world, clause)


@compiled
def add_broken(world: WorldState, clause: int) -> None:
    """A hard clause has become false."""
    world.place[clause] = world.faults[0]
    world.broken[world.faults[0]] = clause
    world.faults[0] += 1
    world.penalty[0] += world.penalties[clause]


@compiled
def drop_broken(world: WorldState, clause: int) -> None:
    """A hard clause has become true."""
    world.faults[0] -= 1
    last, place = world.broken[world.faults[0]], world.place[clause]
    world.broken[place] = last
    world.place[last] = place
    world.place[clause] = -1
    world.penalty[0] -= world.penalties[clause]


@compiled
def flip(structure: Structure, world: WorldState, atom: int) -> None:
    """Change the value of one atom, whether it is in a block or not, and of the clauses that depend on it."""
    n, values, path = structure.atoms, world.values, world.path
    values[atom] = not values[atom]
    world.score[0] += world.rewards[atom] if values[atom] else -world.rewards[atom]
    depth = 0
    path[0, 0], path[1, 0] = atom, structure.in_starts[atom]
    while depth >= 0:
        variable, at = path[0, depth], path[1, depth]
        if at == structure.in_starts[variable + 1]:
            depth -= 1
            continue
        path[1, depth] += 1
        item = structure.in_items[at]
        clause = item if item >= 0 else ~item
        before = world.true_literals[clause]
        after = before + 1 if values[variable] == (item >= 0) else before - 1
        world.true_literals[clause] = after
        if (before > 0) == (after > 0):
            continue
        # where both an atom and a clause that depends on it are mentioned, this may be undone a moment later
        values[n + clause] = after > 0
        world.score[0] += world.rewards[n + clause] if after > 0 else -world.rewards[n + clause]
        if structure.hard[clause]:
            if after > 0:
                drop_broken(world, clause)
            else:
                add_broken(world, clause)
        if structure.in_starts[n + clause] < structure.in_starts[n + clause + 1]:
            depth += 1
            path[0, depth], path[1, depth] = n + clause, structure.in_starts[n + clause]


@compiled
def move(structure: Structure, world: WorldState, atom: int) -> int:
    """Flip a free atom, or make an atom of a block the true one.

    Returns:
        the atom whose move takes this one back.
    """
    block = structure.block_of[atom]
    if block < 0:
        flip(structure, world, atom)
        return atom
    before = world.chosen[block]
    if before != atom:
        flip(structure, world, before)
        flip(structure, world, atom)
        world.chosen[block] = atom
    return int(before)


@compiled
def uniform(random: ULongs) -> float:
    """The next of a sequence of numbers from 0 to 1, 1 excluded (splitmix64, Steele, Lea and Flood 2014).

    Args:
        random: `[1]` the state of the sequence.
    """
    random[0] += np.uint64(0x9E3779B97F4A7C15)
    mixed = random[0]
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    return float(mixed >> np.uint64(11)) / 9007199254740992.0


@compiled
def below(random: ULongs, count: int) -> int:
    """The next whole number from 0 to count - 1."""
    return int(uniform(random) * count)
