"""Several best solutions: the same one every time, or training cannot be repeated."""

from __future__ import annotations

import numpy as np

from imle.testing.compare import differing, same, shown
from imle.testing.failure import CheckFailure
from imle.testing.subject import Case

_FIX = (
    "break ties by a rule (lowest index first), never by chance, clocks, addresses, the order of a set or earlier rows"
)
REPEATS = 4


def check_ties(case: Case) -> None:
    """Ties are broken the same way each time, and by the row alone: not by its neighbours."""
    objective = np.concatenate([case.tied(12, seed=9), np.zeros((2, *case.shape))])
    objective[1::2] = objective[::2]  # each row twice
    objective[-2:] = 1.0  # everything ties
    expected = case.fresh(objective)
    for _ in range(REPEATS):
        same(case.fresh(objective), expected, told="the answer of the first time", where=case.where, fix=_FIX)
    order = np.random.default_rng(0).permutation(len(objective))
    shuffled = case.fresh(objective[order])
    same(shuffled, expected.take(order), told="the answer among other rows", where=f"shuffled, {case.where}", fix=_FIX)
    even, odd = expected.take(np.s_[::2]), expected.take(np.s_[1::2])
    if rows := differing(odd, even):
        raise CheckFailure(
            f"one answer for equal rows, {shown(even, rows[0])}",
            shown(odd, rows[0]),
            where=f"rows {2 * rows[0]} and {2 * rows[0] + 1}, {case.where}",
            fix=_FIX,
        )
