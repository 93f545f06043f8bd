"""Dead ends: atoms that no optimal state has, or that all of them have, because of their unaries.

In a state with b true, make another atom a of its block true instead. If that gains whatever the neighbours are, b is
true in no optimal state (dead-end elimination: Desmet et al. 1992, Goldstein 1994). A free atom is compared with
itself being false. Each round knows the dead ends of the one before, so that neighbours can do less harm.

Atoms that hard clauses, large clauses or counted exclusions mention are left alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from imle_mln.inference.encoding import Encoding
from imle_mln.network import Bools, Floats, Index

_ROOM = 1e-6
"""A gain has to be more than rounding errors are; the largest cost is about a million."""


class Left(NamedTuple):
    """What is not decided.

    Attributes:
        live: `[k]` atoms that may be true.
        fixed: `[k]` atoms that are.
    """

    live: Bools
    fixed: Bools


class Elimination:
    """For the atoms of an encoding.

    Args:
        encoding: what is solved.
    """

    def __init__(self, encoding: Encoding) -> None:
        k = len(encoding.atoms)
        self._k, self._pairs = k, encoding.pair_columns
        first, second = encoding.pair_ends.T
        count = len(first)
        places = (np.concatenate([first, second]), np.concatenate([second, first]))
        near = sparse.csr_array((np.tile(np.arange(count) + 1.0, 2), places), shape=(k, k))
        self._which: Index = near.data.astype(np.int64) - 1
        self._reward, self._penalty = near, near.copy()
        self._members, self._row, self._starts = encoding.block_members
        self._bound = encoding.bound
        inside = np.zeros(k, np.bool_)
        inside[self._members] = True
        self._alone: Bools = ~inside & ~self._bound
        self.possible = bool((~self._bound).any()) and count > 0

    def of(self, costs: Floats) -> Left:
        """What these costs `[columns]`, to be minimised, leave open; strictly better states decide the rest."""
        gains = -costs[self._pairs][self._which]
        self._reward.data, self._penalty.data = np.maximum(gains, 0.0), np.minimum(gains, 0.0)
        live, fixed = np.ones(self._k, np.bool_), np.zeros(self._k, np.bool_)
        own = -costs[: self._k]
        while True:
            open_, true = (live & ~fixed).astype(np.float64), fixed.astype(np.float64)
            both = own + self._reward @ true + self._penalty @ true
            most, least = both + self._reward @ open_, both + self._penalty @ open_
            most[self._bound], least[self._bound | ~live] = np.inf, -np.inf
            dead, sure = self._alone & live & (most < -_ROOM), self._alone & ~fixed & (least > _ROOM)
            if len(self._starts):
                best = np.maximum.reduceat(least[self._members], self._starts)[self._row]
                dead[self._members] = live[self._members] & (most[self._members] < best - _ROOM)
            if not dead.any() and not sure.any():
                return Left(live, fixed)
            live, fixed = live & ~dead, fixed | sure
            if len(self._starts):
                left = np.add.reduceat(live[self._members], self._starts, dtype=np.int64)[self._row]
                fixed[self._members] = live[self._members] & (left == 1)
