"""Clauses over Boolean variables as cost tables, one entry of which is a clause's own: where it is false."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imle_mln.inference.truths import Index

Ints = NDArray[np.int64]

DENSE = 3
"""Clauses of up to so many variables are tables: toulbar2 propagates these well, and larger ones hardly at all."""

Row = tuple[list[int], list[int], int]
"""A clause: variables, their values where it is false, and its place among the soft large clauses, or `HARD`."""
HARD = -1


class Clauses(NamedTuple):
    """Clauses of one arity; see `Row`.

    Attributes:
        scopes: `[f, arity]` Boolean variables.
        tuples: `[f, arity]` their values where the clause is false.
        weight: `[f]`.
    """

    scopes: Index
    tuples: Index
    weight: Index


def implied(scope: list[int], false: list[int], z: int) -> list[Row]:
    """If one of a clause's literals is true, z is."""
    return [([z, variable], [0, 1 - value], HARD) for variable, value in zip(scope, false, strict=True)]


def by_arity(rows: list[Row]) -> Iterator[Clauses]:
    """Short ones, those of one arity together."""
    for arity in range(1, DENSE + 1):
        own = [row for row in rows if len(row[0]) == arity]
        if own:
            yield Clauses(*(np.array(column) for column in zip(*own, strict=True)))


def cost_tables(group: Clauses, default: Ints, cost: Ints) -> tuple[Index, Ints]:
    """Scopes, and tables `[f, 2, ...]` of what each clause costs where it is true and where it is false."""
    count, arity = group.scopes.shape
    costs = np.repeat(default[:, None], 1 << arity, axis=1)
    costs[np.arange(count), group.tuples @ (1 << np.arange(arity)[::-1])] = cost
    scopes = group.scopes if arity > 1 else group.scopes[:, 0]
    return scopes, costs.reshape(count, *(2,) * arity)
