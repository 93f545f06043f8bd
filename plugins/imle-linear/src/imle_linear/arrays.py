"""Reading what users give as matrices, vectors, bounds and flags; every refusal says where and what was found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from numbers import Real
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
T = TypeVar("T")

NUMBERS = (Real, Decimal, np.bool_)
LEAST, MOST = 1e-12, 1e15
"""HiGHS drops matrix entries up to the first, as it is set here, and refuses models with entries from the second on.
The largest entries of rows are between 1 and 1024 (see `Columns.row_factors`)."""
KEPT = f"below {MOST:g} in size, and above {LEAST:g} of the largest in their row (or 0)"
RESCALE = "engines cannot keep such entries; rescale rows or variables"
_LIMITLESS = "where there is no limit, give a number that cannot be reached"
INFINITE = 1e20
"""Bounds and right sides from here on are infinite, as HiGHS has it."""

_SMALL, _FULL = 1_000_000, 0.25
"""Matrices of up to so many entries, of which at least this share is not 0, are multiplied as they stand."""
_CACHED = 2**15
"""How many products are added up at once: more leave the processor's cache."""


@dataclass(frozen=True, eq=False)
class Columns:
    """A sparse matrix by columns: entries `start[j]:start[j + 1]` of `index` (row numbers) and `value` are column j."""

    start: Ints
    index: Ints
    value: Floats
    shape: tuple[int, int]

    @cached_property
    def column(self) -> NDArray[np.intp]:
        """The column of every entry."""
        return np.repeat(np.arange(self.shape[1]), np.diff(self.start))

    def times(self, x: Floats) -> Floats:
        """The product with a vector, or with each row of `[N, columns]`."""
        if x.ndim == 1:
            product: Floats = self.times(x[None])[0]
            return product
        if self._dense is not None:
            return np.asarray(np.einsum("nj,ij->ni", x, self._dense))  # not `@`, for which BLAS may start threads
        found = np.zeros((len(x), self.shape[0]))
        values, columns, starts, rows = self._by_row
        if len(rows):
            size = max(1, _CACHED // len(values))
            for first in range(0, len(x), size):
                part = slice(first, first + size)
                found[part, rows] = np.add.reduceat(values * x[part].take(columns, axis=1), starts, axis=1)
        return found

    @cached_property
    def _dense(self) -> Floats | None:
        """The whole matrix, where it is small and has few zeros."""
        size = self.shape[0] * self.shape[1]
        if size > _SMALL or len(self.value) < _FULL * size:
            return None
        dense = np.zeros(self.shape)
        dense[self.index, self.column] = self.value
        return dense

    @cached_property
    def _by_row(self) -> tuple[Floats, NDArray[np.intp], NDArray[np.intp], Ints]:
        """Entries in the order of their rows, their columns, where rows with entries begin, and which these are."""
        order = np.argsort(self.index, kind="stable")
        rows, starts = np.unique(self.index[order], return_index=True)
        return self.value[order], self.column[order], starts, rows

    def part(self, columns: NDArray[np.intp]) -> Columns:
        """Some of the columns, at least one, in the order that is given."""
        entries = np.concatenate([np.arange(self.start[j], self.start[j + 1]) for j in columns])
        start = np.concatenate([[0], np.cumsum(np.diff(self.start)[columns])]).astype(np.int32)
        return Columns(start, self.index[entries], self.value[entries], (self.shape[0], len(columns)))

    def largest(self, entries: Floats) -> Floats:
        """The largest of some numbers >= 0, one per entry, in each row; 0 in empty rows."""
        found = np.zeros(self.shape[0])
        np.fmax.at(found, self.index, entries)
        return found

    @cached_property
    def row_factors(self) -> Floats:
        """`[rows]` powers of two that bring largest entries below 1, or from 1024 on, to between 1 and 2.

        Smaller whole numbers stay whole, which engines make use of.
        Tolerances of engines are absolute: they would swallow rows of small numbers, and ask of rows of large ones what
        floats do not hold.
        """
        _, exponents = np.frexp(self.largest(np.abs(self.value)))
        return np.asarray(np.ldexp(1.0, np.where((exponents > 0) & (exponents <= 10), 0, 1 - exponents)), np.float64)


def from_entries(rows: Any, columns: Any, values: Any, shape: tuple[int, int]) -> Columns:
    """Sort entries by column, then row; zeros are left out."""
    kept = np.flatnonzero(values)
    rows, columns, values = rows[kept], columns[kept], values[kept]
    place = columns * np.int64(shape[0]) + rows
    if (place[1:] < place[:-1]).any():
        order = np.argsort(place, kind="stable")
        rows, columns, values = rows[order], columns[order], values[order]
    start = np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=shape[1]))])
    return Columns(start.astype(np.int32), rows.astype(np.int32), np.asarray(values, dtype=np.float64), shape)


