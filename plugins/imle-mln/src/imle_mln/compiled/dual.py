"""An upper bound on the score of all states: coordinate descent on the dual of the linear relaxation.

Each clause takes a share of what its variables add. The sum of what units and clauses can add by themselves at most is
a bound for any shares. For one clause after the other they are chosen anew, so that the bound falls, in one of two
ways. Spread evenly (MPLP: Globerson and Jaakkola 2007), each of its K variables keeps a K-th of what it is worth to
become true, the clause taken into account. Or a clause takes only what it needs to lower the bound as much, and leaves
the rest to others, as packings of conflicts do (Lange, Karrenbauer and Andres 2018): where each variable is in many
clauses, the first of these would otherwise hold it all. Each goes on where the other one is stuck.

Where hard clauses say that c_ij is true if a_i and a_j are, `sum_i a_i - sum_ij c_ij <= 1` holds in every state, which
no sum of these clauses says (for equivalences: the 2-partition inequalities of Groetschel and Wakabayashi 1990).
"""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Floats, Longs, compiled
from imle_mln.compiled.world import Structure

_TOGETHER = 6
"""Atoms of which one at most is true for free: larger groups are rare, and lower the bound no more."""


@compiled
def share_anew(
    structure: Structure, kept: Floats, shares: Floats, worth: Floats, evenly: bool, start: int, stop: int
) -> None:
    """Choose the shares of clauses anew.

    Args:
        kept: `[n + m]` what each variable adds, less its shares; changed.
        shares: `[literals]`, 0 at first; changed.
        worth: room for the literals of the longest clause.
        evenly: whether what variables are worth is spread evenly, or clauses take what they need.
        start, stop: a part of 0 to 2 m, which is all clauses forth and back.
    """
    m = len(structure.hard)
    for number in range(start, stop):
        clause = number if number < m else 2 * m - 1 - number
        first, last = structure.starts[clause], structure.starts[clause + 1]
        count = last - first
        total, most, second, place = 0.0, -np.inf, -np.inf, 0
        for at in range(first, last):
            item = structure.items[at]
            own = relative(structure, kept, shares, item if item >= 0 else ~item, shares[at])
            if item < 0:
                own = -own
            worth[at - first] = own
            total += max(own, 0.0)
            if own > most:
                most, second, place = own, most, at
            elif own > second:
                second = own
        gained = kept[structure.atoms + clause]
        wanted = np.inf if structure.hard[clause] else gained
        missing = min(max(-most, 0.0), max(wanted, 0.0))  # for the clause to be true
        part = min(-wanted, total) / total if wanted < 0.0 < total else 0.0  # of what speaks for it, if that is bad
        for at in range(first, last):
            item = structure.items[at]
            variable = item if item >= 0 else ~item
            own = worth[at - first]
            rest, best = total - max(own, 0.0), second if at == place else most
            if_false = gained + (rest if best > 0.0 else best)
            if not structure.hard[clause]:
                if_false = max(if_false, 0.0)
            if if_false == -np.inf:  # its only literal
                continue
            left = own + missing - max(own, 0.0) * part
            if evenly:
                left = (gained + own + rest - if_false) / count
            new = own - left if item >= 0 else left - own
            kept[variable] += shares[at] - new
            shares[at] = new


@compiled
def relative(structure: Structure, kept: Floats, shares: Floats, variable: int, share: float) -> float:
    """How much more a variable adds if it is true, a share of it given back."""
    own = kept[variable] + share
    if variable >= structure.atoms:
        most, _ = best_true(structure, shares, variable - structure.atoms)
        return float(own + most)
    block = structure.block_of[variable]
    if block < 0:
        return float(own)
    others = -np.inf
    for at in range(structure.block_starts[block], structure.block_starts[block + 1]):
        if structure.block_items[at] != variable:
            others = max(others, kept[structure.block_items[at]])
    return float(own - others if others > -np.inf else own)


@compiled
def best_true(structure: Structure, shares: Floats, clause: int) -> tuple[float, float]:
    """What the shares of a clause's variables add at most if it is true; and what they add if it is false.

    The second is subtracted from the first.
    """
    total, most, false = 0.0, -np.inf, 0.0
    for at in range(structure.starts[clause], structure.starts[clause + 1]):
        own = shares[at]
        if structure.items[at] < 0:
            false += own
            own = -own
        total += max(own, 0.0)
        most = max(most, own)
    return (total if most > 0.0 else most), false


