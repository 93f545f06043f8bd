"""Equal ground clauses made one, and the counts of formulas summed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle_mln.grounding.canonical import CHUNK, Codes
from imle_mln.network import Index

Count = NDArray[np.float64]
# Clauses that fit are packed into one number of so many bits, others are hashed.
KEY_BITS = 63
_MULTIPLIERS = np.random.default_rng(0x1A7E).integers(2**62, 2**63, 2, dtype=np.uint64) | np.uint64(1)


@dataclass(frozen=True)
class CountedClauses:
    """Clauses of one length, each with the formula it counts for and how often.

    Attributes:
        codes: `[k, n]`.
        formulas: `[n]`.
        counts: `[n]`.
    """

    codes: Codes
    formulas: NDArray[np.int32]
    counts: Count

    def __len__(self) -> int:
        return len(self.counts)


def merged(batches: list[CountedClauses]) -> tuple[CountedClauses, Index]:
    """The batches in one, sorted, each pair of clause and formula once, counts summed. Empties the list given.

    Returns:
        The batch, and where each different clause begins in it, `[clauses + 1]`.
    """
    total = sum(map(len, batches))
    if not total:
        return batches[0], np.zeros(1, np.int64)
    code_bits = max(int(batch.codes.max(initial=0)) for batch in batches).bit_length()
    formula_bits = max(int(batch.formulas.max(initial=0)) for batch in batches).bit_length()
    length = len(batches[0].codes)
    if code_bits * length + formula_bits > KEY_BITS:
        codes = np.concatenate([batch.codes for batch in batches], axis=1)
        formulas = np.concatenate([batch.formulas for batch in batches])
        counts = np.concatenate([batch.counts for batch in batches])
        batches.clear()
        return _merged_by_hash(codes, formulas, counts)
    same = all((batch.counts == batches[0].counts[0]).all() for batch in batches) if len(batches[0]) else False
    each = float(batches[0].counts[0]) if same else 0.0
    counts = np.zeros(0) if same else np.concatenate([batch.counts for batch in batches])
    keys = np.empty(total, np.int64)
    while batches:
        # From the last to the first, so that each can be forgotten.
        batch = batches.pop()
        keys[total - len(batch) : total] = _packed(batch, code_bits, formula_bits)
        total -= len(batch)
    if same:
        # No need to know where each went: sorting values alone is several times faster than sorting positions.
        keys.sort()
        starts = _run_starts(keys)
        alone = len(starts) == len(keys)
        counts = np.full(len(keys), each) if alone else np.diff(starts, append=len(keys)) * each
    else:
        order = np.argsort(keys)
        keys = keys[order]
        starts = _run_starts(keys)
        counts = np.add.reduceat(counts[order], starts)
    if len(starts) < len(keys):
        keys = keys[starts]
    formulas = (keys & ((1 << formula_bits) - 1)).astype(np.int32)
    keys >>= formula_bits
    firsts = np.append(_run_starts(keys), len(keys))
    return CountedClauses(_unpacked(keys, length, code_bits), formulas, counts), firsts


def _packed(batch: CountedClauses, code_bits: int, formula_bits: int) -> Index:
    keys = np.zeros(len(batch), np.int64)
    for row in batch.codes:
        keys <<= code_bits
        keys |= row
    keys <<= formula_bits
    keys |= batch.formulas
    return keys


def _unpacked(keys: Index, length: int, code_bits: int) -> Codes:
    """The clauses `[k, n]` of keys `[n]`."""
    codes = np.empty((length, len(keys)), np.int32)
    for begin in range(0, len(keys), CHUNK):
        rest = keys[begin : begin + CHUNK]
        for at in range(length - 1, -1, -1):
            codes[at, begin : begin + CHUNK] = rest & ((1 << code_bits) - 1)
            rest = rest >> code_bits
    return codes


def _merged_by_hash(codes: Codes, formulas: NDArray[np.int32], counts: Count) -> tuple[CountedClauses, Index]:
    order = np.lexsort((formulas, hashed(codes)))
    codes, formulas, counts = codes[:, order], formulas[order], counts[order]
    new_clause = _differs(codes)
    if _collides(codes, new_clause):
        order = np.lexsort((formulas, *codes[::-1]))
        codes, formulas, counts = codes[:, order], formulas[order], counts[order]
        new_clause = _differs(codes)
    new = new_clause.copy()
    new[1:] |= formulas[1:] != formulas[:-1]
    starts = np.flatnonzero(new)
    batch = CountedClauses(codes[:, starts], formulas[starts], np.add.reduceat(counts, starts))
    return batch, np.append(np.flatnonzero(new_clause[starts]), len(starts))


def _collides(codes: Codes, new_clause: NDArray[np.bool_]) -> bool:
    """Whether two different clauses have the same hash, given clauses sorted by it."""
    hashes = hashed(codes[:, new_clause])
    return bool((hashes[1:] == hashes[:-1]).any())


def hashed(codes: NDArray[Any]) -> NDArray[np.uint64]:
    """64-bit hashes `[n]` of clauses `[k, n]`: equal ones get equal hashes, others almost never do."""
    hashes = np.full(codes.shape[1], np.uint64(len(codes)))
    for row in codes:
        hashes = (hashes ^ row.astype(np.uint64)) * _MULTIPLIERS[0]
        hashes ^= hashes >> np.uint64(29)
        hashes *= _MULTIPLIERS[1]
        hashes ^= hashes >> np.uint64(32)
    return hashes


def _differs(codes: Codes) -> NDArray[np.bool_]:
    """Which clauses are not equal to the one before."""
    new = np.ones(codes.shape[1], np.bool_)
    new[1:] = (codes[:, 1:] != codes[:, :-1]).any(axis=0)
    return new


def _run_starts(keys: Index) -> Index:
    new = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    return np.arange(len(keys)) if new.all() else np.flatnonzero(new)
