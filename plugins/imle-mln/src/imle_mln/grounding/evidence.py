"""What evidence says about the ground atoms of each predicate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle_mln.grounding.vocabulary import Vocabulary, columns
from imle_mln.logic import Database, Predicate, Program
from imle_mln.printing import ground_atom_text

# Predicates with more ground atoms than this are kept as a sorted list of those that are not as most are.
DENSE_CELLS = 50_000_000
# Ground atoms are numbered in int32, and a literal takes one more bit.
MAX_CELLS = 2**62

Cells = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Known:
    """The truth of every ground atom of a predicate: 1 true, 0 false, -1 open. Atoms are cells of its row-major table.

    Attributes:
        predicate: the declaration.
        shape: the number of constants for each argument.
        dense: `[cells]` the truth of each, or None where the table is kept sparse.
        keys: sparse only: the cells that differ from `default`, ascending.
        values: sparse only: their truth.
        default: the truth of all other cells.
    """

    predicate: Predicate
    shape: tuple[int, ...]
    default: int
    dense: NDArray[np.int8] | None
    keys: Cells
    values: NDArray[np.int8]

    @property
    def cells(self) -> int:
        """How many ground atoms the predicate has."""
        return prod(self.shape)

    @property
    def untouched(self) -> bool:
        """Whether all atoms are open."""
        return self.default == -1 and not len(self.keys) and self.dense is None

    def count(self, value: int) -> int:
        """How many ground atoms have a truth."""
        table = self.values if self.dense is None else self.dense
        own = int(np.count_nonzero(table == value))
        return own if self.dense is not None or value != self.default else own + self.cells - len(self.keys)

    def truth(self) -> NDArray[np.int8]:
        """The whole table, of the predicate's shape. Big if it is kept sparse for a reason."""
        if self.dense is not None:
            return self.dense.reshape(self.shape)
        table = np.full(self.cells, self.default, np.int8)
        table[self.keys] = self.values
        return table.reshape(self.shape)


def known_atoms(program: Program, vocabulary: Vocabulary, database: Database) -> tuple[dict[str, Known], list[str]]:
    """Encode a database and draw the conclusions of closed worlds and of declarations with `!` or `?`.

    Returns:
        What is known, by predicate; and contradictions found on the way, for people.

    Raises:
        InstanceError: for undeclared predicates, wrong numbers of arguments and constants outside closed domains.
    """
    for name in database.atoms:
        if name not in program.predicates:
            raise InstanceError(f"evidence about {name}, which the program does not declare")
    conflicts: list[str] = []
    known = {name: _known(predicate, vocabulary, database, conflicts) for name, predicate in program.predicates.items()}
    return known, conflicts


def atom_text(predicate: Predicate, cell: int, vocabulary: Vocabulary) -> str:
    """A ground atom as text, such as "Topic(P1,Logic)"."""
    constants = []
    for name in reversed(predicate.types):
        cell, code = divmod(cell, vocabulary.size(name))
        constants.append(vocabulary.constants[name][code])
    return ground_atom_text(predicate.name, reversed(constants))


def _known(predicate: Predicate, vocabulary: Vocabulary, database: Database, conflicts: list[str]) -> Known:
    shape = tuple(vocabulary.size(name) for name in predicate.types)
    cells = prod(shape)
    if cells > MAX_CELLS:
        raise InstanceError(f"predicate {predicate.name} has {cells:.1e} ground atoms", hint="use smaller domains")
    keys, values = _literals(predicate, vocabulary, database, conflicts)
    default = 0 if predicate.closed else -1
    if predicate.optional:
        keys, values = _at_most_one(predicate, shape, keys, values, vocabulary, conflicts)
    said = values != default
    keys, values = keys[said], values[said]
    dense: NDArray[np.int8] | None = None
    # Exactly-one may decide atoms that no evidence mentions: where there is one value only, or where all are false.
    decides = bool(predicate.unique) and (predicate.closed or block_size(predicate, shape) == 1)
    if cells <= DENSE_CELLS and (len(keys) or decides):
        dense = np.full(cells, default, np.int8)
        dense[keys] = values
    if predicate.unique:
        _exactly_one(predicate, shape, dense, vocabulary, conflicts)
    return Known(predicate, shape, default, dense, keys, values)


def _literals(
    predicate: Predicate, vocabulary: Vocabulary, database: Database, conflicts: list[str]
) -> tuple[Cells, NDArray[np.int8]]:
    """The cells evidence mentions, ascending and each once, and what it says of them."""
    atoms = database.atoms.get(predicate.name, ())
    truth = np.asarray(database.truth.get(predicate.name, ()), np.int8)
    if not len(atoms):
        return np.zeros(0, np.int64), np.zeros(0, np.int8)
    if set(map(len, atoms)) != {len(predicate.types)} or len(truth) != len(atoms):
        wrong = next((atom for atom in atoms if len(atom) != len(predicate.types)), None)
        raise InstanceError(
            f"evidence on {predicate.name}: expected {len(predicate.types)} arguments and one truth value an atom, "
            f"found {predicate.name}({','.join(wrong or ())}) in {len(atoms)} atoms with {len(truth)} values"
        )
    keys = encode(predicate, vocabulary, atoms)
    order = np.argsort(keys, kind="stable")
    keys, truth = keys[order], truth[order]
    first = np.append(True, keys[1:] != keys[:-1])
    starts = np.flatnonzero(first)
    highest, lowest = np.maximum.reduceat(truth, starts), np.minimum.reduceat(truth, starts)
    conflicts += [
        f"evidence says that {atom_text(predicate, int(cell), vocabulary)} is both true and false"
        for cell in keys[starts[(highest == 1) & (lowest == 0)]][:3]
    ]
    return keys[starts], highest


