"""Tables of bindings, and the joins that extend them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from imle_mln.grounding.canonical import CHUNK, Codes, Index, Mask

_MAX_KEY = 2**62


@dataclass(frozen=True)
class Bindings:
    """Some bindings of variables.

    Attributes:
        columns: the code of the constant each variable has in each binding, `[rows]`.
        rows: how many there are.
        origin: the row of the table these bindings extend, `[rows]`.
    """

    columns: Mapping[str, Codes]
    rows: int
    origin: Index

    @classmethod
    def start(cls, columns: Mapping[str, Codes], rows: int) -> Bindings:
        """Bindings that extend nothing but themselves."""
        return cls(columns, rows, np.arange(rows, dtype=np.int64))

    def take(self, rows: Index | Mask) -> Bindings:
        """The bindings of some rows, given by number or mask."""
        origin = self.origin[rows]
        return Bindings({name: column[rows] for name, column in self.columns.items()}, len(origin), origin)

    def slice(self, start: int, stop: int) -> Bindings:
        """Rows `start` to `stop`."""
        columns = {name: column[start:stop] for name, column in self.columns.items()}
        return Bindings(columns, stop - start, self.origin[start:stop])

    def extended(self, columns: Mapping[str, Codes]) -> Bindings:
        """These bindings with more variables."""
        return Bindings({**self.columns, **columns}, self.rows, self.origin)


def keys_of(columns: Sequence[NDArray[np.int32]], sizes: Sequence[int], rows: int) -> Index:
    """One number per row, equal for equal rows; ascending in row-major order unless the sizes' product is huge."""
    keys = np.zeros(rows, np.int64)
    span = 1
    for column, size in zip(columns, sizes, strict=True):
        if span * size > _MAX_KEY:
            keys = np.unique(keys, return_inverse=True)[1].reshape(-1).astype(np.int64)
            span = rows
        keys = keys * size + column
        span *= size
    return keys


@dataclass(frozen=True)
class Relation:
    """A materialised set of bindings to join with.

    Attributes:
        variables: its columns.
        columns: codes, `[size]` each.
    """

    variables: tuple[str, ...]
    columns: tuple[Codes, ...]

    @property
    def size(self) -> int:
        """How many bindings there are."""
        return len(self.columns[0])


class JoinIndex:
    """A relation sorted by some of its variables, to find the rows that agree with given bindings."""

    def __init__(self, relation: Relation, keys: Sequence[str], sizes: Mapping[str, int]) -> None:
        self.keys = tuple(keys)
        self._sizes = [sizes[name] for name in keys]
        # A product beyond int64 would have to be ranked together with the bindings: join on what fits, check the rest.
        while prod(self._sizes) > _MAX_KEY:
            self._sizes.pop()
            self.keys = self.keys[:-1]
        by_name = dict(zip(relation.variables, relation.columns, strict=True))
        self.checked = [name for name in keys if name not in self.keys]
        values = keys_of([by_name[name] for name in self.keys], self._sizes, relation.size)
        if (values[1:] < values[:-1]).any():
            order = np.argsort(values, kind="stable")
            values = values[order]
            by_name = {name: column[order] for name, column in by_name.items()}
        self.columns = by_name
        self._values = values
        span = prod(self._sizes)
        # Few enough keys: the first row of each, so that a look-up is one gather and not a search.
        small = span <= max(1 << 16, 4 * relation.size)
        self._starts = np.searchsorted(values, np.arange(span + 1)) if small else None

    def matches(self, bindings: Bindings) -> tuple[Index, Index]:
        """For each binding the first row that agrees with it and how many do, `[rows]` each."""
        values = keys_of([bindings.columns[name] for name in self.keys], self._sizes, bindings.rows)
        if self._starts is not None:
            first = self._starts[values]
            return first, self._starts[values + 1] - first
        first = np.searchsorted(self._values, values)
        return first, np.searchsorted(self._values, values, side="right") - first


def slices(counts: Index) -> Iterator[tuple[int, int]]:
    """Consecutive ranges of rows whose counts sum up to at most CHUNK, or of one row."""
    ends = np.cumsum(counts)
    start = 0
    while start < len(counts):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + CHUNK, side="right")))
        yield start, stop
        start = stop


def repeated(first: Index, counts: Index) -> tuple[Index, Index]:
    """Expand ranges: (which range, position) of every item, range k being `first[k]` to `first[k] + counts[k]`."""
    which = np.repeat(np.arange(len(counts)), counts)
    ends = np.cumsum(counts)
    return which, np.arange(len(which)) + np.repeat(first - ends + counts, counts)
