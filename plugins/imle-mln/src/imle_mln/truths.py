"""The truths of nested clauses in given states, and whether what is hard holds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imle_mln.network import Bools, Floats, GroundNetwork, Index, Lists


def by_level(atoms: int, clauses: Lists) -> list[Index]:
    """Clauses in groups: those of one group only mention atoms and clauses of the groups before it."""
    found = clauses.entries()
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
        found = clauses.entries(chosen)
        nested = len(own) + np.searchsorted(chosen, found.variable - atoms)
        variable = np.where(found.variable < atoms, np.searchsorted(own, found.variable), nested)
        return cls(len(own), Lists.of(found.row, np.where(found.negated, ~variable, variable), len(chosen)))

    def of(self, states: Bools) -> Bools:
        """Truths `[C]` in a state `[A]`, or `[C, S]` in states `[A, S]`."""
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
        found = clauses.entries(own)
        shape = (len(own), length)
        groups.append(
            _ClauseGroup(
                atoms + own,
                np.ascontiguousarray(found.variable.reshape(shape).T),
                np.ascontiguousarray(found.negated.reshape(shape).T),
            )
        )
    return groups


@dataclass(frozen=True, eq=False)
class Evaluation:
    """N states evaluated.

    Attributes:
        network: whose states they are.
        truths: `[N, C]` the truth of every clause.
        violated: `[N]` how many hard clauses are false.
        broken: `[N]` how many blocks have more true atoms than one, or none where there has to be one.
    """

    network: GroundNetwork
    truths: Bools
    violated: NDArray[np.int64]
    broken: NDArray[np.int64]

    @cached_property
    def counts(self) -> Floats:
        """`[N, F]` how many groundings of each formula are true."""
        return self.network.open_counts(self.truths) + self.network.decided


class Evaluator:
    """Evaluates states of one network, apart from any engine; prepares what all states share once."""

    def __init__(self, network: GroundNetwork) -> None:
        self._network = network
        self._truths = ClauseTruths(network.atoms, network.clauses)
        self._hard: Index = np.flatnonzero(network.hard)
        self._blocks = network.choices.entries()
        self._least = np.arange(len(network.choices)) < len(network.blocks)

    def __call__(self, states: ArrayLike) -> Evaluation:
        """Evaluate states `[N, A]` of zeros and ones."""
        given = np.asarray(states)
        if given.ndim != 2 or given.shape[1] != self._network.atoms:
            raise ValueError(f"expected states of shape [N, {self._network.atoms}], found {list(given.shape)}")
        worlds = given.astype(np.bool_, copy=False)
        truths = self._truths.of(worlds.T).T
        violated = broken = np.zeros(len(worlds), np.int64)
        if len(self._hard):
            violated = np.count_nonzero(~truths[:, self._hard], axis=1)
        if len(self._blocks.starts):
            own = worlds[:, self._blocks.variable]
            true = np.add.reduceat(own, self._blocks.starts, axis=1, dtype=np.int64)
            broken = np.count_nonzero((true > 1) | (true < self._least), axis=1)
        return Evaluation(self._network, truths, violated, broken)
