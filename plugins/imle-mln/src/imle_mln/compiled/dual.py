"""An upper bound on the score of all states: MPLP, coordinate descent on the dual of the linear relaxation (Globerson
and Jaakkola 2007).

Each clause takes a share of what its variables add. The sum of what units and clauses can add by themselves at most is
a bound for any shares. For one clause after the other they are chosen anew, so that the bound falls: each of its K
variables keeps a K-th of what it is worth to become true, the clause taken into account.
"""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Floats, compiled
from imle_mln.compiled.world import Structure


@compiled
def share_anew(structure: Structure, kept: Floats, shares: Floats, worth: Floats) -> None:
    """Choose the shares of all clauses anew, forth and back.

    Args:
        kept: `[n + m]` what each variable adds, less its shares; changed.
        shares: `[literals]`, 0 at first; changed.
        worth: room for the literals of the longest clause.
    """
    m = len(structure.hard)
    for number in range(2 * m):
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
