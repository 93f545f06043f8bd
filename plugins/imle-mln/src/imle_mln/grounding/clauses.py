"""First-order clauses to ground ones: joins, then literals, sub-formulas by recursion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from imle.errors import InstanceError
from imle_mln.grounding.canonical import ClauseGroup, Codes, canonical
from imle_mln.grounding.normal import Clause, Disjunct, negate
from imle_mln.grounding.plan import Step, estimate, plan, run
from imle_mln.grounding.relations import Bindings, Relation, keys_of, repeated
from imle_mln.grounding.store import Store
from imle_mln.grounding.world import Scope
from imle_mln.network import Bools, Index


@dataclass(frozen=True)
class Piece:
    """Ground clauses evidence does not satisfy.

    Attributes:
        bindings: of the clause's variables, one row per ground clause.
        groups: the clauses by length; they may be empty, that is false.
        always: rows that are true whatever the atoms are.
    """

    bindings: Bindings
    groups: list[ClauseGroup]
    always: Index


@dataclass(frozen=True)
class Job:
    """A clause `for all variables: parts[0] v parts[1] v ...`, and how its variables are bound."""

    parts: tuple[Disjunct, ...]
    steps: list[Step]


@dataclass
class ClauseGrounder:
    """Grounds the clauses of one rule.

    Attributes:
        scope: the rule in its world.
        store: where sub-formulas get their numbers.
    """

    scope: Scope
    store: Store
    _inner: dict[int, tuple[Disjunct, Job]] = field(default_factory=dict)

    def job(self, parts: Sequence[Disjunct], variables: Sequence[str], bound: Sequence[str] = ()) -> Job:
        """Plan a clause, for bindings of other variables."""
        return Job(tuple(parts), plan(self.scope, parts, variables, bound, self._source))

    def estimate(self, job: Job, rows: float = 1.0) -> float:
        """How many bindings grounding it for so many bindings will look at, more or less."""
        looked_at, left = estimate(self.scope, job.steps, rows)
        for part in job.parts:
            if not part.simple:
                distinct = min(left, float(prod(map(self.scope.size, part.free))))
                looked_at += self.estimate(self._job_of(part), distinct)
        return looked_at

    def ground(self, job: Job, bindings: Bindings) -> Iterator[Piece]:
        """Ground a clause for each of the bindings of other variables."""
        steps, parts = job.steps, job.parts
        nested = [part for part in parts if not part.simple]
        for found in run(self.scope, steps, bindings):
            rows = found
            extras: list[tuple[Index, Codes]] = []
            for part in nested:
                satisfied, where, codes = self._disjuncts(part, rows)
                extras.append((where, codes))
                if satisfied.any():
                    rows, extras = rows.take(~satisfied), [_without(satisfied, extra) for extra in extras]
            columns = [self.scope.codes(part, rows) for part in parts if part.simple]
            groups, always = canonical([one for one in columns if one is not None], extras, rows.rows)
            yield Piece(rows, groups, always)

    def _disjuncts(self, part: Disjunct, bindings: Bindings) -> tuple[Bools, Index, Codes]:
        """A part `EXIST variables [not] body` as a disjunction, for each binding.

        Returns:
            Which bindings evidence satisfies, and the literals of the disjunction for the others: (row, code).
        """
        distinct, place = self._distinct(sorted(part.free), bindings)
        satisfied = np.zeros(distinct.rows, np.bool_)
        wheres: list[Index] = [np.zeros(0, np.int64)]
        literals: list[Codes] = [np.zeros(0, np.int32)]
        for piece in self.ground(self._job_of(part), distinct):
            for group in piece.groups:
                origin = group.of(piece.bindings.origin)
                if not len(group.codes):
                    satisfied[origin] = True
                elif len(group.codes) == 1:
                    wheres.append(origin)
                    literals.append(group.codes[0] ^ np.int32(1))
                else:
                    open_ = ~satisfied[origin]
                    wheres.append(origin[open_])
                    literals.append(self._negated(group.codes[:, open_]))
        where, codes = np.concatenate(wheres), np.concatenate(literals)
        order = np.argsort(where, kind="stable")
        where, codes = where[order], codes[order]
        counts = np.bincount(where, minlength=distinct.rows)
        counts[satisfied] = 0
        first = np.searchsorted(where, np.arange(distinct.rows))
        which, position = repeated(first[place], counts[place])
        return satisfied[place], which, codes[position]

    def _job_of(self, part: Disjunct) -> Job:
        """The clause that says that the body of a part `EXIST variables body` is false."""
        # By identity: comparing nested parts takes long. Keeping the part keeps its identity its own.
        if id(part) not in self._inner:
            self._inner[id(part)] = part, self.job(_refutation(part), part.variables, sorted(part.free))
        return self._inner[id(part)][1]

    def _negated(self, codes: Codes) -> Codes:
        """The literals that say that clauses `[k, n]` are false."""
        numbers = len(self.scope.world.atoms) + self.store.intern(codes)
        if numbers.max(initial=0) >= 2**30:
            raise InstanceError(
                f"{self.scope.meter.rule} has too many different ground sub-formulas: {self.store.size:,}",
                hint="give more evidence, or use smaller domains",
            )
        return (2 * numbers + 1).astype(np.int32)

    def _distinct(self, names: Sequence[str], bindings: Bindings) -> tuple[Bindings, Index]:
        """The different values of some variables, and for each binding which of these it has."""
        columns = {name: bindings.columns[name] for name in names}
        if not bindings.rows or (names and len(names) == len(bindings.columns)):
            return Bindings.start(columns, bindings.rows), np.arange(bindings.rows)
        keys = keys_of(list(columns.values()), [self.scope.size(name) for name in names], bindings.rows)
        _, example, place = np.unique(keys, return_index=True, return_inverse=True)
        found = {name: column[example] for name, column in columns.items()}
        return Bindings.start(found, len(example)), place.reshape(-1)

    def _source(self, part: Disjunct) -> Relation | None:
        """The bindings for which evidence does not make a part true, if joins of its literals give them."""
        if part.simple:
            return self.scope.relation(part)
        if part.variables or part.positive or not isinstance(part.body, Clause) or not part.free:
            return None
        # The part is not (q1 v q2 v ...): true unless some q is not false.
        found: list[Relation] = []
        names = tuple(sorted(part.free))
        for inner in part.body.parts:
            if inner.free != part.free:
                return None
            table = self._not_false(inner, names)
            if table is None:
                return None
            found.append(table)
        return _union(found, [self.scope.size(name) for name in names]) if found else None

    def _not_false(self, part: Disjunct, names: tuple[str, ...]) -> Relation | None:
        parts = _refutation(part)
        covered: set[str] = set()
        for inner in parts:
            table = self._source(inner)
            covered.update(table.variables if table is not None else ())
        if not covered.issuperset((*names, *part.variables)):
            return None
        start = Bindings.start({}, 1)
        steps = plan(self.scope, parts, (*names, *part.variables), (), self._source)
        sizes = [self.scope.size(name) for name in names]
        pieces = [
            _union([Relation(names, tuple(piece.columns[name] for name in names))], sizes)
            for piece in run(self.scope, steps, start)
        ]
        if not pieces:
            return Relation(names, tuple(np.zeros(0, np.int32) for _ in names))
        return _union(pieces, sizes)


def _refutation(part: Disjunct) -> tuple[Disjunct, ...]:
    """The parts of the clause that says that the body of `EXIST variables body` is false."""
    bare = Disjunct(part.positive, part.body)
    if isinstance(bare.body, Clause):
        return bare.body.parts
    return (negate(bare),)


def _without(satisfied: Bools, extra: tuple[Index, Codes]) -> tuple[Index, Codes]:
    where, codes = extra
    kept = ~satisfied[where]
    renumbered = np.cumsum(~satisfied) - 1
    return renumbered[where[kept]], codes[kept]


def _union(tables: Sequence[Relation], sizes: Sequence[int]) -> Relation:
    columns = [np.concatenate([table.columns[at] for table in tables]) for at in range(len(sizes))]
    _, example = np.unique(keys_of(columns, sizes, len(columns[0])), return_index=True)
    return Relation(tables[0].variables, tuple(column[example] for column in columns))