def encode(predicate: Predicate, vocabulary: Vocabulary, atoms: Sequence[tuple[str, ...]]) -> Cells:
    """The cells of atoms.

    Raises:
        InstanceError: a constant that its type does not have.
    """
    keys = np.zeros(len(atoms), np.int64)
    for name, column in zip(predicate.types, columns(atoms, len(predicate.types)), strict=True):
        codes = vocabulary.encode(name, column)
        if (codes < 0).any():
            stranger = column[int(np.argmax(codes < 0))]
            raise InstanceError(f"evidence on {predicate.name}: {stranger} is not a constant of type {name}")
        keys = keys * vocabulary.size(name) + codes
    return keys


def _exactly_one(
    predicate: Predicate,
    shape: tuple[int, ...],
    dense: NDArray[np.int8] | None,
    vocabulary: Vocabulary,
    conflicts: list[str],
) -> None:
    """Complete the truths in `dense` by what exactly-one implies."""
    if prod(shape) > DENSE_CELLS:
        raise InstanceError(
            f"predicate {predicate.name} has {prod(shape):,} ground atoms in exactly-one blocks, "
            f"at most {DENSE_CELLS:,} are supported",
            hint="use smaller domains, or write the constraint as a hard formula",
        )
    if dense is None:
        return
    cells = block_cells(predicate, shape)
    truth = dense[cells]
    trues, opens = (truth == 1).sum(axis=1), (truth == -1).sum(axis=1)
    for wrong, words in ((trues > 1, "more than one value is true"), ((trues == 0) & (opens == 0), "no value is left")):
        for block in np.flatnonzero(wrong)[:3]:
            example = atom_text(predicate, int(cells[block, int(np.argmax(truth[block] == 1))]), vocabulary)
            conflicts.append(f"{predicate.name} takes exactly one value, but {words} for {example}")
    truth[(trues > 0)[:, None] & (truth == -1)] = 0
    truth[((trues == 0) & (opens == 1))[:, None] & (truth == -1)] = 1
    dense[cells] = truth


def _at_most_one(
    predicate: Predicate,
    shape: tuple[int, ...],
    keys: Cells,
    values: NDArray[np.int8],
    vocabulary: Vocabulary,
    conflicts: list[str],
) -> tuple[Cells, NDArray[np.int8]]:
    """What evidence says, and what at-most-one implies: where one atom is true, the others are false."""
    true = keys[values == 1]
    own = block_of(true, shape, predicate.optional)
    _, first, count = np.unique(own, return_index=True, return_counts=True)
    for cell in true[first[count > 1]][:3]:
        example = atom_text(predicate, int(cell), vocabulary)
        conflicts.append(f"{predicate.name} takes at most one value, but more than one is true for {example}")
    strides = np.cumprod([1, *shape[:0:-1]])[::-1]
    base = sum((true // strides[at] % shape[at] * strides[at] for at in predicate.optional), np.zeros_like(true))
    steps = np.zeros(1, np.int64)
    for at in predicate.optional:
        steps = (steps[:, None] + np.arange(shape[at]) * strides[at]).ravel()
    denied = np.setdiff1d(((true - base)[:, None] + steps).ravel(), true)
    if predicate.closed:
        return keys, np.where(np.isin(keys, denied), 0, values).astype(np.int8)
    every = np.union1d(keys, denied)
    told = np.zeros(len(every), np.int8)
    told[np.searchsorted(every, keys)] = values
    told[np.searchsorted(every, denied)] = 0
    return every, told


def block_of(cells: Cells, shape: tuple[int, ...], positions: tuple[int, ...]) -> Cells:
    """The number of the block of each cell: cells that differ at these positions only are in one."""
    number = np.zeros_like(cells)
    stride = prod(shape)
    for at, size in enumerate(shape):
        stride //= size
        if at not in positions:
            number = number * size + cells // stride % size
    return number


def block_size(predicate: Predicate, shape: tuple[int, ...]) -> int:
    """How many ground atoms an exactly-one block has."""
    return prod(shape[at] for at in predicate.unique)


def block_cells(predicate: Predicate, shape: tuple[int, ...]) -> Cells:
    """The cells of each exactly-one block, `[blocks, size]`, blocks and their cells in row-major order."""
    rest = [at for at in range(len(shape)) if at not in predicate.unique]
    table = np.arange(prod(shape), dtype=np.int64).reshape(shape)
    return table.transpose([*rest, *sorted(predicate.unique)]).reshape(-1, block_size(predicate, shape))
