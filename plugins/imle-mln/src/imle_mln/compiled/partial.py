"""Partial states of a ground network: unit propagation, what other atoms cannot change, and a state built greedily.

Where propagation decides nothing more, an atom is dominated if one of its values is at least as good as the other
whatever the rest is: a pure literal, for one (Davis and Putnam 1960). In a block one atom may be at least as good as
another (dead-end elimination: Goldstein 1994).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imle.solvers.compiled import Flags, Floats, Ints, Longs, Masks, compiled
from imle_mln.compiled.world import Structure, ULongs, uniform

UNKNOWN = -1
_QUEUED = 2


class Partial(NamedTuple):
    """What is known. Make it with `empty`.

    Attributes:
        values: `[n + m]` 0, 1 or `UNKNOWN`.
        true_literals: `[m]` of each clause.
        unknown: `[m]` how many literals of each clause are unknown.
        left: `[b]` how many atoms of each block are unknown.
        trail: `[n + m]` known variables, in the order in which they became known.
        ends: `[2]` how many these are, and how many of them have been propagated.
    """

    values: Masks
    true_literals: Ints
    unknown: Ints
    left: Ints
    trail: Longs
    ends: Longs


@compiled
def start(structure: Structure, partial: Partial) -> bool:
    """Know nothing but that hard clauses hold, and what follows from that; whether it can be."""
    n, m = structure.atoms, len(structure.hard)
    partial.values[:] = UNKNOWN
    partial.true_literals[:] = 0
    partial.ends[:] = 0
    for clause in range(m):
        partial.unknown[clause] = structure.starts[clause + 1] - structure.starts[clause]
    for block in range(len(partial.left)):
        partial.left[block] = structure.block_starts[block + 1] - structure.block_starts[block]
        alone = partial.left[block] == 1
        if alone:
            know(partial, structure.block_items[structure.block_starts[block]], int(alone))
    for clause in range(m):
        if structure.hard[clause]:
            know(partial, n + clause, int(structure.hard[clause]))
    return propagate(structure, partial)


@compiled
def know(partial: Partial, variable: int, value: int) -> bool:
    """Set a variable, to be propagated; whether it is not known to be otherwise.

    Kernels are compiled for each constant they are called with: callers give values that are computed.
    """
    if partial.values[variable] == UNKNOWN:
        partial.values[variable] = value
        partial.trail[partial.ends[0]] = variable
        partial.ends[0] += 1
        return True
    return bool(partial.values[variable] == value)


@compiled
def propagate(structure: Structure, partial: Partial) -> bool:
    """Follow what is known to its ends; whether it can be. Afterwards take it back to a mark if it cannot."""
    n = structure.atoms
    while partial.ends[1] < partial.ends[0]:
        variable = partial.trail[partial.ends[1]]
        partial.ends[1] += 1
        value = partial.values[variable]
        good = True
        for at in range(structure.in_starts[variable], structure.in_starts[variable + 1]):
            item = structure.in_items[at]
            clause = item if item >= 0 else ~item
            partial.unknown[clause] -= 1
            if (value == 1) == (item >= 0):
                partial.true_literals[clause] += 1
            good &= settle(structure, partial, clause)
        if variable >= n:
            good &= settle(structure, partial, variable - n)
        elif structure.block_of[variable] >= 0:
            good &= settle_block(structure, partial, structure.block_of[variable], variable)
        if not good:
            return False
    return True


@compiled
def settle(structure: Structure, partial: Partial, clause: int) -> bool:
    """What follows for a clause and its literals; whether it can be."""
    own = partial.values[structure.atoms + clause]
    holds = partial.true_literals[clause] > 0
    if holds or partial.unknown[clause] == 0:
        return know(partial, structure.atoms + clause, int(holds))
    if own == 0 or (own == 1 and partial.unknown[clause] == 1):
        for at in range(structure.starts[clause], structure.starts[clause + 1]):
            item = structure.items[at]
            variable = item if item >= 0 else ~item
            if partial.values[variable] == UNKNOWN:
                know(partial, variable, own if item >= 0 else 1 - own)
    return True


@compiled
def settle_block(structure: Structure, partial: Partial, block: int, atom: int) -> bool:
    """What follows for a block of which an atom has become known; whether it can be."""
    partial.left[block] -= 1
    first, last = structure.block_starts[block], structure.block_starts[block + 1]
    value = partial.values[atom]
    if value == 1:
        for at in range(first, last):
            other = structure.block_items[at]
            if other != atom and not know(partial, other, 1 - value):
                return False
        return True
    if partial.left[block] > 1:
        return True
    for at in range(first, last):
        other = structure.block_items[at]
        if partial.values[other] == 1:
            return True
    for at in range(first, last):
        other = structure.block_items[at]
        if partial.values[other] == UNKNOWN:
            return know(partial, other, 1 - value)
    return bool(partial.left[block] > 0)  # known, and about to be propagated


@compiled
def take_back(structure: Structure, partial: Partial, mark: int) -> None:
    """Forget all but the first variables of the trail, as many as `mark`."""
    while partial.ends[0] > mark:
        partial.ends[0] -= 1
        variable = partial.trail[partial.ends[0]]
        if partial.ends[1] > partial.ends[0]:
            partial.ends[1] = partial.ends[0]
            for at in range(structure.in_starts[variable], structure.in_starts[variable + 1]):
                item = structure.in_items[at]
                clause = item if item >= 0 else ~item
                partial.unknown[clause] += 1
                if (partial.values[variable] == 1) == (item >= 0):
                    partial.true_literals[clause] -= 1
            if variable < structure.atoms and structure.block_of[variable] >= 0:
                partial.left[structure.block_of[variable]] += 1
        partial.values[variable] = UNKNOWN


@compiled
def attempt(structure: Structure, partial: Partial, variable: int, value: int) -> bool:
    """Set an unknown variable and propagate; take all of it back if it cannot be."""
    mark = partial.ends[0]
    know(partial, variable, value)
    if propagate(structure, partial):
        return True
    take_back(structure, partial, mark)
    return False


@compiled
def dominate(structure: Structure, partial: Partial, rewards: Floats) -> bool:
    """Decide, one after the other, the atoms that are dominated, until there is none; whether there is a state.

    Some best state has all that becomes known here. Of two values that are equally good, false is taken.

    Args:
        partial: as `start` leaves it.
        rewards: `[n + m]` what each variable adds if it is true.
    """
    least, most = np.empty(len(structure.hard)), np.empty(len(structure.hard))
    found = True
    while found:
        found = False
        gains_of_clauses(structure, partial, rewards, least, most)
        for atom in range(structure.atoms):
            if partial.values[atom] != UNKNOWN or structure.block_of[atom] >= 0:
                continue
            low, high = gain(structure, partial, rewards, least, most, atom)
            if high <= 0.0 or low >= 0.0:
                know(partial, atom, int(high > 0.0))
                if not propagate(structure, partial):
                    return False
                found = True
        for block in range(len(partial.left)):
            if partial.left[block] > 1:
                before = partial.ends[0]
                if not dominate_block(structure, partial, rewards, least, most, block):
                    return False
                found |= partial.ends[0] > before
    return True


@compiled
def dominate_block(
    structure: Structure, partial: Partial, rewards: Floats, least: Floats, most: Floats, block: int
) -> bool:
    """Decide that atoms of a block are false that another one of it is at least as good as."""
    first, last = structure.block_starts[block], structure.block_starts[block + 1]
    best, where = -np.inf, structure.block_items[first]
    for at in range(first, last):
        atom = structure.block_items[at]
        if partial.values[atom] == UNKNOWN:
            low, _ = gain(structure, partial, rewards, least, most, atom)
            if low > best:
                best, where = low, atom
    if best == -np.inf:
        return True
    for at in range(first, last):
        atom = structure.block_items[at]
        if partial.values[atom] == UNKNOWN and atom != where:
            _, high = gain(structure, partial, rewards, least, most, atom)
            if high <= best:
                know(partial, atom, int(high > best))
                if not propagate(structure, partial):
                    return False
                if partial.values[where] != UNKNOWN:
                    return True
    return True


@compiled
def gains_of_clauses(structure: Structure, partial: Partial, rewards: Floats, least: Floats, most: Floats) -> None:
    """The least and the most that each clause can gain by becoming true, all else open."""
    for clause in range(len(structure.hard) - 1, -1, -1):
        variable = structure.atoms + clause
        if structure.in_starts[variable] == structure.in_starts[variable + 1]:
            least[clause] = most[clause] = rewards[variable]
        else:
            least[clause], most[clause] = gain(structure, partial, rewards, least, most, variable)


@compiled
def gain(
    structure: Structure, partial: Partial, rewards: Floats, least: Floats, most: Floats, variable: int
) -> tuple[float, float]:
    """The least and the most that a variable can gain by becoming true; infinite where hard clauses have a say."""
    low = high = rewards[variable]
    for at in range(structure.in_starts[variable], structure.in_starts[variable + 1]):
        item = structure.in_items[at]
        clause = item if item >= 0 else ~item
        if partial.true_literals[clause] > 0:
            continue
        own = partial.values[structure.atoms + clause]
        if own == 0:
            continue
        if own == 1:
            worst, best = 0.0, np.inf
        else:
            worst, best = least[clause], most[clause]
            if partial.unknown[clause] > 1:
                worst, best = min(worst, 0.0), max(best, 0.0)
        if item >= 0:
            low += worst
            high += best
        else:
            low -= best
            high -= worst
    return low, high


@compiled
def expected(structure: Structure, partial: Partial, worth: Floats, variable: int) -> float:
    """What a variable gains by becoming true, on average over all values of what is unknown (Johnson 1974)."""
    found = worth[variable]
    for at in range(structure.in_starts[variable], structure.in_starts[variable + 1]):
        item = structure.in_items[at]
        clause = item if item >= 0 else ~item
        if partial.true_literals[clause] == 0:
            part = worth[structure.atoms + clause] * 0.5 ** min(max(partial.unknown[clause] - 1, 0), 60)
            found += part if item >= 0 else -part
    return float(found)


@compiled
def worths(structure: Structure, partial: Partial, rewards: Floats, worth: Floats) -> None:
    """`[n + m]` the rewards of atoms; and of clauses, what becoming true is worth to those that mention them, too."""
    worth[:] = rewards
    for clause in range(len(structure.hard) - 1, -1, -1):
        variable = structure.atoms + clause
        if structure.hard[clause]:
            worth[variable] = 0.0
        elif structure.in_starts[variable] < structure.in_starts[variable + 1]:
            worth[variable] = expected(structure, partial, worth, variable)


@compiled
def priorities(structure: Structure, partial: Partial, worth: Floats, units: Longs, found: Floats) -> None:
    """How much depends on the choice of each unit: a free atom, or `~block`."""
    for number in range(len(units)):
        unit = units[number]
        if unit >= 0:
            found[number] = abs(expected(structure, partial, worth, unit))
            continue
        first = second = -np.inf
        for at in range(structure.block_starts[~unit], structure.block_starts[~unit + 1]):
            atom = structure.block_items[at]
            if partial.values[atom] == UNKNOWN:
                own = expected(structure, partial, worth, atom)
                if own > first:
                    first, second = own, first
                elif own > second:
                    second = own
        found[number] = first - second if second > -np.inf else np.inf


@compiled
def complete(
    structure: Structure, partial: Partial, worth: Floats, order: Longs, wanted: Masks, noise: float, random: ULongs
) -> int:
    """Decide units one after the other, by what they gain on average, and propagate each decision.

    Args:
        partial: as `start` leaves it; in the end all atoms are known, but not always as hard clauses want them.
        order: units, as in `priorities`.
        wanted: `[n]` 0 or 1 where an atom is to have this value if it can, `UNKNOWN` elsewhere.
        noise: gains are changed by up to so much at random.
        random: see `uniform`.

    Returns:
        how many units could not be decided without breaking something.
    """
    failed = 0
    for number in range(len(order)):
        unit = order[number]
        if unit >= 0:
            if partial.values[unit] != UNKNOWN:
                continue
            value = wanted[unit]
            if value == UNKNOWN:
                own = expected(structure, partial, worth, unit) + noise * (uniform(random) - 0.5)
                value = 1 if own > 0.0 else 0
            if not attempt(structure, partial, unit, value) and not attempt(structure, partial, unit, 1 - value):
                failed += 1
        elif not complete_block(structure, partial, worth, ~unit, wanted, noise, random):
            failed += 1
    fill(structure, partial)
    return failed


@compiled
def complete_block(
    structure: Structure, partial: Partial, worth: Floats, block: int, wanted: Masks, noise: float, random: ULongs
) -> bool:
    """Make one atom of a block true, the best one that propagation does not refuse; whether there is one."""
    first, last = structure.block_starts[block], structure.block_starts[block + 1]
    while partial.left[block] > 0:
        best, where = -np.inf, structure.block_items[first]
        for at in range(first, last):
            atom = structure.block_items[at]
            if partial.values[atom] == UNKNOWN:
                own = expected(structure, partial, worth, atom) + noise * (uniform(random) - 0.5)
                if wanted[atom] == 1:
                    own = np.inf
                if own > best:
                    best, where = own, atom
        for value in (1, 0):
            if attempt(structure, partial, where, value):
                break
        if partial.values[where] == UNKNOWN:
            return False
    return True


@compiled
def fill(structure: Structure, partial: Partial) -> None:
    """Give values to atoms that could not be decided: false, and in a block the first one is true."""
    for block in range(len(partial.left)):
        candidate, done = structure.block_items[structure.block_starts[block]], False
        for at in range(structure.block_starts[block + 1] - 1, structure.block_starts[block] - 1, -1):
            atom = structure.block_items[at]
            done |= partial.values[atom] == 1
            if partial.values[atom] == UNKNOWN:
                candidate = atom
        if not done:
            partial.values[candidate] = 1
    for atom in range(structure.atoms):
        if partial.values[atom] == UNKNOWN:
            partial.values[atom] = 0


@compiled
def release(structure: Structure, partial: Partial, chosen: Flags) -> bool:
    """Forget the chosen atoms, of blocks all, and follow what the others say; whether it can be.

    The trail begins anew: what is still known cannot be taken back.
    """
    n, count, at = structure.atoms, 0, 0
    queue = partial.trail
    for atom in range(n):
        if chosen[atom] and partial.values[atom] != UNKNOWN:
            queue[count] = atom
            count += 1
            partial.values[atom] += _QUEUED
            if structure.block_of[atom] >= 0:
                partial.left[structure.block_of[atom]] += 1
    while at < count:
        variable = queue[at]
        at += 1
        value = partial.values[variable] - _QUEUED
        partial.values[variable] = UNKNOWN
        for place in range(structure.in_starts[variable], structure.in_starts[variable + 1]):
            item = structure.in_items[place]
            clause = item if item >= 0 else ~item
            partial.unknown[clause] += 1
            if (value == 1) == (item >= 0):
                partial.true_literals[clause] -= 1
            own = partial.values[n + clause]
            if not structure.hard[clause] and (own == 0 or own == 1):
                partial.values[n + clause] += _QUEUED
                queue[count] = n + clause
                count += 1
    released = queue[:count].copy()
    partial.ends[:] = 0
    good = True
    for variable in released:
        if variable >= n:
            good &= settle(structure, partial, variable - n)
        for place in range(structure.in_starts[variable], structure.in_starts[variable + 1]):
            item = structure.in_items[place]
            good &= settle(structure, partial, item if item >= 0 else ~item)
    return good and propagate(structure, partial)


@compiled
def restore(structure: Structure, partial: Partial, values: Flags, chosen: Flags) -> bool:
    """Give the atoms that `release` forgot the values `[n]` that they had; whether it can be."""
    take_back(structure, partial, 0)
    good = True
    for atom in range(structure.atoms):
        if chosen[atom]:
            good &= know(partial, atom, int(values[atom]))
    return good and propagate(structure, partial)
