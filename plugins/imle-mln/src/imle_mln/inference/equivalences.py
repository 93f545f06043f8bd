"""Atoms that hard clauses tie to each other, `a <=> b` or `a <=> !b`, made one.

`Same(x, y) <=> Same(y, x)` halves the atoms of entity resolution and the clauses about them; an exactly-one block of
two is a single atom.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from imle_mln.inference.reduction import Reduction
from imle_mln.network import Bools, Index, Lists, distinct

_EQUAL, _OPPOSITE = 0b0110, 0b1001
"""Forbidden states of pairs that are tied."""


def merged_equivalent(reduction: Reduction, pairs: Index, forbidden: Index) -> Reduction | str | None:
    """One atom for each set of tied ones.

    Args:
        reduction: what is left of the network.
        pairs: `[p, 2]` atoms.
        forbidden: `[p]` their forbidden states, as in `Energy`.

    Returns:
        A smaller reduction; None if nothing is tied, or cannot be made one here; or what contradicts itself. Atoms of
        blocks of three or more stay alone.
    """
    long = np.flatnonzero(np.diff(reduction.blocks.starts) > 2)
    blocks = reduction.blocks.entries(long)
    held = np.zeros(reduction.atoms, np.bool_)
    held[blocks.variable] = True
    tied = (((forbidden & _EQUAL) == _EQUAL) | ((forbidden & _OPPOSITE) == _OPPOSITE)) & ~held[pairs].any(axis=1)
    if not tied.any():
        return None
    root, flipped, bad = _roots(reduction.atoms, pairs[tied], (forbidden[tied] & _EQUAL) == _EQUAL)
    if bad is not None:
        return f"hard clauses want atom {int(reduction.atom_ids[bad])} to be equal to its opposite"
    first, place = np.unique(root, return_inverse=True)
    clauses = _clauses(reduction, place, flipped, len(first))
    if clauses is None:
        return None
    lists, kept = clauses
    return replace(
        reduction,
        atoms=len(first),
        atom_ids=reduction.atom_ids[first],
        place=place[reduction.place],
        flipped=reduction.flipped ^ flipped[reduction.place],
        clauses=lists,
        clause_ids=reduction.clause_ids[kept],
        hard=reduction.hard[kept],
        blocks=Lists.of(blocks.row, place[blocks.variable], len(long)),
    )


def double_cover(n: int, first: Index, second: Index, equal: Bools) -> Index:
    """Components `[2 n]` of the graph of n atoms and their opposites.

    Args:
        n: how many atoms there are.
        first, second: `[e]` atoms that are tied.
        equal: `[e]` whether to each other, or each to the other's opposite.
    """
    other, twin = np.where(equal, second, second + n), np.where(equal, second + n, second)
    rows, columns = np.concatenate([first, first + n]), np.concatenate([other, twin])
    graph = sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=(2 * n, 2 * n))
    label: Index = csgraph.connected_components(graph, directed=False)[1].astype(np.int64)
    return label


def _roots(n: int, pairs: Index, equal: Bools) -> tuple[Index, Bools, int | None]:
    """The first atom each one is tied to, whether it is its opposite, and an atom for which both would hold."""
    first, second = pairs.T
    label = double_cover(n, first, second, equal)
    both = np.flatnonzero(label[:n] == label[n:])
    _, start, place = np.unique(np.minimum(label[:n], label[n:]), return_index=True, return_inverse=True)
    root: Index = start[place]
    return root, label[:n] != label[root], int(both[0]) if len(both) else None


def _clauses(reduction: Reduction, place: Index, flipped: Bools, atoms: int) -> tuple[Lists, Index] | None:
    """Clauses over the atoms that are left, without doubles and those that always hold; and which ones they are."""
    n, m = reduction.atoms, len(reduction.clauses)
    found = reduction.clauses.entries()
    own = found.variable < n
    atom = np.where(own, found.variable, 0)
    variable = np.where(own, place[atom], found.variable - n + atoms)
    negated = found.negated ^ (own & flipped[atom])
    codes = distinct(found.row * (2 * (atoms + m)) + 2 * variable + negated)
    row, code = np.divmod(codes, 2 * (atoms + m))
    always = np.zeros(m, np.bool_)
    always[row[1:][(row[1:] == row[:-1]) & (code[1:] // 2 == code[:-1] // 2)]] = True
    mentioned = np.zeros(m, np.bool_)
    mentioned[found.variable[~own] - n] = True
    if (always & mentioned).any():
        return None
    literals = np.where(code % 2 == 1, ~(code // 2), code // 2)
    return _kept(row, literals, atoms, ~always & ~_repeated(row, literals, reduction.hard))


def _repeated(row: Index, literals: Index, hard: Bools) -> Bools:
    """Hard clauses that are equal to an earlier one: neighbours in the order of a hash are compared."""
    lists = Lists.of(row, literals, len(hard))
    mixed = literals.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = np.add.reduceat(mixed ^ (mixed >> np.uint64(32)), lists.starts[:-1]) if len(hard) else mixed
    order = np.flatnonzero(hard)
    order = order[np.argsort(hashes[order], kind="stable")]
    lengths = np.diff(lists.starts)
    one, other = order[:-1], order[1:]
    alike = (hashes[one] == hashes[other]) & (lengths[one] == lengths[other])
    one, other = one[alike], other[alike]
    found = np.zeros(len(hard), np.bool_)
    if len(one):
        first, second = lists.entries(one), lists.entries(other)
        differ = (first.variable != second.variable) | (first.negated != second.negated)
        found[other[~np.logical_or.reduceat(differ, first.starts)]] = True
    return found


def _kept(row: Index, literals: Index, atoms: int, chosen: Bools) -> tuple[Lists, Index]:
    """The chosen clauses, numbered anew; none of the others is mentioned in one."""
    number = np.cumsum(chosen) - 1
    mine = chosen[row]
    row, literals = row[mine], literals[mine]
    variable = np.where(literals < 0, ~literals, literals)
    nested = variable >= atoms
    variable[nested] = atoms + number[variable[nested] - atoms]
    literals = np.where(literals < 0, ~variable, variable)
    order = np.lexsort((literals, number[row]))
    return Lists.of(number[row][order], literals[order], int(chosen.sum())), np.flatnonzero(chosen)
