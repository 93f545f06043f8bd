"""Keys: by what rows of a batch, values of parameters and whole instances are known again."""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
from collections.abc import Hashable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imle.solvers.rows import Index, to_numpy

Bits = NDArray[np.uint64]
Keys = list[tuple[Hashable, ...]]

_ODD = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


class ObjectKey(NamedTuple):
    """The key of a value that can only be told from others by being itself, and only while it lives."""

    address: int


class Names(NamedTuple):
    """What tells the rows of a batch apart.

    Attributes:
        hashes: `[N]`; equal for equal rows, and almost surely different for different ones.
        bits: `[N, n]` the objectives, bit by bit.
        keys: of the row parameters, one per row; None if there are none.
    """

    hashes: Bits
    bits: Bits
    keys: Keys | None

    def same(self, index: Index, other: Index) -> bool:
        """Whether rows are exactly the same as other rows, pair by pair."""
        if not np.array_equal(self.bits[index], self.bits[other]):
            return False
        keys = self.keys
        return keys is None or all(keys[a] == keys[b] for a, b in zip(index.tolist(), other.tolist(), strict=True))


def name_rows(objective: Any, rows: Mapping[str, Any]) -> Names:
    """What tells the rows of a batch apart.

    Args:
        objective: `[N, *shape]`.
        rows: row parameters, each with N values.
    """
    bits = _bits(objective)
    hashes = _hash(bits)
    if not rows:
        return Names(hashes, bits, None)
    keys: Keys = list(zip(*([value_key(value) for value in column] for column in rows.values()), strict=True))
    with np.errstate(over="ignore"):
        hashes = hashes * _ODD + np.array([hash(key) & 0xFFFFFFFFFFFFFFFF for key in keys], dtype=np.uint64)
    return Names(hashes, bits, keys)


def duplicates(names: Names) -> tuple[Index, Index] | None:
    """Rows that stand for all rows, and which of them stands for each row; None if no row occurs twice.

    Returns:
        first: `[U]` rows no two of which are the same, in their order.
        inverse: `[N]` numbers below U: row n is the same as row `first[inverse[n]]`.
    """
    _, first, inverse = np.unique(names.hashes, return_index=True, return_inverse=True)
    if len(first) == len(names.hashes):
        return None
    stands = first[inverse]
    doubtful = np.flatnonzero(stands != np.arange(len(stands)))
    if not names.same(doubtful, stands[doubtful]):
        return _slowly(names)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[inverse]


def _slowly(names: Names) -> tuple[Index, Index] | None:
    """Without hashes: two different rows had the same one."""
    seen: dict[Hashable, int] = {}
    first: list[int] = []
    inverse = []
    for n, row in enumerate(names.bits):
        content = row.tobytes(), None if names.keys is None else names.keys[n]
        if content not in seen:
            seen[content] = len(first)
            first.append(n)
        inverse.append(seen[content])
    if len(first) == len(inverse):
        return None
    return np.array(first, dtype=np.intp), np.array(inverse, dtype=np.intp)


def _bits(objective: Any) -> Bits:
    values = np.ascontiguousarray(to_numpy(objective))
    flat = values.reshape(len(values), -1 if values.size else 0)
    if flat.dtype.itemsize == 8:
        return flat.view(np.uint64)
    unsigned = {1: np.uint8, 2: np.uint16, 4: np.uint32}[flat.dtype.itemsize]
    return flat.view(unsigned).astype(np.uint64)


def _hash(bits: Bits) -> Bits:
    """A random linear combination of scrambled entries: floats of few digits differ in few bits, all of them high."""
    mixed = bits * _ODD
    mixed ^= mixed >> _HALF
    hashes: Bits = mixed @ _weights(bits.shape[1])
    return hashes ^ (hashes >> _HALF)


@lru_cache(maxsize=64)
def _weights(n: int) -> Bits:
    return np.random.default_rng(n).integers(0, 2**63, size=n, dtype=np.uint64) * np.uint64(2) + np.uint64(1)


def value_key(value: Any) -> Hashable:
    """Equal for equal content of plain values, arrays, tensors, pandas frames, and mappings and frozen dataclasses of
    such; `ObjectKey` for everything else.
    """
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return type(value), value
    content = _content(value)
    if content is not None:
        parts = tuple(value_key(item) for item in content)
        return ObjectKey(id(value)) if any(isinstance(part, ObjectKey) for part in parts) else (type(value), parts)
    if hasattr(value, "detach"):
        value = to_numpy(value)
    if isinstance(value, np.generic):
        value = np.asarray(value)
    if isinstance(value, np.ndarray) and value.dtype != object:
        digest = _digest(np.ascontiguousarray(value).tobytes())
        return value.shape, value.dtype.str, digest
    return ObjectKey(id(value))


def _content(value: Any) -> Iterable[Any] | None:
    """What a collection consists of; None if it is something else."""
    if isinstance(value, (tuple, list)):
        return value
    if isinstance(value, Mapping):
        return (part for item in value.items() for part in item)
    if isinstance(value, np.ndarray) and value.dtype == object:
        return (value.shape, *value.ravel().tolist())
    if hasattr(value, "to_numpy"):
        return (*getattr(value, "columns", ()), value.to_numpy())
    frozen = getattr(type(value), "__dataclass_params__", None)
    if frozen is not None and frozen.frozen and frozen.eq:  # equal if its fields are
        return (getattr(value, field.name) for field in dataclasses.fields(value))
    return None


def content_key(value: Any) -> str | None:
    """A name for the content of a parameter: the same for the same numbers, however they are held.

    Returns:
        None if the content cannot be read, as that of a lambda.
    """
    numbers = _numbers(value)
    if numbers is not None:
        return _digest(repr((numbers.shape, numbers.dtype.str)).encode() + numbers.tobytes())
    key = value_key(value)
    if is_content_key((key,)):
        return _digest(repr(key).encode())
    try:
        return _digest(pickle.dumps(value))
    except Exception:  # pickle raises whatever the objects raise
        return None


def _numbers(value: Any) -> NDArray[Any] | None:
    """An array of plain numbers, in float64 if that keeps them; None if it is something else."""
    if not _is_plain(value):
        return None
    try:
        numbers = np.asarray(to_numpy(value))
    except (TypeError, ValueError, OverflowError):  # rows of different lengths, for one
        return None
    if numbers.dtype.kind not in "biuf":
        return None
    exact = numbers.astype(np.float64)
    same = exact.astype(numbers.dtype).tobytes() == numbers.tobytes()
    return exact + 0.0 if same else numbers


def _is_plain(value: Any) -> bool:
    """Whether these are numbers, arrays, tensors, or lists of such: numpy also makes arrays of stranger things."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return isinstance(value, (bool, int, float, np.ndarray, np.generic)) or hasattr(value, "detach")


class InstanceKeys:
    """Names of instances that have some parameters in common; see `content_key`.

    Args:
        common: what they have in common.
        unreadable: stands for content there that cannot be read; None if there is no name then.
    """

    def __init__(self, common: Mapping[str, Any], unreadable: str | None = None) -> None:
        self._common = {name: content_key(value) or unreadable for name, value in common.items()}

    def of(self, own: Mapping[str, Any]) -> str | None:
        """The name of the instance with these parameters besides; None if what they hold cannot be read."""
        contents = {**self._common, **{name: content_key(value) for name, value in own.items()}}
        if None in contents.values():
            return None
        return _digest(repr(sorted(contents.items())).encode())


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def is_content_key(key: tuple[Hashable, ...]) -> bool:
    """Whether a key still means the same in the next call."""
    return not any(isinstance(part, ObjectKey) for part in key)
