"""Expansion moves: blocks may take the value of one label, any number of them at once, and free atoms any value.

Which of them do is a minimum cut where couplings reward equal choices (Boykov, Veksler and Zabih 2001); where one does
not, one of the two stays as it is. Labels are atoms that couplings tie to each other: `Topic(p, A)` for all p, if
topics spread along citations. Clauses of more than two atoms are not looked at.
"""

from __future__ import annotations

import numpy as np
from ortools.graph.python import max_flow
from scipy import sparse
from scipy.sparse import csgraph

from imle.errors import SolveError
from imle_mln.compiled.world import FREE, Structure
from imle_mln.network import Bools, Floats, Index, Lists

_SIZE = 55
"""Capacities add up to less than two to this; OR-Tools counts to 2^63."""
_MOST = 64
"""Labels that are looked at: those of the most blocks."""


class Expansion:
    """The moves of one network, for one objective.

    Args:
        structure: of the network.
        rewards: `[n + m]` what each variable adds if it is true.

    Attributes:
        labels: the atoms that may become true together, one of a block at most; a label without atoms if there are
            none, so that free atoms have a move.
    """

    def __init__(self, structure: Structure, rewards: Floats) -> None:
        n = self._atoms = structure.atoms
        self._block_of, self._block_items = structure.block_of, structure.block_items
        self._unit = np.where(structure.block_of == FREE, np.arange(n), n + structure.block_of)
        two = np.flatnonzero(np.diff(structure.starts) == 2)
        items = structure.items[structure.starts[two][:, None] + [0, 1]]
        atoms = np.where(items < 0, ~items, items)
        small = (atoms < n).all(axis=1)
        two, items, self._ends = two[small], items[small], atoms[small]
        # a clause takes away what it adds where both its literals are false: (c_1 + s_1 a) (c_2 + s_2 b)
        sign, constant = np.where(items < 0, 1.0, -1.0), np.where(items < 0, 0.0, 1.0)
        never = 1.0 + 2.0 * float(np.abs(rewards).sum())
        lost = np.where(structure.hard[two], never, rewards[n + two])
        self._coupling: Floats = -lost * sign.prod(axis=1)
        self._linear: Floats = rewards[:n].astype(np.float64)
        for own, other in ((0, 1), (1, 0)):
            np.add.at(self._linear, self._ends[:, own], -lost * sign[:, own] * constant[:, other])
        self.labels = self._labelled(rewards)

    @property
    def possible(self) -> bool:
        """Whether there is a coupling."""
        return len(self._coupling) > 0

    def _labelled(self, rewards: Floats) -> Lists:
        """Atoms of blocks by label, those of the most atoms first; of several of one block the one that adds most."""
        n = self._atoms
        tied = self._ends[self._coupling > 0]
        graph = sparse.coo_array((np.ones(len(tied), np.int8), (tied[:, 0], tied[:, 1])), shape=(n, n))
        label = csgraph.connected_components(graph, directed=False)[1].astype(np.int64)
        atoms = self._block_items[np.lexsort((-rewards[self._block_items], self._block_of[self._block_items]))]
        key = label[atoms] * (n + 1) + self._block_of[atoms]
        first = np.sort(np.unique(key, return_index=True)[1])
        atoms = atoms[first]
        _, which, count = np.unique(label[atoms], return_inverse=True, return_counts=True)
        rank = np.empty(len(count), np.int64)
        rank[np.argsort(-count, kind="stable")] = np.arange(len(count))
        order = np.argsort(rank[which], kind="stable")
        kept = order[(rank[which] < _MOST)[order] & (count[which] > 1)[order]]
        lists = Lists.of(rank[which][kept], atoms[kept], int(min((count > 1).sum(), _MOST)))
        return lists if len(lists) else Lists(np.zeros(2, np.int64), lists.items)

    def best(self, state: Bools, label: int) -> Bools:
        """The best state that a move leads to from one that keeps blocks and hard clauses, given `[n]`."""
        members = self.labels[label].astype(np.int64)
        base = state.astype(np.float64)
        new = base.copy()
        taking = np.zeros(int(self._block_of.max(initial=-1)) + 1, np.bool_)
        taking[self._block_of[members]] = True
        new[self._block_items[taking[self._block_of[self._block_items]]]] = 0.0
        new[members] = 1.0
        free = self._block_of == FREE
        base[free], new[free] = 0.0, 1.0
        pairs, coupling = self._pairs(new - base)
        frozen = np.zeros(int(self._unit.max(initial=-1)) + 1, np.bool_)
        frozen[pairs[coupling < 0.0, 1]] = True
        stay = frozen[self._unit]
        base[stay] = new[stay] = state[stay]
        change = new - base
        pairs, coupling = self._pairs(change)
        i, j = self._ends.T
        u, v = self._unit[i], self._unit[j]
        gains: Floats = np.bincount(self._unit, self._linear * change, len(frozen)).astype(np.float64)
        gains += np.bincount(u, self._coupling * change[i] * base[j], len(frozen))
        gains += np.bincount(v, self._coupling * change[j] * base[i], len(frozen))
        gains += np.bincount(u, np.where(u == v, self._coupling * change[i] * change[j], 0.0), len(frozen))
        taken = _cut(gains, pairs, coupling)
        return np.asarray(np.where(taken[self._unit], new, base) > 0.5)

    def _pairs(self, change: Floats) -> tuple[Index, Floats]:
        """Pairs of units, and what it adds if both change: `[p, 2]` and `[p]`."""
        i, j = self._ends.T
        u, v = self._unit[i], self._unit[j]
        both = np.flatnonzero((change[i] * change[j] != 0.0) & (u != v))
        size = int(self._unit.max(initial=0)) + 1
        keys = np.minimum(u, v)[both] * size + np.maximum(u, v)[both]
        found, place = np.unique(keys, return_inverse=True)
        coupling = np.bincount(place, self._coupling[both] * change[i[both]] * change[j[both]], len(found))
        return np.stack(np.divmod(found, size), axis=1), coupling.astype(np.float64)


def _cut(gains: Floats, pairs: Index, coupling: Floats) -> Bools:
    """Which of n variables to make true: the best choice, given gains `[n]` and couplings, none of them negative."""
    n, (i, j), half = len(gains), pairs.T, coupling / 2
    own = gains + np.bincount(i, half, n) + np.bincount(j, half, n)
    shift = _SIZE - int(np.frexp(np.abs(own).sum() + 2 * half.sum())[1])
    scaled, each = (np.rint(np.ldexp(part, shift)).astype(np.int64) for part in (own, half))
    nodes = np.arange(n)
    flow = max_flow.SimpleMaxFlow()
    flow.add_arcs_with_capacity(
        np.concatenate([np.full(n, n), nodes, i, j]).astype(np.int32),
        np.concatenate([nodes, np.full(n, n + 1), j, i]).astype(np.int32),
        np.concatenate([np.maximum(scaled, 0), np.maximum(-scaled, 0), each, each]),
    )
    status = flow.solve(n, n + 1)
    if status != max_flow.SimpleMaxFlow.OPTIMAL:
        raise SolveError(f"mln: expansion: OR-Tools' maximum flow ended with status {status}")
    taken = np.zeros(n + 2, np.bool_)
    taken[flow.get_source_side_min_cut()] = True
    return taken[:n]
