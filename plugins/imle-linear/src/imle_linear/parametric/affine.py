"""Affine: numbers that are affine in parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imle_linear.arrays import Floats

Longs = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Affine:
    """`size` numbers, each a sum of factors times entries of p, the parameters and a 1.

    Attributes:
        size: how many numbers.
        width: of p, P + 1.
        row, place, factor: `[entries]` which number, which entry of p, and what that is multiplied by.
    """

    size: int
    width: int
    row: Longs
    place: Longs
    factor: Floats

    @classmethod
    def of(cls, terms: Sequence[tuple[int, int, float]], size: int, width: int) -> Affine:
        """From terms (row, place, factor)."""
        row, place, factor = zip(*terms, strict=True) if terms else ((), (), ())
        return cls(size, width, np.array(row, np.int64), np.array(place, np.int64), np.array(factor, np.float64))

    @classmethod
    def constant(cls, values: Floats, width: int) -> Affine:
        """What depends on no parameter."""
        size = len(values)
        return cls(size, width, np.arange(size), np.full(size, width - 1), np.asarray(values, np.float64))

    def at(self, p: Floats) -> Floats:
        """The numbers `[N, size]` for each of `[N, P + 1]` vectors; nan where an entry they need is."""
        found = np.zeros((len(p), self.size))
        order, starts, rows = self._by_row
        if len(rows):
            found[:, rows] = np.add.reduceat(self.factor[order] * p[:, self.place[order]], starts, axis=1)
        return found

    def slopes(self, duals: Floats) -> Floats:
        """`[N, P]` how much values change with entries of p that change by `[N, size]` with these numbers."""
        found = np.zeros((len(duals), self.width - 1))
        varying = self.only(self.place < self.width - 1)  # constants may be infinite
        np.add.at(found.T, varying.place, (duals[:, varying.row] * varying.factor).T)
        return found

    def only(self, kept: NDArray[np.bool_]) -> Affine:
        """Some of the terms, `[entries]`."""
        return Affine(self.size, self.width, self.row[kept], self.place[kept], self.factor[kept])

    def followed_by(self, other: Affine) -> Affine:
        """These numbers, and then others."""
        return Affine(
            self.size + other.size,
            self.width,
            row=np.concatenate([self.row, other.row + self.size]),
            place=np.concatenate([self.place, other.place]),
            factor=np.concatenate([self.factor, other.factor]),
        )

    @property
    def varies(self) -> bool:
        """Whether a number depends on a parameter."""
        return bool((self.place < self.width - 1).any())

    @cached_property
    def _by_row(self) -> tuple[Longs, Longs, Longs]:
        """Entries in the order of their rows, where rows with entries begin, and which these are."""
        order = np.argsort(self.row, kind="stable")
        rows, starts = np.unique(self.row[order], return_index=True)
        return order, starts, rows
