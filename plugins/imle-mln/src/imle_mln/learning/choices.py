"""Products of choices, which pseudo-likelihoods and exact likelihoods are: their value, gradient and curvature."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from imle_mln.network import Floats, Index


class Choices:
    """Independent choices between what is observed and something else.

    The log-likelihood of weights w is `- sum_g log(1 + sum_m exp <d_m, w>)`, m over the alternatives of choice g, where
    d_m says how many more groundings of each formula an alternative makes true. It is concave.

    Equal choices of one alternative are counted, not kept: programs with few formulas have few different ones.

    Args:
        parts: for each world that was observed, sparse `[M, F]` differences, and `[M]` the choice of each, ascending.
        formulas: F.
    """

    def __init__(self, parts: Iterable[tuple[Any, Index]], formulas: int) -> None:
        singles: list[Any] = [sparse.csr_array((0, formulas))]
        grouped: list[Any] = [sparse.csr_array((0, formulas))]
        groups: list[Index] = [np.zeros(0, np.int64)]
        count = 0
        for differences, group in parts:
            alone = np.bincount(group, minlength=1)[group] == 1 if len(group) else np.zeros(0, np.bool_)
            singles.append(differences[np.flatnonzero(alone)])
            grouped.append(differences[np.flatnonzero(~alone)])
            _, own = np.unique(group[~alone], return_inverse=True)
            groups.append(own + count)
            count += int(own.max(initial=-1)) + 1
        single, times = _distinct(sparse.vstack(singles, format="csr"))
        numbers = np.concatenate([count + np.arange(single.shape[0]), *groups])
        self._rows = sparse.vstack([single, *grouped], format="csr")
        self._transposed = self._rows.T.tocsr()
        self._group = numbers
        self._times = np.ones(count + len(times))
        self._times[count:] = times

    def __len__(self) -> int:
        """How many alternatives there are, equal ones counted once."""
        return int(self._rows.shape[0])

    @property
    def differences(self) -> Any:
        """Sparse `[M, F]`, those of all alternatives."""
        return self._rows

    @cached_property
    def sizes(self) -> Floats:
        """`[F]` how much alternatives differ, roots of sums of squares: 0 where nothing is said of a formula."""
        found: Floats = np.sqrt(self._times[self._group] @ self._rows.multiply(self._rows))
        return found

    def value(self, weights: Floats) -> tuple[float, Floats]:
        """The log-likelihood, and its gradient `[F]`."""
        logs, chances = self._chances(weights)
        return -float(self._times @ logs), -(self._transposed @ (self._times[self._group] * chances))

    def curvature(self, weights: Floats) -> Floats:
        """Minus the second derivatives, `[F, F]`: the sum over choices of the covariance of their differences."""
        _, chances = self._chances(weights)
        weighted = sparse.diags_array(self._times[self._group] * chances)
        squares = (self._transposed @ weighted @ self._rows).toarray()
        place = (self._group, np.arange(len(self)))
        pick = sparse.csr_array((chances, place), shape=(len(self._times), len(self)))
        means = pick @ self._rows
        found: Floats = squares - (means.T @ sparse.diags_array(self._times) @ means).toarray()
        return found

    def _chances(self, weights: Floats) -> tuple[Floats, Floats]:
        """For each choice log(1 + sum exp), and for each alternative its probability."""
        scores = self._rows @ weights
        highest = np.zeros(len(self._times))
        np.maximum.at(highest, self._group, scores)
        shares = np.exp(scores - highest[self._group])
        totals = np.exp(-highest) + np.bincount(self._group, shares, len(self._times))
        return highest + np.log(totals), shares / totals[self._group]


def _distinct(rows: Any) -> tuple[Any, Index]:
    """The different rows of a sparse matrix, and how often each is there."""
    rows.sort_indices()
    rows.eliminate_zeros()
    lengths = np.diff(rows.indptr)
    kept: list[Index] = []
    times: list[Index] = []
    for length in np.unique(lengths):
        own = np.flatnonzero(lengths == length)
        at = rows.indptr[own][:, None] + np.arange(length)
        table = np.concatenate([rows.indices[at], rows.data[at]], axis=1)
        _, first, count = np.unique(table, axis=0, return_index=True, return_counts=True)
        kept.append(own[first])
        times.append(count)
    chosen = np.concatenate([np.zeros(0, np.int64), *kept])
    return rows[chosen], np.concatenate([np.zeros(0, np.int64), *times])
