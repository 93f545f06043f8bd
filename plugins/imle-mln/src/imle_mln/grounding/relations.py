"""Tables of bindings, and the joins that extend them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from imle_mln.grounding.canonical import CHUNK, Codes
from imle_mln.network import Bools, Index

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

    def take(self, rows: Index | Bools) -> Bindings:
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
    """One number per row, ascending in row-major order, equal for equal rows; a rank if the sizes' product is huge."""
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
    """A relation sorted by some of its variables, to find the rows that agree with given bindings.

    Attributes:
        size: the number of its rows.
        domains: how many values each of the variables could have.
        keys: those of them that are looked up.
        checked: the others, to be compared afterwards.
    """

    def __init__(self, relation: Relation, keys: Sequence[str], sizes: Mapping[str, int]) -> None:
        self.size = relation.size
        self.domains = tuple(sizes[name] for name in keys)
        self._relation = relation
        self._sizes = list(self.domains)
        self.keys = tuple(keys)
        # A product beyond int64 would have to be ranked together with the bindings: join on what fits, check the rest.
        while prod(self._sizes) > _MAX_KEY:
            self._sizes.pop()
            self.keys = self.keys[:-1]
        self.checked = [name for name in keys if name not in self.keys]

    @cached_property
    def _sorted(self) -> tuple[dict[str, Codes], Index]:
        """The columns, sorted when they are first needed, and the keys' values."""
        columns = dict(zip(self._relation.variables, self._relation.columns, strict=True))
        values = keys_of([columns[name] for name in self.keys], self._sizes, self.size)
        if (values[1:] < values[:-1]).any():
            order = np.argsort(values, kind="stable")
            values = values[order]
            columns = {name: column[order] for name, column in columns.items()}
        return columns, values

    @cached_property
    def _starts(self) -> Index | None:
        """The first row of each key, where keys are few enough: a look-up is then one gather and not a search."""
        span = prod(self._sizes)
        small = span <= max(1 << 16, 4 * self.size)
        return np.searchsorted(self._sorted[1], np.arange(span + 1)) if small else None

    @property
    def columns(self) -> Mapping[str, Codes]:
        """Codes by variable, sorted by the keys."""
        return self._sorted[0]

    def matches(self, bindings: Bindings) -> tuple[Index, Index]:
        """For each binding the first row that agrees with it and how many do, `[rows]` each."""
        values = keys_of([bindings.columns[name] for name in self.keys], self._sizes, bindings.rows)
        if self._starts is not None:
            first = self._starts[values]
            return first, self._starts[values + 1] - first
        own = self._sorted[1]
        first = np.searchsorted(own, values)
        return first, np.searchsorted(own, values, side="right") - first


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