def stack(upper: Columns, lower: Columns) -> Columns:
    """One matrix above another of the same width."""
    if not lower.shape[0]:
        return upper
    rows = np.concatenate([upper.index, lower.index + upper.shape[0]])
    columns = np.concatenate([upper.column, lower.column])
    values = np.concatenate([upper.value, lower.value])
    return from_entries(rows, columns, values, (upper.shape[0] + lower.shape[0], upper.shape[1]))


def matrix(where: str, given: Any) -> Columns:
    """A dense matrix, nested lists, or anything with scipy.sparse's `tocsc`.

    Raises:
        InstanceError: not two-dimensional, not numbers, not finite, or out of the range that engines can keep.
    """
    if hasattr(given, "tocsc"):
        sparse = given.tocsc(copy=True)
        sparse.sum_duplicates()
        values = numbers(where, sparse.data)
        columns = np.repeat(np.arange(sparse.shape[1]), np.diff(sparse.indptr))
        found = from_entries(sparse.indices, columns, values, (int(sparse.shape[0]), int(sparse.shape[1])))
    else:
        dense = numbers(where, given)
        if dense.ndim != 2:
            raise InstanceError(f"{where}: expected a matrix [rows, variables], found shape {list(dense.shape)}")
        columns, rows = np.nonzero(dense.T)  # in the order of columns
        found = from_entries(rows, columns, dense[rows, columns], (dense.shape[0], dense.shape[1]))
    return checked(where, found)


def checked(where: str, found: Columns) -> Columns:
    """The same matrix.

    Raises:
        InstanceError: an entry is not finite, or out of the range that engines can keep.
    """
    entry = unkept(found)
    if entry is not None:
        at = (int(found.index[entry]), int(found.column[entry]))
        raise InstanceError(
            f"{where}: expected finite entries {KEPT}, found {found.value[entry]:g} at {at}",
            hint=RESCALE,
        )
    return found


def unkept(found: Columns) -> int | None:
    """The first entry that is not finite, or out of the range that engines can keep; None if there is none."""
    size = np.abs(found.value) * found.row_factors[found.index]
    bad = np.flatnonzero(~((size > LEAST) & (size < MOST)))
    return int(bad[0]) if len(bad) else None


def numbers(where: str, given: Any) -> Floats:
    """An array of float64.

    Raises:
        InstanceError: it does not consist of real numbers, or its rows have different lengths.
    """
    try:
        found = np.asarray(given)
        if found.dtype.kind not in "biuf":  # numpy would read "1" as 1, None as nan, and drop the j of 1 + 2j
            _refuse_other_than_numbers(where, np.asarray(given, dtype=object))
        return found.astype(np.float64, copy=False)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        if isinstance(error, InstanceError):
            raise
        raise InstanceError(
            f"{where}: expected numbers in equal rows, found {type(given).__name__} ({error})"
        ) from None


def _refuse_other_than_numbers(where: str, entries: NDArray[Any]) -> None:
    for place, entry in np.ndenumerate(entries):
        if not isinstance(entry, NUMBERS):
            at = f" at {place[0] if len(place) == 1 else place}" if place else ""
            raise InstanceError(f"{where}: expected numbers, found {entry!r}{at}")


def finite(where: str, given: Any) -> Floats:
    """An array of finite float64.

    Raises:
        InstanceError: see `numbers`; or nan or infinity among them.
    """
    found = numbers(where, given)
    _refuse(where, found, ~np.isfinite(found), "finite numbers", _LIMITLESS)
    return found


