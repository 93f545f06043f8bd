"""The open ground atoms: what inference decides, in a fixed order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle_mln.grounding.budget import FEWER, too_many
from imle_mln.grounding.evidence import Known, atom_text, block_of, encode
from imle_mln.grounding.vocabulary import Vocabulary
from imle_mln.logic import Database, Predicate, Program
from imle_mln.network import Floats, Lists

# A literal is coded in int32 as twice its variable plus one bit, and clauses are variables too.
MAX_ATOMS = 2**29

FALSE, TRUE = -1, -2


@dataclass(frozen=True, eq=False)
class PredicateAtoms:
    """The open atoms of one predicate: atoms `start` to `stop` of the network, in row-major order of arguments.

    Attributes:
        known: the truth of all its ground atoms.
        start: its first atom.
        stop: one after its last atom.
    """

    known: Known
    start: int
    stop: int

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of constants for each argument."""
        return self.known.shape

    @property
    def complete(self) -> bool:
        """Whether all ground atoms are open, so that `state[..., start:stop]` reshapes to the predicate's table."""
        return self.stop - self.start == self.known.cells

    @cached_property
    def cells(self) -> NDArray[np.int64]:
        """The place of each open atom in the row-major table of all ground atoms, `[stop - start]`."""
        if self.complete:
            return np.arange(self.known.cells, dtype=np.int64)
        if self.known.dense is not None:
            return np.flatnonzero(self.known.dense == -1)
        if self.known.default == 0:
            return np.asarray(self.known.keys[self.known.values == -1])
        return np.delete(np.arange(self.known.cells, dtype=np.int64), self.known.keys)

    @cached_property
    def _ids(self) -> NDArray[Any] | None:
        """Dense tables only: for each cell its atom, or FALSE or TRUE."""
        if self.known.dense is None:
            return None
        if self.start == self.stop:
            # Nothing is open: bytes do, and are gathered faster.
            return np.asarray(-1 - self.known.dense, np.int8)
        ids = (-1 - self.known.dense).astype(np.int32)
        ids[self.cells] = np.arange(self.start, self.stop, dtype=np.int32)
        return ids

    def lookup(self, cells: NDArray[Any]) -> NDArray[Any]:
        """For each cell its atom, or FALSE or TRUE where evidence decides."""
        if self._ids is not None:
            return np.asarray(self._ids[cells])
        keys = self.known.keys
        if not len(keys):
            return np.full(len(cells), FALSE, np.int32) if self.known.default == 0 else cells + self.start
        at = np.searchsorted(keys, cells)
        hit = keys[np.minimum(at, len(keys) - 1)] == cells
        if self.known.default == -1:
            ids = self.start + cells - at
            ids[hit] = -1 - self.known.values[at[hit]]
            return ids
        values = np.where(self.known.values == 1, TRUE, self.start + np.cumsum(self.known.values == -1) - 1)
        ids = np.full(len(cells), FALSE, np.int32)
        ids[hit] = values[at[hit]]
        return ids


@dataclass(frozen=True, eq=False)
class AtomTable:
    """All open ground atoms, predicate by predicate in the order of declaration, each in row-major order of arguments.

    Attributes:
        vocabulary: the constants.
        predicates: by name.
        blocks: the atoms of which exactly one is true, for each such choice that evidence leaves open.
        optional: the atoms of which at most one is true, for each such choice of which it leaves two open, or more.
    """

    vocabulary: Vocabulary
    predicates: Mapping[str, PredicateAtoms]
    blocks: Lists
    optional: Lists

    @classmethod
    def of(cls, program: Program, vocabulary: Vocabulary, known: Mapping[str, Known], limit: int) -> AtomTable:
        """Number the open atoms.

        Raises:
            TooManyGroundingsError: if there are more than the limit, or too many to number.
        """
        counts = [known[name].count(-1) for name in program.predicates]
        limit = min(limit, MAX_ATOMS)
        if sum(counts) > limit:
            names = [f"{one.name}({', '.join(one.types)})" for one in program.predicates.values()]
            raise too_many("{} open ground atoms", names, counts, limit, FEWER)
        predicates: dict[str, PredicateAtoms] = {}
        start = 0
        for name, count in zip(program.predicates, counts, strict=True):
            predicates[name] = PredicateAtoms(known[name], start, start + count)
            start += count
        return cls(
            vocabulary,
            predicates,
            _blocks(predicates, lambda one: one.unique, 1),
            _blocks(predicates, lambda one: one.optional, 2),
        )

    def __len__(self) -> int:
        return max((atoms.stop for atoms in self.predicates.values()), default=0)

    def __getitem__(self, predicate: str) -> PredicateAtoms:
        return self.predicates[predicate]

    def name(self, atom: int) -> str:
        """An atom as text, such as "Topic(P1,Logic)"."""
        atoms = self[self.predicate_of(atom).name]
        return atom_text(atoms.known.predicate, int(atoms.cells[atom - atoms.start]), self.vocabulary)

    def predicate_of(self, atom: int) -> Predicate:
        """The predicate of an atom."""
        for atoms in self.predicates.values():
            if atoms.start <= atom < atoms.stop:
                return atoms.known.predicate
        raise IndexError(f"atom {atom} of {len(self)}")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All atoms as text, `[A]`."""
        return tuple(
            atom_text(atoms.known.predicate, int(cell), self.vocabulary)
            for atoms in self.predicates.values()
            for cell in atoms.cells
        )


def _blocks(
    predicates: Mapping[str, PredicateAtoms], positions: Callable[[Predicate], tuple[int, ...]], least: int
) -> Lists:
    """The open atoms that these positions tell apart, where there are so many or more."""
    found = Lists.empty()
    for atoms in predicates.values():
        own = positions(atoms.known.predicate)
        if own and atoms.start < atoms.stop:
            block = block_of(atoms.cells, atoms.shape, own)
            order = np.argsort(block, kind="stable")
            starts = np.flatnonzero(np.append(True, np.diff(block[order]) != 0))
            sizes = np.diff(np.append(starts, len(order)))
            kept = sizes >= least
            items = (atoms.start + order)[np.repeat(kept, sizes)]
            found += Lists(np.concatenate([[0], np.cumsum(sizes[kept])]), items.astype(np.int32))
    return found


def log_odds(atoms: AtomTable, database: Database) -> Floats:
    """`[A]` what soft evidence adds to each open atom's score if it is true: the log-odds of its probability."""
    found = np.zeros(len(atoms))
    for name, probabilities in database.probability.items():
        rows = [row for row, probability in enumerate(probabilities) if probability is not None]
        cells = encode(atoms[name].known.predicate, atoms.vocabulary, [database.atoms[name][row] for row in rows])
        ids = atoms[name].lookup(cells)
        given = np.array([probabilities[row] for row in rows], np.float64)
        found[ids[ids >= 0]] = (np.log(given) - np.log1p(-given))[ids >= 0]
    return found