@compiled
def bound(structure: Structure, kept: Floats, shares: Floats) -> float:
    """No state that breaks nothing has a greater score."""
    found = 0.0
    for atom in range(structure.atoms):
        if structure.block_of[atom] < 0:
            found += max(kept[atom], 0.0)
    for block in range(len(structure.block_starts) - 1):
        most = -np.inf
        for at in range(structure.block_starts[block], structure.block_starts[block + 1]):
            most = max(most, kept[structure.block_items[at]])
        found += most
    for clause in range(len(structure.hard)):
        most, false = best_true(structure, shares, clause)
        most += kept[structure.atoms + clause]
        found += false + (most if structure.hard[clause] else max(most, 0.0))
    return found


@compiled
def exclude(structure: Structure, kept: Floats, seeds: Longs) -> float:
    """Take multiples of `sum_i a_i - sum_ij c_ij <= 1` off what atoms add, a_i that add and c_ij that cost something.

    For one atom after the other these are found greedily. They may be taken off whatever the shares are.

    Args:
        kept: `[n + m]` as for `share_anew`; changed.
        seeds: free atoms.

    Returns:
        what to add to the bound.
    """
    n, found = structure.atoms, 0.0
    third = np.full((_TOGETHER, n), -1, np.int64)
    near, counts = np.empty((_TOGETHER, n), np.int64), np.zeros(_TOGETHER, np.int64)
    chosen, marked = np.empty(_TOGETHER, np.int64), np.zeros(n, np.bool_)
    for seed in seeds:
        size = _TOGETHER
        while size > 2 and kept[seed] > 0.0:
            size, chosen[0], marked[seed] = 1, seed, True
            counts[0] = implications(structure, kept, seed, third[0], near[0])
            candidates = near[0, : counts[0]].copy()
            for atom in candidates[np.argsort(-kept[candidates])]:
                if size == _TOGETHER:
                    break
                fits = not marked[atom]
                for other in range(size):
                    own = third[other, atom]
                    fits = fits and own >= 0 and not marked[own]
                    for before in range(other):
                        fits = fits and third[before, atom] != own
                if fits:
                    for other in range(size):
                        marked[third[other, atom]] = True
                    counts[size] = implications(structure, kept, atom, third[size], near[size])
                    chosen[size], marked[atom] = atom, True
                    size += 1
            amount = kept[chosen[:size]].min()
            for at in range(size):
                marked[chosen[at]] = False
                for before in range(at):
                    amount = min(amount, -kept[third[before, chosen[at]]])
                    marked[third[before, chosen[at]]] = False
            if size > 2:
                found += amount
                for at in range(size):
                    kept[chosen[at]] -= amount
                    for before in range(at):
                        kept[third[before, chosen[at]]] += amount
            for at in range(size):
                third[at][near[at, : counts[at]]] = -1
    return found


@compiled
def implications(structure: Structure, kept: Floats, atom: int, third: Longs, near: Longs) -> int:
    """Hard clauses `!atom v !b v c` of free atoms, b of which adds and c costs something.

    Args:
        third: `[n]` for each b its c, -1 before; changed.
        near: `[n]` the b's come first; changed.

    Returns:
        how many they are.
    """
    count = 0
    for at in range(structure.in_starts[atom], structure.in_starts[atom + 1]):
        clause = ~structure.in_items[at]
        if clause < 0 or not structure.hard[clause]:
            continue
        start = structure.starts[clause]
        if structure.starts[clause + 1] - start != 3:
            continue
        other = then = -1
        for item in structure.items[start : start + 3]:
            if item >= 0:
                then = item
            elif ~item != atom:
                other = ~item
        if min(other, then) < 0 or max(other, then) >= structure.atoms:
            continue
        if structure.block_of[other] >= 0 or structure.block_of[then] >= 0:
            continue
        if kept[other] > 0.0 > kept[then]:
            if third[other] < 0:
                near[count] = other
                count += 1
            third[other] = then
    return count