def integers(where: str, given: Any, hint: str) -> NDArray[np.int64]:
    """A one-dimensional int64 array.

    Raises:
        InstanceError: see `finite`; another shape, or an entry that is not a whole number below 2**53.
    """
    found = finite(where, given)
    if found.ndim != 1:
        raise InstanceError(f"{where}: expected one dimension, found shape {list(found.shape)}")
    _refuse(where, found, ~are_whole(found), "whole numbers below 2**53", hint)
    return found.astype(np.int64)


def are_whole(values: Floats) -> NDArray[np.bool_]:
    """Which entries are whole numbers below 2**53 in size."""
    whole: NDArray[np.bool_] = (np.abs(values) < 2.0**53) & (values == np.rint(values))
    return whole


def refuse_negative(where: str, values: NDArray[Any], hint: str) -> None:
    """Raise if an entry is negative.

    Raises:
        InstanceError: names the first one.
    """
    _refuse(where, values, values < 0, "numbers >= 0", hint)


def _refuse(where: str, values: NDArray[Any], bad: NDArray[np.bool_], expected: str, hint: str) -> None:
    if bad.any():
        place = [int(i) for i in np.argwhere(bad)[0]]
        at = f" at {place}" if place else ""
        raise InstanceError(f"{where}: expected {expected}, found {values[tuple(place)]:g}{at}", hint=hint)


def vector(where: str, given: Any, length: int, per: str) -> Floats:
    """A finite vector of known length.

    Args:
        where: for messages.
        given: what the user gave.
        length: how long it has to be.
        per: what there is one entry for, for messages.

    Raises:
        InstanceError: another shape, or entries that are not finite.
    """
    found = numbers(where, given)
    if found.shape != (length,):
        raise InstanceError(f"{where}: expected {length} numbers, one per {per}, found shape {list(found.shape)}")
    bad = np.flatnonzero(~(np.abs(found) < INFINITE))
    if len(bad):
        raise InstanceError(
            f"{where}: expected finite numbers below {INFINITE:g} in size, found {found[bad[0]]:g} "
            f"at position {int(bad[0])}",
        )
    return found


def vectors(where: str, given: Sequence[Any], length: int, per: str) -> Floats:
    """Finite vectors of known length, one per row of a batch: `[N, length]`; see `vector`.

    Raises:
        InstanceError: see `vector`; names the row.
    """
    found = together(where, given)
    if found is not None and found.shape == (len(given), length) and (np.abs(found) < INFINITE).all():
        return found
    return np.array(row_by_row(given, lambda own: vector(where, own, length, per)))


def row_by_row(given: Sequence[Any], read: Callable[[Any], T]) -> list[T]:
    """What rows of a batch are given, each read alone.

    Raises:
        InstanceError: what reading one raises; names the row.
    """
    found = []
    for row, own in enumerate(given):
        try:
            found.append(read(own))
        except InstanceError as error:
            raise InstanceError(error.message, hint=error.hint, row=row) from None
    return found


def together(where: str, given: Sequence[Any]) -> Floats | None:
    """What rows of a batch are given, as one array; None where it does not make one, and has to be read row by row."""
    try:
        return numbers(where, given)
    except InstanceError:
        return None


def bounds(where: str, given: Any, n: int) -> tuple[Floats, Floats]:
    """Lower and upper bounds of n variables, each `[n]`.

    Args:
        where: for messages.
        given: None, a pair, n pairs, an array `[n, 2]`, or an object with `lb` and `ub` like scipy.optimize.Bounds.
        n: number of variables.

    Raises:
        InstanceError: another shape, nan, a lower bound above the upper one, or no finite value between them.
    """
    lower, upper = _bounds(where, given, n)
    _refuse_bounds(where, lower, upper, ~((lower <= upper) & (lower < np.inf) & (upper > -np.inf)))
    return lower, upper


def _refuse_bounds(where: str, lower: Floats, upper: Floats, bad: NDArray[np.bool_], row: int | None = None) -> None:
    if bad.any():
        at = int(np.argmax(bad))
        message = f"{where}: expected lower <= upper, found ({lower[at]:g}, {upper[at]:g}) for variable {at}"
        raise InstanceError(message, row=row)


