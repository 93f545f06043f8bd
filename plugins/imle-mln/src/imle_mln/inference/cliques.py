"""Cliques among pairs: sets of atoms any two of which are a pair, so that no pair is in two of them."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from imle_mln.inference.components import Components
from imle_mln.network import Index, distinct

Clique = tuple[Index, Index]
"""Atoms, ascending, and the places of their pairs."""
LEAST = 3
"""Atoms of the smallest clique worth one."""


def cliques(n: int, pairs: Index) -> list[Clique]:
    """Disjoint cliques.

    Components that are cliques are found at once; what is left is covered greedily, from the first atom on.

    Args:
        n: number of atoms.
        pairs: `[p, 2]` ascending.
    """
    if not len(pairs):
        return []
    graph = sparse.coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    count, label = csgraph.connected_components(graph, directed=False)
    sizes = np.bincount(label, minlength=count)
    edges = np.bincount(label[pairs[:, 0]], minlength=count)
    whole = edges == sizes * (sizes - 1) // 2
    order = np.argsort(label[pairs[:, 0]], kind="stable")
    groups = np.split(order, np.cumsum(edges)[:-1])
    found = [(distinct(pairs[groups[c]].ravel()), groups[c]) for c in np.flatnonzero(whole & (sizes >= LEAST)).tolist()]
    rest = np.flatnonzero(~whole[label[pairs[:, 0]]])
    return found + _greedy(pairs, rest)


def _greedy(pairs: Index, rest: Index) -> list[Clique]:
    near: dict[int, set[int]] = {}
    place = {}
    for number, (i, j) in zip(rest.tolist(), pairs[rest].tolist(), strict=True):
        near.setdefault(i, set()).add(j)
        near.setdefault(j, set()).add(i)
        place[i, j] = number
    found = []
    for start in sorted(near):
        while len(clique := _grown(near, start)) >= LEAST:
            for atom in clique:
                near[atom].difference_update(clique)
            own = [place[i, j] for k, i in enumerate(clique) for j in clique[k + 1 :]]
            found.append((np.array(clique), np.array(own)))
    return found


def _grown(near: dict[int, set[int]], start: int) -> list[int]:
    """A clique that cannot grow, ascending."""
    clique, candidates = [start], set(near[start])
    while candidates:
        atom = min(candidates)
        clique.append(atom)
        candidates &= near[atom]
    return sorted(clique)


def exclusions(components: Components) -> list[Clique]:
    """Cliques among the pairs of components that have negative couplings, each likely to be equal within a clique."""
    energy, pairs, alike = components.energy, components.pairs, components.energy.alike
    soft = pairs[(energy.forbidden[pairs] == 0) & (components.coefficients.pair[pairs] < 0)]
    found = []
    for own in distinct(alike[soft]).tolist():
        places = soft[alike[soft] == own]
        found += [(atoms, places[of]) for atoms, of in cliques(energy.reduction.atoms, energy.pairs[places])]
    return found
