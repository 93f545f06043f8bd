"""Components of the network under given signs of its coefficients, and what kind of problem each of them is.

A coupling that is positive wants its atoms equal, one that is negative wants them different. Where the atoms of a
component can be flipped so that all of its couplings are positive, it is a minimum cut (Kolmogorov & Zabih 2004; the
flipping is a 2-colouring, Boros & Hammer 2002). Both questions, what is connected and what can be flipped, are
answered at once by the components of the graph's double cover: an atom and its flipped twin lie in one component
exactly if it cannot be done.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imle_mln.inference.energy import Coefficients, Energy
from imle_mln.inference.equivalences import double_cover
from imle_mln.inference.large_clauses import LargeClauses
from imle_mln.network import Bools, Index, distinct

Edges = tuple[Index, Index, Bools]
"""Two atoms each, and whether the one wants to be equal to the other."""


@dataclass(frozen=True, eq=False)
class Partition:
    """Components, numbered by their first atoms.

    Attributes:
        component: `[n]` of each atom.
        sizes: `[components]` how many atoms each has.
        balanced: `[components]` whether it is a minimum cut after flipping.
        flipped: `[n]` atoms to flip; never the first one of a component.
        block: `[components]` the exactly-one block that is all there is in the component, or -1.
        variables: `[components]` its atoms, those of a block counted as one.
        clauses: `[components]` its large clauses, soft and hard.
        pairs: pairs that have a coupling or a forbidden state.
        soft: soft large clauses with a weight, places in `LargeClauses.clauses`.
        hard: hard large clauses, likewise.
    """

    component: Index
    sizes: Index
    balanced: Bools
    flipped: Bools
    block: Index
    variables: Index
    clauses: Index
    pairs: Index
    soft: Index
    hard: Index


def partition(energy: Energy, coefficients: Coefficients) -> Partition:
    """Components under the signs of these coefficients."""
    n, large = energy.reduction.atoms, energy.large
    pairs = np.flatnonzero((coefficients.pair != 0) | (energy.forbidden != 0))
    soft = np.flatnonzero(~large.hard & (coefficients.clause[large.clauses] != 0))
    hard = np.flatnonzero(large.hard)
    parts = [
        _pair_edges(energy, coefficients, pairs),
        _clause_edges(large, coefficients, soft),
        *_both(_stars(large, hard)),
    ]
    blocks, starts = _block_edges(energy)
    label = double_cover(n, *map(np.concatenate, zip(*parts, *_both(blocks), strict=True)))
    root, component, sizes = _numbered(np.minimum(label[:n], label[n:]))
    count = len(sizes)
    flipped = label[:n] != label[root][component]
    busy = np.zeros(count, np.bool_)
    for first, _, _ in parts:
        busy[component[first]] = True
    block = np.full(count, -1, np.int64)
    block[component[starts]] = np.arange(len(starts))
    block[busy] = -1
    balanced = label[root] != label[root + n]
    members, bound = (np.bincount(component[atoms], minlength=count) for atoms in (blocks[1], starts))
    clauses = np.bincount(component[large.first[np.concatenate([soft, hard])]], minlength=count)
    return Partition(
        component, sizes, balanced, flipped & balanced[component], block, sizes - members + bound, clauses,
        pairs, soft, hard,
    )  # fmt: skip


def _pair_edges(energy: Energy, coefficients: Coefficients, pairs: Index) -> Edges:
    first, second = energy.pairs[pairs].T
    apart = (coefficients.pair[pairs] < 0) | (energy.forbidden[pairs] & 0b1001 != 0)
    return first, second, ~apart


def _clause_edges(large: LargeClauses, coefficients: Coefficients, places: Index) -> Edges:
    """A punished disjunction is a reward for all its literals being false: submodular if they have one sign."""
    first, second, equal = _stars(large, places)
    cut = large.plain & (coefficients.clause[large.clauses] < 0)
    good = cut[large.clause[_among(large, places)]]
    alone = distinct(first[~good])
    return (
        np.concatenate([first, alone]),
        np.concatenate([second, alone]),
        np.concatenate([equal, np.zeros(len(alone), np.bool_)]),
    )


def _stars(large: LargeClauses, places: Index) -> Edges:
    """Each atom of a clause beside the clause's first one."""
    chosen = _among(large, places)
    first = large.starts[large.clause[chosen]]
    return large.atom[first], large.atom[chosen], large.negated[first] == large.negated[chosen]


def _among(large: LargeClauses, places: Index) -> Index:
    """Where the atoms of some clauses are."""
    wanted = np.zeros(len(large.clauses), np.bool_)
    wanted[places] = True
    return np.flatnonzero(wanted[large.clause])


def _block_edges(energy: Energy) -> tuple[Edges, Index]:
    """Each atom of a block beside the block's first one, and the first ones."""
    found = energy.blocks.entries()
    first = found.variable[found.starts]
    return (first[found.row], found.variable, np.ones(len(found.row), np.bool_)), first


def _both(edges: Edges) -> tuple[Edges, Edges]:
    """No flipping can help: the first atoms want to be different from themselves."""
    alone = distinct(edges[0])
    return edges, (alone, alone, np.zeros(len(alone), np.bool_))


def _numbered(label: Index) -> tuple[Index, Index, Index]:
    """First atoms, components and sizes."""
    _, root, place, sizes = np.unique(label, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(root)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return root[order], rank[place], sizes[order]
