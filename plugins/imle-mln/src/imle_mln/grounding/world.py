"""Atoms and equalities under evidence: looked up for bindings, or enumerated where evidence leaves few."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle_mln.grounding.atoms import FALSE, TRUE, AtomTable, PredicateAtoms
from imle_mln.grounding.budget import Meter
from imle_mln.grounding.canonical import NONE, Codes
from imle_mln.grounding.normal import PRIME, Clause, Disjunct
from imle_mln.grounding.relations import Bindings, Relation
from imle_mln.grounding.vocabulary import Vocabulary
from imle_mln.logic import Arithmetic, Atom, Compare, Constant, Equal, Term, Value, Variable, variables
from imle_mln.network import Bools

# A table drives a join only if it has less than this share of all bindings; otherwise enumerating is cheaper.
_SELECTIVE = 0.5


_COMPARISONS = {"=": np.equal, "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}
_OPERATIONS = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "%": np.mod}


@dataclass
class World:
    """Evidence and atoms as the rules of one program see them.

    Attributes:
        vocabulary: the constants.
        atoms: the open atoms and what is known of the others.
    """

    vocabulary: Vocabulary
    atoms: AtomTable
    relations: dict[tuple[bool, Atom], Relation | None] = field(default_factory=dict)
    shares: dict[tuple[bool, str], float] = field(default_factory=dict)


@dataclass
class Scope:
    """A rule in a world.

    Attributes:
        world: what is known.
        types: of the rule's variables.
        meter: of the rule.
    """

    world: World
    types: Mapping[str, str]
    meter: Meter

    def size(self, variable: str) -> int:
        """How many constants a variable ranges over."""
        return self.world.vocabulary.size(self.type(variable))

    def type(self, variable: str) -> str:
        """The type of a variable; those that multiplying out renamed have primes at the end."""
        return self.types[variable.rstrip(PRIME)]

    def distinct(self, variable: str) -> bool:
        """Whether a number can be only one of a variable's constants."""
        return self.world.vocabulary.distinct(self.type(variable))

    def predicate(self, atom: Atom) -> PredicateAtoms:
        """The table of an atom's predicate."""
        return self.world.atoms[atom.predicate]

    def decidable(self, part: Disjunct) -> bool:
        """Whether evidence can make a simple part true."""
        return isinstance(part.body, Equal | Compare) or not self.predicate(_atom(part)).known.untouched

    def share(self, part: Disjunct) -> float:
        """The share of bindings for which evidence does not make a simple part true."""
        if isinstance(part.body, Equal):
            sides = [self.size(name) for name in variables(part.body)]
            return 1 - 1 / max(sides) if part.positive else 1 / max(sides)
        if isinstance(part.body, Compare):
            smallest = min(map(self.size, variables(part.body)), default=1)
            holds = 1 / smallest if part.body.operator == "=" else 0.5
            return 1 - holds if part.positive else holds
        key = part.positive, _atom(part).predicate
        if key not in self.world.shares:
            known = self.predicate(_atom(part)).known
            self.world.shares[key] = 1 - known.count(1 if part.positive else 0) / max(1, known.cells)
        return self.world.shares[key]

    def satisfied(self, part: Disjunct, bindings: Bindings) -> Bools:
        """For which bindings evidence makes a simple part true, `[rows]`."""
        if isinstance(part.body, Equal):
            return np.asarray(self._equal(part.body, bindings) == part.positive)
        if isinstance(part.body, Compare):
            return np.asarray(self._compare(part.body, bindings) == part.positive)
        return np.asarray(self._lookup(_atom(part), bindings) == (TRUE if part.positive else FALSE))

    def codes(self, part: Disjunct, bindings: Bindings) -> Codes | None:
        """The literal codes of a simple part that evidence does not make true, `[rows]`; None if it is always false."""
        if isinstance(part.body, Equal | Compare):
            return None
        atom = _atom(part)
        table = self.predicate(atom)
        if table.start == table.stop:
            return None
        ids = self._lookup(atom, bindings)
        codes: Codes = (ids * 2 + (not part.positive)).astype(np.int32)
        return codes if table.known.untouched else np.where(ids >= 0, codes, NONE)

    def relation(self, part: Disjunct) -> Relation | None:
        """The bindings for which evidence does not make a literal true, if they are few."""
        if not isinstance(part.body, Atom):
            return None
        key = part.positive, part.body
        if key not in self.world.relations:
            self.world.relations[key] = self._relation(part)
        return self.world.relations[key]

    def _lookup(self, atom: Atom, bindings: Bindings) -> NDArray[Any]:
        table = self.predicate(atom)
        # Narrow numbers are twice as fast; ids are below 2**29 where cells are.
        dtype = np.dtype(np.int32 if table.known.cells < 2**30 else np.int64)
        cells: NDArray[Any] | None = None
        fixed = 0
        stride = table.known.cells
        for term, size, name in zip(atom.arguments, table.shape, table.known.predicate.types, strict=True):
            stride //= size
            if isinstance(term, Constant):
                fixed += stride * self.world.vocabulary.code(name, term.name)
            else:
                step = bindings.columns[term.name].astype(dtype, copy=False) * stride
                cells = step if cells is None else cells + step
        if cells is None:
            cells = np.zeros(bindings.rows, dtype)
        return table.lookup(cells + fixed if fixed else cells)

    def _equal(self, body: Equal, bindings: Bindings) -> Bools:
        left, right = self.value(body.left, body.right, bindings), self.value(body.right, body.left, bindings)
        if not isinstance(body.left, Constant) and not isinstance(body.right, Constant):
            source, target = self.type(body.left.name), self.type(body.right.name)
            if source != target:
                left = self.world.vocabulary.translate(source, target)[left]
        return np.broadcast_to(np.asarray(left == right), (bindings.rows,))

    def _compare(self, body: Compare, bindings: Bindings) -> Bools:
        found = _COMPARISONS[body.operator](self.number(body.left, bindings), self.number(body.right, bindings))
        return np.broadcast_to(found, (bindings.rows,))

    def number(self, value: Value, bindings: Bindings) -> NDArray[np.float64]:
        """What a term or a computation is, `[rows]` or `[1]`; nan, which equals nothing, for a division by zero."""
        match value:
            case Constant(name):
                return np.array([float(name)])
            case Variable(name):
                return self.world.vocabulary.numbers(self.type(name))[bindings.columns[name]]
            case Arithmetic(operator, left, right):
                with np.errstate(all="ignore"):
                    found = _OPERATIONS[operator](self.number(left, bindings), self.number(right, bindings))
                return np.where(np.isfinite(found), found, np.nan)

    def value(self, term: Term, other: Term, bindings: Bindings) -> NDArray[np.int32]:
        """The codes of a term; a constant has that of the type of the term it is compared with, -1 if none."""
        if not isinstance(term, Constant):
            return bindings.columns[term.name]
        assert not isinstance(other, Constant)
        return np.array([self.world.vocabulary.code(self.type(other.name), term.name)], np.int32)

    def _relation(self, part: Disjunct) -> Relation | None:
        atom = _atom(part)
        table = self.predicate(atom)
        cells = _not(table, 1 if part.positive else 0)
        if cells is None:
            return None
        columns: dict[str, Codes] = {}
        kept: Bools | None = None
        rest = cells
        codes: list[NDArray[np.int64]] = []
        for size in reversed(table.shape):
            rest, code = np.divmod(rest, size)
            codes.append(code)
        for term, code, name in zip(atom.arguments, reversed(codes), table.known.predicate.types, strict=True):
            if isinstance(term, Constant):
                agrees = code == self.world.vocabulary.code(name, term.name)
            elif term.name in columns:
                agrees = code == columns[term.name]
            else:
                columns[term.name] = code.astype(np.int32)
                continue
            kept = agrees if kept is None else kept & agrees
        if not columns:
            return None
        found = tuple(column if kept is None else column[kept] for column in columns.values())
        relation = Relation(tuple(columns), found)
        return relation if relation.size <= _SELECTIVE * prod(map(self.size, relation.variables)) else None


def _atom(part: Disjunct) -> Atom:
    assert isinstance(part.body, Atom)
    assert not isinstance(part.body, Clause)
    return part.body


def _not(table: PredicateAtoms, truth: int) -> NDArray[np.int64] | None:
    """The cells evidence does not give a truth, or None if they are many."""
    known = table.known
    if known.dense is not None:
        many = np.count_nonzero(known.dense != truth) > _SELECTIVE * known.cells
        return None if many else np.flatnonzero(known.dense != truth)
    return known.keys[known.values != truth] if known.default == truth else None
