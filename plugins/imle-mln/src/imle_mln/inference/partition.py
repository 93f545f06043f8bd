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
from scipy import sparse
from scipy.sparse import csgraph

from imle_mln.inference.energy import Coefficients, Energy
from imle_mln.inference.scope import Scope
from imle_mln.inference.truths import Bools, Index, entries

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
        pairs: pairs that have a coupling or a forbidden state.
        large: soft large clauses with a weight, places in `Scope.clauses`.
        hard: hard large clauses, likewise.
    """

    component: Index
    sizes: Index
    balanced: Bools
    flipped: Bools
    block: Index
    pairs: Index
    large: Index
    hard: Index


def signs(energy: Energy, coefficients: Coefficients) -> bytes:
    """All that a partition depends on."""
    weights = coefficients.clause[energy.large]
    found: bytes = np.sign(np.concatenate([coefficients.pair, weights])).astype(np.int8).tobytes()
    return found


def partition(energy: Energy, scope: Scope, coefficients: Coefficients) -> Partition:
    """Components under the signs of these coefficients."""
    n = energy.reduction.atoms
    pairs = np.flatnonzero((coefficients.pair != 0) | (energy.forbidden != 0))
    soft = np.isin(scope.clauses, energy.large)
    large = np.flatnonzero(soft & (coefficients.clause[scope.clauses] != 0))
    hard = np.flatnonzero(~soft)
    parts = [
        _pair_edges(energy, coefficients, pairs),
        _clause_edges(scope, coefficients, large),
        *_both(_stars(scope, hard)),
    ]
    bound, blocks = _block_edges(energy)
    label = _double_cover(n, [*parts, *_both(blocks)])
    root, component, sizes = _numbered(np.minimum(label[:n], label[n:]))
    flipped = label[:n] != label[root][component]
    busy = np.zeros(len(sizes), np.bool_)
    for first, _, _ in parts:
        busy[component[first]] = True
    block = np.full(len(sizes), -1, np.int64)
    block[component[bound]] = np.arange(len(bound))
    block[busy] = -1
    balanced = label[root] != label[root + n]
    return Partition(component, sizes, balanced, flipped & balanced[component], block, pairs, large, hard)


def _pair_edges(energy: Energy, coefficients: Coefficients, pairs: Index) -> Edges:
    first, second = energy.pairs[pairs].T
    apart = (coefficients.pair[pairs] < 0) | (energy.forbidden[pairs] & 0b1001 != 0)
    return first, second, ~apart


def _clause_edges(scope: Scope, coefficients: Coefficients, large: Index) -> Edges:
    """A punished disjunction is a reward for all its literals being false: submodular if they have one sign."""
    first, second, equal = _stars(scope, large)
    cut = scope.plain & (coefficients.clause[scope.clauses] < 0)
    chosen = _of(scope, large)
    good = cut[chosen]
    return (
        np.concatenate([first, first[~good]]),
        np.concatenate([second, second[~good]]),
        np.concatenate([equal, ~equal[~good]]),
    )


def _stars(scope: Scope, places: Index) -> Edges:
    """Each atom of a clause beside the clause's first one."""
    wanted = np.zeros(len(scope.clauses), np.bool_)
    wanted[places] = True
    chosen = np.flatnonzero(wanted[scope.clause])
    first = scope.starts[scope.clause[chosen]]
    return scope.atom[first], scope.atom[chosen], scope.negated[first] == scope.negated[chosen]


def _of(scope: Scope, places: Index) -> Index:
    """The clause of each edge of `_stars`."""
    wanted = np.zeros(len(scope.clauses), np.bool_)
    wanted[places] = True
    return scope.clause[wanted[scope.clause]]


def _block_edges(energy: Energy) -> tuple[Index, Edges]:
    found = entries(energy.blocks, np.arange(len(energy.blocks)))
    first = found.variable[found.starts]
    return first, (first[found.row], found.variable, np.ones(len(found.row), np.bool_))


def _both(edges: Edges) -> tuple[Edges, Edges]:
    """No flipping can help: the atoms want to be equal and different."""
    first, second, equal = edges
    return (first, second, equal), (first, second, ~equal)


def _double_cover(n: int, parts: list[Edges]) -> Index:
    first, second, equal = (np.concatenate(column) for column in zip(*parts, strict=True))
    other = np.where(equal, second, second + n)
    twin = np.where(equal, second + n, second)
    rows, columns = np.concatenate([first, first + n]), np.concatenate([other, twin])
    graph = sparse.coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(2 * n, 2 * n))
    label: Index = csgraph.connected_components(graph, directed=False)[1].astype(np.int64)
    return label


def _numbered(label: Index) -> tuple[Index, Index, Index]:
    """First atoms, components and sizes."""
    _, root, place, sizes = np.unique(label, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(root)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return root[order], rank[place], sizes[order]
