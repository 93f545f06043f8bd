"""Which atoms each large clause depends on, and the clauses nested in it."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from imle_mln.inference.reduction import Reduction
from imle_mln.network import Bools, Index, distinct


class LargeClauses:
    """Clauses that depend on more than two atoms, soft and hard.

    Args:
        reduction: what they are clauses of.
        clauses: `[l]` ascending.

    Attributes:
        clauses: as given.
        hard: `[l]` whether it must hold.
        clause: `[k]` place in `clauses`, for each pair of a large clause and an atom it depends on; ascending.
        atom: `[k]`.
        negated: `[k]` the sign of the atom's literal, where the clause has no nested ones.
        starts: `[l]` where each clause's atoms start.
        first: `[l]` the first of these.
        plain: `[l]` whether it has no nested clauses.
    """

    starts: Index
    clause: Index
    atom: Index
    first: Index
    plain: Bools
    negated: Bools

    def __init__(self, reduction: Reduction, clauses: Index) -> None:
        n, m = reduction.atoms, len(reduction.clauses)
        self.clauses, self.hard = clauses, reduction.hard[clauses]
        self._all = m
        if not len(self.clauses):  # most small networks: nothing to find, and sparse matrices take their time
            self.starts = self.clause = self.atom = self.first = np.zeros(0, np.int64)
            self.plain = self.negated = np.zeros(0, np.bool_)
            return
        found = reduction.clauses.entries()
        nested = found.variable >= n
        own = sparse.csr_array((np.ones((~nested).sum()), (found.row[~nested], found.variable[~nested])), shape=(m, n))
        inner = (found.row[nested], found.variable[nested] - n)
        self._inner = sparse.csr_array((np.ones(nested.sum()), inner), shape=(m, m))
        reach = own
        while nested.any():
            wider = own + self._inner @ reach
            wider.data[:] = 1.0
            if wider.nnz == reach.nnz:
                break
            reach = wider
        reach = reach[self.clauses]
        reach.sort_indices()
        self.starts = reach.indptr[:-1].astype(np.int64)
        self.clause = np.repeat(np.arange(len(self.clauses)), np.diff(reach.indptr))
        self.atom = reach.indices.astype(np.int64)
        self.first = self.atom[self.starts]
        complex_ = np.zeros(m, np.bool_)
        complex_[found.row[nested]] = True
        self.plain = ~complex_[self.clauses]
        negative = ~nested & found.negated
        where = (found.row[negative], found.variable[negative])
        signed = reach + sparse.csr_array((np.ones(len(where[0])), where), shape=(m, n))[self.clauses]
        signed.sort_indices()
        self.negated = signed.data == 2.0

    def nested_in(self, clauses: Index) -> Index:
        """All clauses that are mentioned in the given ones, in those again, and so on."""
        inside = np.zeros(self._all, np.bool_)
        front = clauses
        while len(front):
            mentioned = distinct(self._inner[front].indices)
            front = mentioned[~inside[mentioned]]
            inside[front] = True
        return np.flatnonzero(inside)
