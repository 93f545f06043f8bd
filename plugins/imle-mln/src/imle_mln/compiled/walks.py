"""Local search on the state of a ground network: simulated annealing over its units, and WalkSAT where hard clauses are
broken. A unit is a free atom, or `~block`, which takes another atom of the block in one move.
"""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Flags, Floats, Longs, Masks, compiled
from imle_mln.compiled.partial import Partial, complete, release, restore
from imle_mln.compiled.world import FREE, Structure, ULongs, WorldState, below, flip, move, uniform


@compiled
def proposal(structure: Structure, world: WorldState, unit: int, random: ULongs) -> int:
    """An atom to move: the unit itself, or one of its block that is not true."""
    if unit >= 0:
        return unit
    first, last = structure.block_starts[~unit], structure.block_starts[~unit + 1]
    if last - first < 2:
        return FREE
    at = first + below(random, last - first - 1)
    atom = structure.block_items[at]
    return int(structure.block_items[last - 1]) if atom == world.chosen[~unit] else int(atom)


@compiled
def losses(structure: Structure, world: WorldState, units: Longs, random: ULongs) -> float:
    """How much the score changes on average by a move at random, in size."""
    total, count = 0.0, 0
    for unit in units:
        atom = proposal(structure, world, unit, random)
        if atom != FREE:
            before = world.score[0]
            back = move(structure, world, atom)
            total += abs(world.score[0] - before)
            count += 1
            move(structure, world, back)
    return total / max(count, 1)


@compiled
def anneal(
    structure: Structure,
    world: WorldState,
    units: Longs,
    temperatures: Floats,
    best: Flags,
    record: Floats,
    random: ULongs,
) -> None:
    """Propose a move of each unit once per temperature (Kirkpatrick, Gelatt and Vecchi 1983).

    Args:
        units: what may move.
        temperatures: one for each sweep.
        best: `[n]` written, where a state without broken clauses is better than the record.
        record: `[1]` the score of `best`, -inf at first.
    """
    for temperature in temperatures:
        for unit in units:
            atom = proposal(structure, world, unit, random)
            if atom == FREE:
                continue
            before = world.score[0] - world.penalty[0]
            back = move(structure, world, atom)
            change = world.score[0] - world.penalty[0] - before
            if change < 0.0 and uniform(random) >= np.exp(change / temperature):
                move(structure, world, back)
        keep(structure, world, best, record)


@compiled
def keep(structure: Structure, world: WorldState, best: Flags, record: Floats) -> None:
    """Remember a state that breaks nothing, if it is better than the record."""
    if world.faults[0] == 0 and world.score[0] > record[0]:
        record[0] = world.score[0]
        best[:] = world.values[: structure.atoms]


@compiled
def descend(structure: Structure, world: WorldState, units: Longs, sweeps: int) -> bool:
    """Make every move that gains, in up to so many sweeps; whether there is none left."""
    for _ in range(sweeps):
        moved = False
        for unit in units:
            if unit >= 0:
                moved |= gained(structure, world, unit)
            else:
                for at in range(structure.block_starts[~unit], structure.block_starts[~unit + 1]):
                    if structure.block_items[at] != world.chosen[~unit]:
                        moved |= gained(structure, world, structure.block_items[at])
        if not moved:
            return True
    return False


@compiled
def gained(structure: Structure, world: WorldState, atom: int) -> bool:
    """Make a move if it gains more than rounding errors."""
    before = world.score[0] - world.penalty[0]
    back = move(structure, world, atom)
    after = world.score[0] - world.penalty[0]
    if after - before > 1e-12 * (abs(before) + 1.0):
        return True
    move(structure, world, back)
    return False


@compiled
def leaf(structure: Structure, world: WorldState, item: int, random: ULongs) -> int:
    """An atom whose move goes towards making a literal true, by way of nested clauses at random; `FREE` if none is."""
    while True:
        variable, wanted = (item, True) if item >= 0 else (~item, False)
        if variable < structure.atoms:
            block = structure.block_of[variable]
            if block < 0 or wanted:
                return variable
            return proposal(structure, world, ~block, random)
        clause = variable - structure.atoms
        first, count = structure.starts[clause], structure.starts[clause + 1] - structure.starts[clause]
        at = first + below(random, count)
        if wanted:
            item = structure.items[at]
            continue
        for _ in range(count):  # a literal that is true, to be made false
            item = structure.items[at]
            variable = item if item >= 0 else ~item
            if world.values[variable] == (item >= 0):
                break
            at = at + 1 if at + 1 < first + count else first
        item = ~item


