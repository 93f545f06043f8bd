"""Canonical ground clauses, many at a time.

Inside grounding a literal is coded as `2 v` or, negated, `2 v + 1`: complements are neighbours, so sorting finds them.
Clauses of the same length k are kept together as one array of codes `[k, n]`, one clause a column: all steps are then
operations on whole rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle_mln.network import Index

Codes = NDArray[np.int32]
Extras = Sequence[tuple[Index, Codes]]
"""Literals as pairs of arrays (row, code)."""

# So many bindings or clauses are handled at once: enough to forget Python's overhead, few enough to stay in the caches.
CHUNK = 1 << 18
# The code of a literal that evidence makes false. It is the largest, so sorting puts it last.
NONE = np.int32(2**31 - 1)

# Up to this length, compare-exchange on whole rows is faster than sorting each clause.
_NETWORK = 8


@dataclass(frozen=True)
class ClauseGroup:
    """Clauses of one length.

    Attributes:
        rows: which of the rows given these are, `[n]`, or None if they are all of them, in order.
        codes: `[k, n]` ascending along the first axis.
    """

    rows: Index | None
    codes: Codes

    def of(self, values: NDArray[Any]) -> NDArray[Any]:
        """What belongs to these clauses among values `[rows]`."""
        return values if self.rows is None else values[self.rows]


def canonical(columns: Sequence[Codes], extras: Extras, rows: int) -> tuple[list[ClauseGroup], Index]:
    """Sort literals, remove doubles and false ones, and group clauses by length.

    Args:
        columns: codes `[rows]` each, NONE where false.
        extras: further literals.
        rows: the number of clauses.

    Returns:
        The groups, which together have every row but those always true, and these.
    """
    if extras or len(columns) > _NETWORK:
        return _ragged(columns, extras, rows)
    if not columns:
        return [ClauseGroup(None, np.zeros((0, rows), np.int32))], np.zeros(0, np.int64)
    return _even(list(columns), rows)


def sort_columns(columns: list[NDArray[Any]]) -> None:
    """Sort every clause of equally long ones, given literal by literal, in place."""
    if len(columns) > _NETWORK:
        columns[:] = np.sort(columns, axis=0)
        return
    # Odd-even transposition: k rounds sort k items.
    for turn in range(len(columns)):
        for at in range(turn % 2, len(columns) - 1, 2):
            low = np.minimum(columns[at], columns[at + 1])
            columns[at + 1] = np.maximum(columns[at], columns[at + 1])
            columns[at] = low


def _even(columns: list[Codes], rows: int) -> tuple[list[ClauseGroup], Index]:
    sort_columns(columns)
    doubled = False
    for at in range(len(columns) - 1, 0, -1):
        same = columns[at] == columns[at - 1]
        if same.any():
            columns[at] = np.where(same, NONE, columns[at])
            doubled = True
    if doubled:
        sort_columns(columns)
    always = np.zeros(rows, np.bool_)
    for one, other in pairwise(columns):
        always |= (one ^ other) == 1
    kept = None if not always.any() else np.flatnonzero(~always)
    if kept is not None:
        columns = [column[kept] for column in columns]
    lengths = np.zeros(len(columns[0]), np.int8)
    short = False
    for column in columns:
        present = column != NONE
        short = short or not present.all()
        lengths += present
    if not short:
        groups = [ClauseGroup(kept, np.stack(columns))] if len(columns[0]) else []
        return groups, np.flatnonzero(always)
    groups = []
    for length in range(len(columns) + 1):
        chosen = np.flatnonzero(lengths == length)
        if len(chosen):
            codes = np.array([column[chosen] for column in columns[:length]], np.int32).reshape(length, len(chosen))
            groups.append(ClauseGroup(chosen if kept is None else kept[chosen], codes))
    return groups, np.flatnonzero(always)


def _ragged(columns: Sequence[Codes], extras: Extras, rows: int) -> tuple[list[ClauseGroup], Index]:
    everyone = np.arange(rows, dtype=np.int64)
    keys = np.concatenate(
        [(everyone << 31) | column for column in columns] + [(where << 31) | codes for where, codes in extras]
    )
    keys = np.sort(keys)
    fresh = np.append(True, keys[1:] != keys[:-1])[: len(keys)]
    keys = keys[fresh & ((keys & NONE) != NONE)]
    where, codes = keys >> 31, (keys & NONE).astype(np.int32)
    always = np.zeros(rows, np.bool_)
    # Neighbours in one row that differ in the last bit only; the rows' bits are part of the key.
    always[where[:-1][(keys[1:] ^ keys[:-1]) == 1]] = True
    lengths = np.bincount(where, minlength=rows)
    starts = np.cumsum(lengths) - lengths
    groups = []
    for length in np.unique(lengths[~always]):
        chosen = np.flatnonzero((lengths == length) & ~always)
        groups.append(ClauseGroup(chosen, codes[starts[chosen] + np.arange(length)[:, None]]))
    return groups, np.flatnonzero(always)
