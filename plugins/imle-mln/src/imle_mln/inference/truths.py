"""ClauseTruths of nested clauses, and the few list operations that all of inference shares."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imle_mln.network import Bools, Index, Lists


class Entries(NamedTuple):
    """Some of the lists of a `Lists`, flat.

    Attributes:
        row: `[k]` which of the chosen lists an item is in, from 0, ascending.
        variable: `[k]` atom, or number of atoms + clause.
        negated: `[k]`.
        starts: where each chosen list starts.
    """

    row: Index
    variable: Index
    negated: Bools
    starts: Index


def entries(lists: Lists, chosen: Index) -> Entries:
    """The literals of the chosen clauses."""
    lengths = np.diff(lists.starts)[chosen]
    ends = np.cumsum(lengths)
    starts = ends - lengths
    row = np.repeat(np.arange(len(chosen)), lengths)
    items = lists.items[np.arange(len(row)) + (lists.starts[:-1][chosen] - starts)[row]].astype(np.int64)
    negated = items < 0
    return Entries(row, np.where(negated, ~items, items), negated, starts)


def lists_of(row: Index, items: NDArray[np.integer], count: int) -> Lists:
    """Lists from items sorted by row."""
    starts = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=count))]).astype(np.int64)
    return Lists(starts, items.astype(np.int32))


def by_level(atoms: int, clauses: Lists) -> list[Index]:
    """Clauses in groups: those of one group only mention atoms and clauses of the groups before it."""
    found = entries(clauses, np.arange(len(clauses)))
    nested = found.variable >= atoms
    parent, child = found.row[nested], found.variable[nested] - atoms
    level = np.zeros(len(clauses), np.int64)
    while True:
        deeper = level.copy()
        np.maximum.at(deeper, parent, level[child] + 1)
        if np.array_equal(deeper, level):
            break
        level = deeper
    order = np.argsort(level, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(level[order])) + 1) if len(order) else []


class _ClauseGroup(NamedTuple):
    """Clauses of one length: their places among all variables, and literals `[length, k]`."""

    places: Index
    variables: Index
    negated: Bools


class ClauseTruths:
    """Evaluates clauses, for one state or many.

    Args:
        atoms: how many there are.
        clauses: none of them empty.
    """

    def __init__(self, atoms: int, clauses: Lists) -> None:
        self._atoms = atoms
        self._clauses = len(clauses)
        self._groups = [group for ids in by_level(atoms, clauses) for group in _by_length(atoms, clauses, ids)]

    @classmethod
    def among(cls, atoms: int, clauses: Lists, chosen: Index, own: Index) -> ClauseTruths:
        """Of the chosen clauses only, which include all that nest in them, given states of the atoms they mention.

        Args:
            atoms: how many there are.
            clauses: all of them.
            chosen: ascending.
            own: the atoms whose states are given, ascending.
        """
        found = entries(clauses, chosen)
        nested = len(own) + np.searchsorted(chosen, found.variable - atoms)
        variable = np.where(found.variable < atoms, np.searchsorted(own, found.variable), nested)
        return cls(len(own), lists_of(found.row, np.where(found.negated, ~variable, variable), len(chosen)))

    def of(self, states: Bools) -> Bools:
        """ClauseTruths `[C]` in a state `[A]`, or `[C, S]` in states `[A, S]`."""
        values = np.empty((self._atoms + self._clauses, *states.shape[1:]), np.bool_)
        values[: self._atoms] = states
        for places, variables, negated in self._groups:
            signs = negated.reshape(*negated.shape, *(1,) * (states.ndim - 1))
            found = values[variables[0]] ^ signs[0]
            for variable, sign in zip(variables[1:], signs[1:], strict=True):
                found |= values[variable] ^ sign
            values[places] = found
        truths: Bools = values[self._atoms :]
        return truths


def _by_length(atoms: int, clauses: Lists, ids: Index) -> list[_ClauseGroup]:
    """Columns are several times faster than `reduceat`, which pays for each list."""
    lengths = np.diff(clauses.starts)[ids]
    groups = []
    for length in np.unique(lengths).tolist():
        own = ids[lengths == length]
        found = entries(clauses, own)
        shape = (len(own), length)
        groups.append(
            _ClauseGroup(
                atoms + own,
                np.ascontiguousarray(found.variable.reshape(shape).T),
                np.ascontiguousarray(found.negated.reshape(shape).T),
            )
        )
    return groups
