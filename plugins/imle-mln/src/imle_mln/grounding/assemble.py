"""Ground clauses of all formulas, gathered and put together as one network."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle_mln.grounding.canonical import CHUNK, Codes, sort_columns
from imle_mln.grounding.merge import CountedClauses, merged
from imle_mln.grounding.store import Store
from imle_mln.network import GroundNetwork, Index, Lists

_FEWER = "give more evidence, or use smaller domains"
# Clauses wait unmerged until there are this many of one length.
_PENDING = 1 << 23


@dataclass
class _Pile:
    """Batches of clauses of one length, merged whenever the new ones outweigh the old."""

    merged: list[CountedClauses] = field(default_factory=list)
    pending: list[CountedClauses] = field(default_factory=list)
    waiting: int = 0

    def add(self, batch: CountedClauses) -> None:
        self.pending.append(batch)
        self.waiting += len(batch)
        if self.waiting > max(_PENDING, 4 * sum(map(len, self.merged))):
            self.settle()

    def settle(self) -> Index:
        batches = self.merged + self.pending
        self.merged, self.pending = [], []
        batch, firsts = merged(batches)
        self.merged, self.waiting = [batch], 0
        return firsts


class NetworkBuilder:
    """Collects the clauses that formulas count.

    Args:
        store: the clauses other clauses refer to.
        atoms: A.
        soft: F, the number of formulas with weights.
        hard: the number of hard rules; rule j is formula F + j here.
    """

    def __init__(self, store: Store, atoms: int, soft: int, hard: int) -> None:
        self._store = store
        self._atoms = atoms
        self._soft = soft
        self._piles: dict[int, _Pile] = {}
        # Counts of clauses that have numbers already: (clause, formula, count).
        self._direct: list[tuple[Index, NDArray[np.int32], NDArray[np.float64]]] = []
        self.constants = np.zeros(soft + hard, np.float64)

    def add(self, codes: Codes, formulas: NDArray[np.int32], counts: NDArray[np.float64]) -> None:
        """Count clauses `[k, n]`, k > 0, for formulas `[n]`, `counts [n]` times each."""
        if len(codes) == 1:
            self._add_units(codes[0], formulas, counts)
        else:
            self._piles.setdefault(len(codes), _Pile()).add(CountedClauses(codes, formulas, counts))

    def _add_units(self, codes: Codes, formulas: NDArray[np.int32], counts: NDArray[np.float64]) -> None:
        """Single literals: a negated one is counted as 1 minus the other, one for a clause is that clause."""
        hard = formulas >= self._soft
        flipped = ~hard & (codes % 2 == 1)
        np.add.at(self.constants, formulas[flipped], counts[flipped])
        counts = np.where(flipped, -counts, counts)
        codes = codes - flipped.astype(np.int32)
        numbers = (codes >> 1) - self._atoms
        denied = (numbers >= 0) & (codes % 2 == 1)
        if denied.any():
            # A clause that must be false: each of its literals must be.
            where, literals = self._store.literals(numbers[denied].astype(np.int64))
            self._add_units(literals ^ np.int32(1), formulas[denied][where], counts[denied][where])
        direct = (numbers >= 0) & ~denied
        if direct.any():
            self._direct.append((numbers[direct].astype(np.int64), formulas[direct], counts[direct]))
        atoms = numbers < 0
        if atoms.any():
            batch = CountedClauses(codes[None, atoms], formulas[atoms], counts[atoms])
            self._piles.setdefault(1, _Pile()).add(batch)

    def network(
        self, groundings: NDArray[np.float64], blocks: Lists, optional: Lists, conflict: str
    ) -> tuple[GroundNetwork, HardPairs]:
        """The network, and the pairs (clause, hard rule) that say why clauses are hard."""
        clauses, formulas, counts = [], [], []
        for numbers, whose, many in self._direct:
            clauses.append(numbers)
            formulas.append(whose)
            counts.append(many)
        size = self._store.size
        ascending = not self._direct
        shelves: list[tuple[Index, Codes]] = [(shelf.ids, shelf.codes) for shelf in self._store.shelves.values()]
        for length in sorted(self._piles):
            pile = self._piles[length]
            firsts = pile.settle()
            batch = pile.merged.pop()
            own = batch.codes if len(firsts) > len(batch) else batch.codes[:, firsts[:-1]]
            numbers = self._store.find(own)
            old = numbers >= 0
            ascending = ascending and not old.any()
            new = int(np.count_nonzero(~old))
            numbers[~old] = size + np.arange(new)
            size += new
            shelves.append((numbers, own) if new == len(numbers) else (numbers[~old], own[:, ~old]))
            clauses.append(np.repeat(numbers, np.diff(firsts)))
            formulas.append(batch.formulas)
            counts.append(batch.counts)
        if self._atoms + size >= 2**31:
            raise InstanceError(f"{size:,} different ground clauses, more than int32 can number", hint=_FEWER)
        pairs = _summed(clauses, formulas, counts, ascending)
        lists = _lists(shelves, size)
        constants = self.constants[: self._soft]
        return _network(lists, pairs, self._atoms, self._soft, constants, groundings, blocks, optional, conflict)


HardPairs = tuple[NDArray[np.int32], NDArray[np.int32]]
_Pairs = tuple[Index, NDArray[np.int32], NDArray[np.float64]]


def _summed(
    clauses: list[Index], formulas: list[NDArray[np.int32]], counts: list[NDArray[np.float64]], ascending: bool
) -> _Pairs:
    """Each pair (clause, formula) once, by clause and then formula; zeros dropped."""
    clause = np.concatenate([np.zeros(0, np.int64), *clauses])
    formula = np.concatenate([np.zeros(0, np.int32), *formulas])
    count = np.concatenate([np.zeros(0, np.float64), *counts])
    if len(clause) and not ascending:
        key = clause * (int(formula.max()) + 1) + formula
        order = np.argsort(key, kind="stable")
        key, clause, formula, count = key[order], clause[order], formula[order], count[order]
        starts = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
        clause, formula, count = clause[starts], formula[starts], np.add.reduceat(count, starts)
    kept = count != 0
    return (clause, formula, count) if kept.all() else (clause[kept], formula[kept], count[kept])


def _lists(shelves: list[tuple[Index, Codes]], size: int) -> Lists:
    """All clauses in the order of their numbers, literals as the network writes them."""
    lengths = np.zeros(size + 1, np.int64)
    for numbers, codes in shelves:
        lengths[numbers + 1] = len(codes)
    starts = np.cumsum(lengths)
    items = np.empty(int(starts[-1]), np.int32)
    for numbers, codes in shelves:
        for begin in range(0, len(numbers), CHUNK):
            some = codes[:, begin : begin + CHUNK]
            literals = (some >> 1) ^ -(some & 1)
            rows = list(literals)
            sort_columns(rows)
            first = starts[numbers[begin : begin + CHUNK]]
            for at, row in enumerate(rows):
                items[first + at] = row
    return Lists(starts, items)


def _network(
    lists: Lists,
    pairs: _Pairs,
    atoms: int,
    soft: int,
    constants: NDArray[np.float64],
    groundings: NDArray[np.float64],
    blocks: Lists,
    optional: Lists,
    conflict: str,
) -> tuple[GroundNetwork, HardPairs]:
    clause, formula, count = pairs
    used = np.zeros(len(lists), np.bool_)
    used[clause] = True
    if not used.all():
        lists, number = _pruned(lists, used, atoms)
        clause = number[clause]
    is_hard = formula >= soft
    hard = np.zeros(len(lists), np.bool_)
    hard[clause[is_hard]] = True
    clause32 = clause.astype(np.int32)
    network = GroundNetwork(
        atoms=atoms,
        clauses=lists,
        count_clauses=clause32[~is_hard],
        count_formulas=formula[~is_hard].astype(np.int32),
        count_values=count[~is_hard],
        constants=constants,
        groundings=groundings,
        hard=hard,
        blocks=blocks,
        optional=optional,
        conflict=conflict,
    )
    return network, (clause32[is_hard], (formula[is_hard] - soft).astype(np.int32))


def _pruned(lists: Lists, used: NDArray[np.bool_], atoms: int) -> tuple[Lists, Index]:
    """Only the clauses that are used or that used ones refer to, and the new number of each."""
    variables = np.where(lists.items < 0, ~lists.items, lists.items)
    owner = np.repeat(np.arange(len(lists)), np.diff(lists.starts))
    refers = variables >= atoms
    source, target = owner[refers], variables[refers] - atoms
    while True:
        reached = target[used[source] & ~used[target]]
        if not len(reached):
            break
        used[reached] = True
    number = np.cumsum(used) - 1
    renumbered = np.where(refers, atoms + number[np.maximum(variables - atoms, 0)], variables)
    items = np.where(lists.items < 0, ~renumbered, renumbered)[used[owner]].astype(np.int32)
    # Numbers keep their order, so literals stay sorted.
    return Lists(np.append(0, np.cumsum(np.diff(lists.starts)[used])), items), number
