"""Clauses that other clauses refer to: each gets its number when it is first met."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imle_mln.grounding.canonical import Codes
from imle_mln.grounding.merge import hashed
from imle_mln.network import Index


class _Shelf:
    """The clauses of one length, with an index sorted by hash."""

    def __init__(self, length: int) -> None:
        self.codes: Codes = np.zeros((length, 0), np.int32)
        self.ids: Index = np.zeros(0, np.int64)
        self._hashes: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._order: Index = np.zeros(0, np.int64)

    def find(self, codes: Codes) -> Index:
        """The place of each clause on this shelf, -1 for those not on it."""
        found = np.full(codes.shape[1], -1, np.int64)
        if not len(self.ids):
            return found
        hashes = hashed(codes)
        at = np.searchsorted(self._hashes, hashes)
        todo = np.flatnonzero(at < len(self._hashes))
        # Usually one round; another only for clauses that share their hash with one on the shelf.
        while len(todo):
            todo = todo[self._hashes[at[todo]] == hashes[todo]]
            place = self._order[at[todo]]
            same = (self.codes[:, place] == codes[:, todo]).all(axis=0)
            found[todo[same]] = place[same]
            todo = todo[~same]
            at[todo] += 1
            todo = todo[at[todo] < len(self._hashes)]
        return found

    def add(self, codes: Codes, ids: Index) -> None:
        hashes = hashed(codes)
        order = np.argsort(hashes, kind="stable")
        at = np.searchsorted(self._hashes, hashes[order])
        self._hashes = np.insert(self._hashes, at, hashes[order])
        self._order = np.insert(self._order, at, order + len(self.ids))
        self.codes = np.concatenate([self.codes, codes], axis=1)
        self.ids = np.concatenate([self.ids, ids])


class Store:
    """Numbers for clauses, equal ones the same, in the order of first meeting."""

    def __init__(self) -> None:
        self.shelves: dict[int, _Shelf] = {}
        self.size = 0

    def intern(self, codes: Codes) -> Index:
        """The numbers `[n]` of clauses `[k, n]`."""
        shelf = self.shelves.setdefault(len(codes), _Shelf(len(codes)))
        place = shelf.find(codes)
        missing = np.flatnonzero(place < 0)
        if len(missing):
            # lexsort is exact, whatever the hashes do.
            order = missing[np.lexsort(codes[:, missing])]
            new = np.append(True, (codes[:, order[1:]] != codes[:, order[:-1]]).any(axis=0))
            rank = np.cumsum(new) - 1
            place[order] = len(shelf.ids) + rank
            shelf.add(codes[:, order[new]], self.size + np.arange(rank[-1] + 1))
            self.size += int(rank[-1]) + 1
        return shelf.ids[place]

    def find(self, codes: Codes) -> Index:
        """The numbers of clauses, -1 for those without one."""
        shelf = self.shelves.get(len(codes))
        if shelf is None:
            return np.full(codes.shape[1], -1, np.int64)
        place = shelf.find(codes)
        return np.where(place < 0, -1, shelf.ids[place])

    def literals(self, ids: Index) -> tuple[Index, Codes]:
        """The codes of the literals of some clauses, as pairs (position in `ids`, code)."""
        positions: list[Index] = [np.zeros(0, np.int64)]
        codes: list[Codes] = [np.zeros(0, np.int32)]
        for length, shelf in self.shelves.items():
            # Numbers on a shelf ascend, as they are given.
            at = np.minimum(np.searchsorted(shelf.ids, ids), max(0, len(shelf.ids) - 1))
            here = np.flatnonzero(shelf.ids[at] == ids) if len(shelf.ids) else np.zeros(0, np.int64)
            positions.append(np.tile(here, length))
            codes.append(shelf.codes[:, at[here]].reshape(-1))
        return np.concatenate(positions), np.concatenate(codes)