@compiled
def walk(structure: Structure, world: WorldState, steps: int, noise: float, random: ULongs) -> bool:
    """Repair broken hard clauses one by one (MaxWalkSAT: Kautz, Selman and Jiang 1997); whether none is left.

    Args:
        steps: at most so many moves.
        noise: how often a move is made at random among those that repair the clause, instead of the best of them.
    """
    for _ in range(steps):
        if world.faults[0] == 0:
            return True
        clause = world.broken[below(random, world.faults[0])]
        first, last = structure.starts[clause], structure.starts[clause + 1]
        if uniform(random) < noise:
            atom = leaf(structure, world, structure.items[first + below(random, last - first)], random)
            if atom != FREE:
                move(structure, world, atom)
            continue
        most, where = -np.inf, structure.items[first]
        for at in range(first, last):
            atom = leaf(structure, world, structure.items[at], random)
            if atom == FREE:
                continue
            back = move(structure, world, atom)
            value = world.score[0] - world.penalty[0]
            move(structure, world, back)
            if value > most:
                most, where = value, atom
        if most > -np.inf:
            move(structure, world, where)
    return bool(world.faults[0] == 0)


@compiled
def rebuild(
    structure: Structure,
    world: WorldState,
    partial: Partial,
    worth: Floats,
    chosen: Flags,
    order: Longs,
    wanted: Masks,
    noise: float,
    best: Flags,
    record: Floats,
    random: ULongs,
) -> bool:
    """Forget atoms of the best state and decide them anew; take it back if that is not as good.

    Args:
        world, partial: both with the state `best`.
        chosen: `[n]` the atoms, of blocks all.
        order, wanted, noise: as for `complete`.

    Returns:
        whether the partial state is that of `best` again. Otherwise it has to be made anew.
    """
    good = release(structure, partial, chosen)
    if good:
        good = complete(structure, partial, worth, order, wanted, noise, random) == 0
    if good:
        follow(structure, world, partial.values, chosen)
        if world.faults[0] == 0 and world.score[0] >= record[0]:
            record[0] = world.score[0]
            best[:] = world.values[: structure.atoms]
            return True
        good = restore(structure, partial, best, chosen)
        follow(structure, world, partial.values, chosen)
    return good


@compiled
def follow(structure: Structure, world: WorldState, values: Masks, chosen: Flags) -> None:
    """Flip chosen atoms, of blocks all, to values of 0 and 1."""
    for atom in range(structure.atoms):
        if chosen[atom]:
            if world.values[atom] != (values[atom] == 1):
                flip(structure, world, atom)
            if world.values[atom] and structure.block_of[atom] >= 0:
                world.chosen[structure.block_of[atom]] = atom


@compiled
def neighbourhood(structure: Structure, unit: int, size: int, longest: int, chosen: Flags, random: ULongs) -> None:
    """Mark atoms near a unit, up to about so many: those of clauses that mention it, and so on.

    Args:
        unit: to start from.
        size: how many atoms.
        longest: clauses with more literals are no way to go.
        chosen: `[n]` written.
    """
    queue = np.empty(structure.atoms, np.int64)
    chosen[:] = False
    first = unit if unit >= 0 else structure.block_items[structure.block_starts[~unit]]
    count, at = add_unit(structure, first, chosen, queue, 0), 0
    while at < count and count < size:
        atom = queue[at]
        at += 1
        begin, end = structure.in_starts[atom], structure.in_starts[atom + 1]
        shift = below(random, max(end - begin, 1))
        for number in range(end - begin):
            place = begin + (number + shift) % (end - begin)
            item = structure.in_items[place]
            clause = item if item >= 0 else ~item
            if structure.starts[clause + 1] - structure.starts[clause] > longest:
                continue
            for other in range(structure.starts[clause], structure.starts[clause + 1]):
                literal = structure.items[other]
                variable = literal if literal >= 0 else ~literal
                if variable < structure.atoms and not chosen[variable] and count < size:
                    count = add_unit(structure, variable, chosen, queue, count)


@compiled
def add_unit(structure: Structure, atom: int, chosen: Flags, queue: Longs, count: int) -> int:
    """Mark an atom with its block; how many are marked then."""
    block = structure.block_of[atom]
    if block < 0:
        chosen[atom] = True
        queue[count] = atom
        return count + 1
    for at in range(structure.block_starts[block], structure.block_starts[block + 1]):
        other = structure.block_items[at]
        chosen[other] = True
        queue[count] = other
        count += 1
    return count
