"""The ground network: what grounding makes of a program and its evidence, and all that inference sees.

Weights are not part of it. Ground once, solve for any weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Ints = NDArray[np.int32]
Index = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def distinct(values: NDArray[np.integer]) -> Index:
    """The different ones of some whole numbers, ascending.

    By sorting: `np.unique` without counts or places hashes numbers since NumPy 2.3, which takes many times as long.
    """
    ordered = np.sort(values.astype(np.int64))
    found: Index = ordered[np.concatenate([np.ones(min(1, len(ordered)), np.bool_), ordered[1:] != ordered[:-1]])]
    return found


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


@dataclass(frozen=True, eq=False)
class Lists:
    """A list of lists of whole numbers in CSR form: list k is `items[starts[k]:starts[k + 1]]`."""

    starts: Index
    items: Ints

    @classmethod
    def of(cls, row: Index, items: NDArray[np.integer], count: int) -> Lists:
        """Lists from items sorted by row."""
        starts = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=count))]).astype(np.int64)
        return cls(starts, items.astype(np.int32))

    @classmethod
    def empty(cls) -> Lists:
        """No list."""
        return cls(np.zeros(1, np.int64), np.zeros(0, np.int32))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __add__(self, other: Lists) -> Lists:
        """These lists, then the others."""
        starts = np.concatenate([self.starts, self.starts[-1] + other.starts[1:]])
        return Lists(starts, np.concatenate([self.items, other.items]))

    def __getitem__(self, number: int) -> Ints:
        return self.items[self.starts[number] : self.starts[number + 1]]

    def entries(self, chosen: Index | None = None) -> Entries:
        """The literals of the chosen lists, or of all."""
        lengths = np.diff(self.starts)
        if chosen is None:
            starts, row = self.starts[:-1], np.repeat(np.arange(len(self)), lengths)
            items = self.items.astype(np.int64)
        else:
            lengths = lengths[chosen]
            starts = np.cumsum(lengths) - lengths
            row = np.repeat(np.arange(len(chosen)), lengths)
            items = self.items[np.arange(len(row)) + (self.starts[:-1][chosen] - starts)[row]].astype(np.int64)
        negated = items < 0
        return Entries(row, items ^ -negated.astype(np.int64), negated, starts)


@dataclass(frozen=True, eq=False)
class GroundNetwork:
    """A Boolean network over A atoms, C clauses and F formulas.

    A literal is `v` if it is positive and `~v` (that is `-v - 1`) if it is negated, where v < A is an atom and v >= A
    is the truth of clause v - A, which comes earlier in the list. So clauses nest, and any formula can be written.

    With t(y) in {0, 1}^C, the truths of the clauses in state y, the number of true groundings of formula i is
    `n_i(y) = constants_i + sum_c counts[c, i] t_c(y)`; counts are negative where a grounding is true unless the clause
    is. Equal clauses are merged; groundings decided by the evidence are in the constants. No clause is empty or always
    true. All counts are whole and float64, so they are exact up to 2^53.

    Attributes:
        atoms: A, the number of atoms evidence leaves open.
        clauses: C disjunctions of literals, each sorted, without doubles.
        count_clauses, count_formulas, count_values: the sparse matrix `[C, F]` of counts, as equally long arrays.
        constants: `[F]`.
        groundings: `[F]` how many groundings each formula has, decided ones included.
        hard: `[C]` True where the clause must hold.
        blocks: lists of atoms of which exactly one is true.
        optional: lists of atoms of which at most one is true. Each atom is in one list of either kind at most.
        nones: how many of the last atoms are there for `completed` only.
        conflict: what evidence and hard formulas contradict each other in, for people; "" if nothing is known to.
    """

    atoms: int
    clauses: Lists
    count_clauses: Ints
    count_formulas: Ints
    count_values: Floats
    constants: Floats
    groundings: Floats
    hard: Bools
    blocks: Lists
    optional: Lists = field(default_factory=Lists.empty)
    nones: int = 0
    conflict: str = ""

    @cached_property
    def free(self) -> Lists:
        """Atoms in no block, each a list of its own."""
        outside = np.ones(self.atoms, np.bool_)
        outside[self.choices.items] = False
        atoms = np.flatnonzero(outside)
        return Lists(np.arange(len(atoms) + 1), atoms.astype(np.int32))

    @cached_property
    def choices(self) -> Lists:
        """Exactly-one blocks, then at-most-one blocks."""
        return self.blocks + self.optional

    @cached_property
    def completed(self) -> GroundNetwork:
        """The same network with exactly-one blocks only: in each at-most-one block another atom, after all others and
        first in the block, is true where none of the block's own is.
        """
        if not len(self.optional):
            return self
        more, items = len(self.optional), self.clauses.items
        step = np.where(items >= self.atoms, more, np.where(items < -self.atoms, -more, 0))
        nones = np.arange(self.atoms, self.atoms + more, dtype=np.int32)
        starts = self.optional.starts
        grown = Lists(starts + np.arange(more + 1), np.insert(self.optional.items, starts[:-1], nones))
        return replace(
            self,
            atoms=self.atoms + more,
            clauses=Lists(self.clauses.starts, (items + step).astype(np.int32)),
            blocks=self.blocks + grown,
            optional=Lists.empty(),
            nones=more,
        )

    def padded(self, unary: Floats) -> Floats:
        """Unaries `[..., A]` as those of `completed`."""
        more = len(self.optional)
        return np.concatenate([unary, np.zeros((*unary.shape[:-1], more))], axis=-1) if more else unary

    @cached_property
    def counts(self) -> Any:
        """The sparse matrix `[C, F]`: how often each clause counts for each formula."""
        shape = (len(self.clauses), len(self.constants))
        return sparse.csc_array((self.count_values, (self.count_clauses, self.count_formulas)), shape=shape)

    @cached_property
    def _by_formula(self) -> Any:
        return self.counts.T  # the same numbers; SciPy takes longer to make a view of few than to multiply them

    @cached_property
    def undecided(self) -> Floats:
        """`[F]` how many groundings evidence leaves open, those that can only cancel out aside."""
        return self._summed(np.abs(self.count_values))

    @cached_property
    def _denied(self) -> Floats:
        """`[F]` a count of -c stands for c open groundings, all of them true as long as the clause is not."""
        return self._summed(np.maximum(-self.count_values, 0.0))

    @cached_property
    def decided(self) -> Floats:
        """`[F]` how many groundings are true in every world."""
        return self.constants - self._denied

    def text(self, clause: int, name: Callable[[int], str], *, positive: bool = True) -> str:
        """A clause, or its negation, such as "!Smokes(Ann) v Smokes(Ben)"; `name` names atoms."""
        items = self.clauses[clause].tolist()
        parts = []
        for item in items:
            variable, wanted = (item, positive) if item >= 0 else (~item, not positive)
            if variable < self.atoms:
                parts.append(name(variable) if wanted else f"!{name(variable)}")
            else:
                inner = self.text(variable - self.atoms, name, positive=wanted)
                parts.append(f"({inner})" if len(items) > 1 else inner)
        return (" v " if positive else " ^ ").join(parts)

    def _summed(self, values: Floats) -> Floats:
        return np.bincount(self.count_formulas, values, len(self.constants)).astype(np.float64)

    def open_counts(self, truths: Bools | Floats) -> Floats:
        """Truths `[N, C]` of clauses, or chances that they are true, to `[N, F]` numbers of true groundings among those
        that evidence leaves open.
        """
        found: Floats = (self._by_formula @ truths.T.astype(np.float64)).T + self._denied
        return found

    def clause_weights(self, weights: Floats) -> Floats:
        """`[F]` weights of formulas to `[C]` weights of clauses."""
        found: Floats = self.counts @ weights
        return found