def all_bounds(where: str, given: Sequence[Any], n: int) -> tuple[Floats, Floats]:
    """Lower and upper bounds per row of a batch, each `[N, n]`; a lower one may be above the upper one.

    Args:
        where: for messages.
        given: what `bounds` takes, for each row.
        n: number of variables.

    Raises:
        InstanceError: another shape, or nan; names the row.
    """
    found = together(where, given)
    if found is None or found.shape[1:] not in ((2,), (n, 2)):
        found = np.array(row_by_row(given, lambda own: np.stack(_bounds(where, own, n), axis=-1)))
    lower, upper = _ends(found if found.ndim == 3 else np.repeat(found[:, None], n, axis=1))
    bad = np.isnan(lower) | np.isnan(upper)
    for row in np.flatnonzero(bad.any(axis=1)).tolist():
        _refuse_bounds(where, lower[row], upper[row], bad[row], row)
    return lower, upper


def _bounds(where: str, given: Any, n: int) -> tuple[Floats, Floats]:
    """`bounds`, whatever lower and upper ones are beside each other."""
    if given is None:
        given = (0, None)
    if isinstance(given, np.ndarray) and given.dtype == object:  # None among numbers
        given = given.tolist()
    if hasattr(given, "lb") and hasattr(given, "ub"):
        given = np.stack(np.broadcast_arrays(numbers(where, given.lb), numbers(where, given.ub)), axis=-1)
        given = given[0] if given.shape == (1, 2) else given  # scipy makes an array of a number for all variables
    pairs = numbers(where, _finite_ends(given))
    if pairs.shape not in ((2,), (n, 2)):
        raise InstanceError(
            f"{where}: expected a pair (lower, upper) or {n} pairs, one per variable, found shape {list(pairs.shape)}"
        )
    return _ends(np.broadcast_to(pairs, (n, 2)))


def _ends(pairs: Floats) -> tuple[Floats, Floats]:
    """Lower and upper ends of pairs `[..., 2]`; large ones are infinite."""
    lower, upper = np.moveaxis(pairs, -1, 0)
    return np.where(lower <= -INFINITE, -np.inf, lower), np.where(upper >= INFINITE, np.inf, upper)


def _finite_ends(given: Any) -> Any:
    """Replace None by the infinity it stands for."""
    if not isinstance(given, Sequence) or isinstance(given, str):
        return given
    if len(given) == 2 and not any(isinstance(end, (Sequence, np.ndarray)) for end in given):
        lower, upper = given
        return (-np.inf if lower is None else lower, np.inf if upper is None else upper)
    return [_finite_ends(pair) for pair in given]


def flags(where: str, given: Any, n: int) -> NDArray[np.bool_]:
    """0 or 1 for all of n variables, or one per variable.

    Raises:
        InstanceError: another shape, or something else than 0 and 1.
    """
    found = numbers(where, given)
    if found.shape not in ((), (n,)):
        raise InstanceError(
            f"{where}: expected 0 or 1, or {n} of them, one per variable, found shape {list(found.shape)}"
        )
    found = np.broadcast_to(found, (n,))
    bad = np.flatnonzero((found != 0) & (found != 1))
    if len(bad):
        raise InstanceError(
            f"{where}: expected 0 (continuous) or 1 (integer), found {found[bad[0]]:g} for variable {int(bad[0])}",
            hint="semi-continuous variables are not supported",
        )
    return np.equal(found, 1.0)


def mask(who: str, allowed: Any) -> NDArray[np.bool_]:
    """`[n, m]` which pairs may be chosen.

    Raises:
        InstanceError: not a matrix of bool or 0/1.
    """
    try:
        found = np.asarray(allowed)
        if found.dtype.kind not in "biuf" or found.ndim != 2 or not np.isin(found, (0, 1)).all():
            raise ValueError
    except (TypeError, ValueError, RuntimeError):
        shape = getattr(allowed, "shape", None)
        given = type(allowed).__name__ if shape is None else f"{type(allowed).__name__} of shape {list(shape)}"
        raise InstanceError(
            f"{who}: allowed: expected a matrix [n, m] of bool or 0/1, found {given}",
            hint="True where a pair may be chosen",
        ) from None
    return found.astype(np.bool_)
