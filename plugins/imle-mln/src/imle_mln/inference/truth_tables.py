"""Truth tables of clauses that depend on two atoms at most, however deeply they nest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imle_mln.inference.reduction import Reduction
from imle_mln.network import Bools, Index, distinct
from imle_mln.truths import by_level

NONE = -1
"""Stands for the second atom where there is only one."""


class TruthTables:
    """Tables of all variables: atoms, then clauses.

    Attributes:
        small: `[n + m]` whether a variable depends on two atoms at most; the rest is only meaningful where it does.
        support: `[n + m, 2]` the atoms, ascending; the second may be NONE.
        table: `[n + m, 4]` truth where the atoms are 00, 01, 10, 11.
    """

    def __init__(self, reduction: Reduction) -> None:
        n, m = reduction.atoms, len(reduction.clauses)
        self.small: Bools = np.zeros(n + m, np.bool_)
        self.support: Index = np.full((n + m, 2), NONE, np.int64)
        self.table: Bools = np.zeros((n + m, 4), np.bool_)
        self.small[:n] = True
        self.support[:n, 0] = np.arange(n)
        self.table[:n, 2:] = True
        for ids in by_level(n, reduction.clauses):
            self._level(reduction, ids)

    def _level(self, reduction: Reduction, ids: Index) -> None:
        """Clauses whose literals are done."""
        found = reduction.clauses.entries(ids)
        few = np.add.reduceat(found.variable < reduction.atoms, found.starts, dtype=np.int64) <= 2
        ids = ids[few & np.logical_and.reduceat(self.small[found.variable], found.starts)]
        found = reduction.clauses.entries(ids)
        row, atoms = np.repeat(found.row, 2), self.support[found.variable].ravel()
        some, n = atoms != NONE, max(reduction.atoms, 1)
        keys = distinct(row[some] * n + atoms[some])  # sorting numbers is faster than sorting columns
        pairs = np.stack(np.divmod(keys, n))
        first = np.searchsorted(pairs[0], np.arange(len(ids) + 1))
        small = np.diff(first) <= 2
        support = np.full((len(ids), 2), NONE, np.int64)
        support[:, 0] = pairs[1, first[:-1]]
        two = np.diff(first) == 2
        support[two, 1] = pairs[1, first[:-1][two] + 1]
        if not small.all():
            keep = small[found.row]
            found = found._replace(
                row=(np.cumsum(small) - 1)[found.row[keep]], variable=found.variable[keep], negated=found.negated[keep]
            )
            found = found._replace(starts=np.searchsorted(found.row, np.arange(int(small.sum()))))
        where = reduction.atoms + ids[small]
        self.small[where] = True
        self.support[where] = support[small]
        if len(where):
            self.table[where] = self._disjunction(
                found.variable, found.negated, found.row, found.starts, support[small]
            )

    def _disjunction(
        self, variable: Index, negated: Bools, row: Index, starts: Index, support: Index
    ) -> NDArray[np.bool_]:
        """For each state of a clause's atoms, look its literals up in their own tables."""
        own, child = support[row], self.support[variable]
        columns = []
        for state in range(4):
            bits = np.array([state >> 1, state & 1])
            value = np.zeros(len(row), np.int64)
            for place in range(2):
                known = child[:, place]
                value = 2 * value + np.where(known == own[:, 0], bits[0], np.where(known == own[:, 1], bits[1], 0))
            columns.append(np.logical_or.reduceat(self.table[variable, value] ^ negated, starts))
        return np.stack(columns, axis=1)
