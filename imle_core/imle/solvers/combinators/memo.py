"""Memo: a bounded table from rows to how they were solved; the least recently used row makes room."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.solvers.keys import Bits, Names
from imle.solvers.rows import Index

_START = 256
"""Rows there is room for at first; the room doubles until the capacity is reached."""


class Memo:
    """Rows, looked up by hash and compared bit by bit.

    All rows have one length and all solutions one shape and dtype; others empty the table first.

    Args:
        capacity: the most rows that are kept.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._slots: OrderedDict[int, int] = OrderedDict()  # hash of a row -> where it is kept
        self._kinds: tuple[Any, ...] | None = None
        self._keys: dict[int, Hashable] = {}
        self._messages: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._slots)

    def find(self, names: Names) -> Index:
        """`[N]` where each row is kept, -1 if it is not."""
        if self._kinds is None or names.bits.shape[1] != self._bits.shape[1]:
            return np.full(len(names.hashes), -1, dtype=np.intp)
        hashes: list[int] = names.hashes.tolist()
        get = self._slots.get
        slots: Index = np.array([get(value, -1) for value in hashes], dtype=np.intp)
        hits = np.flatnonzero(slots >= 0)
        if len(hits):
            equal = (self._bits[slots[hits]] == names.bits[hits]).all(axis=1)
            if not equal.all():
                slots[hits[~equal]] = -1
        for n in np.flatnonzero(slots >= 0).tolist():
            if names.keys is not None and self._keys.get(slots[n]) != names.keys[n]:
                slots[n] = -1
            else:
                self._slots.move_to_end(hashes[n])
        return slots

    def recall(self, slots: Index) -> tuple[NDArray[Any], NDArray[np.int8], NDArray[np.float64], list[str]]:
        """Solutions, statuses, objective values and messages of rows that are kept."""
        messages = [self._messages.get(slot, "") for slot in slots.tolist()] if self._messages else [""] * len(slots)
        return self._solutions[slots], self._status[slots], self._values[slots], messages

    def keep(
        self,
        names: Names,
        index: Index,
        solutions: NDArray[Any],
        status: NDArray[np.int8],
        values: NDArray[np.float64],
        messages: list[str],
    ) -> None:
        """Keep rows.

        Args:
            names: of a batch.
            index: `[M]` rows of that batch.
            solutions: `[M, *shape]`, and so on for the rest.
        """
        kinds = names.bits.shape[1], solutions.shape[1:], solutions.dtype
        if kinds != self._kinds:
            self.clear()
            self._allocate(kinds)
        hashes: list[int] = names.hashes[index].tolist()
        slots = np.array([self._place(value) for value in hashes], dtype=np.intp)
        self._bits[slots] = names.bits[index]
        self._solutions[slots] = solutions
        self._status[slots] = status
        self._values[slots] = values
        for slot, message in zip(slots.tolist(), messages, strict=True):
            self._messages.pop(slot, None)
            if message:
                self._messages[slot] = message
        if names.keys is not None:
            self._keys |= {slot: names.keys[n] for slot, n in zip(slots.tolist(), index.tolist(), strict=True)}

    def _place(self, hash_: int) -> int:
        """Where to put a row: where it is, in new room, or in place of the row that was not used for longest."""
        if hash_ in self._slots:
            self._slots.move_to_end(hash_)
            return self._slots[hash_]
        slot = len(self._slots)
        if slot == self.capacity:
            slot = self._slots.popitem(last=False)[1]
        elif slot == len(self._status):
            self._grow()
        self._slots[hash_] = slot
        return slot

    def _allocate(self, kinds: tuple[Any, ...]) -> None:
        length, shape, dtype = kinds
        room = min(_START, self.capacity)
        self._kinds = kinds
        self._bits: Bits = np.zeros((room, length), dtype=np.uint64)
        self._solutions: NDArray[Any] = np.zeros((room, *shape), dtype=dtype)
        self._status = np.zeros(room, dtype=np.int8)
        self._values = np.zeros(room)

    def _grow(self) -> None:
        more = min(len(self._status), self.capacity - len(self._status))
        for name in ("_bits", "_solutions", "_status", "_values"):
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.zeros((more, *old.shape[1:]), dtype=old.dtype)]))
