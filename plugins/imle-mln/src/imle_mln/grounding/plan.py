"""In which order to bind the variables of a clause, so that what evidence satisfies is never enumerated.

Wanted are the bindings for which evidence makes no part of the clause true. So every part is a filter, and a part that
is true for most bindings - a negated closed predicate above all - is a table to join with. Constants of a domain are
enumerated only for variables that no such table binds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from imle_mln.grounding.canonical import Codes
from imle_mln.grounding.normal import Disjunct
from imle_mln.grounding.relations import Bindings, JoinIndex, Relation, repeated, slices
from imle_mln.grounding.world import Scope
from imle_mln.logic import Compare, Constant, Equal, Value, Variable, terms


@dataclass(frozen=True)
class Filter:
    """Drop bindings for which evidence makes a part true."""

    part: Disjunct


@dataclass(frozen=True)
class Copy:
    """Bind a variable to what it must equal, as a name or, if it is computed, as a number."""

    variable: str
    other: Value
    computed: bool = False


@dataclass(frozen=True)
class Join:
    """Bind the variables of a table, in its rows that agree with the bindings."""

    index: JoinIndex
    new: tuple[str, ...]


@dataclass(frozen=True)
class Cross:
    """Bind a variable to every constant."""

    variable: str


Step = Filter | Copy | Join | Cross
# More tables to join with, for parts that are not literals; asked for only when literals do not bind all variables.
Sources = Callable[[Disjunct], Relation | None]


def plan(
    scope: Scope, parts: Sequence[Disjunct], variables: Sequence[str], bound: Sequence[str], more: Sources
) -> list[Step]:
    """Steps that bind `variables` given bindings of `bound`."""
    known = set(bound)
    todo = [name for name in variables if name not in known]
    simple = [part for part in parts if part.simple]
    waiting = [part for part in simple if scope.decidable(part)]
    steps: list[Step] = []

    def bind(step: Step, names: Sequence[str]) -> None:
        steps.append(step)
        known.update(names)
        todo[:] = [name for name in todo if name not in known]

    def filters() -> None:
        steps.extend(Filter(part) for part in waiting if part.free <= known)
        waiting[:] = [part for part in waiting if not part.free <= known]

    def greedy(tables: list[tuple[Disjunct, Relation]]) -> bool:
        """Join the table that multiplies the bindings least."""
        useful = [(part, table) for part, table in tables if not known.issuperset(table.variables)]
        if not useful:
            return False
        part, table = min(useful, key=lambda one: one[1].size / prod(map(scope.size, _shared(one[1], known))))
        if part in waiting:
            waiting.remove(part)
        keys = _shared(table, known)
        index = JoinIndex(table, keys, {name: scope.size(name) for name in keys})
        bind(Join(index, tuple(name for name in table.variables if name not in known)), table.variables)
        return True

    tables: list[tuple[Disjunct, Relation]] = []
    for part in simple:
        table = scope.relation(part) if part in waiting else None
        if table is not None:
            tables.append((part, table))
    asked = False
    filters()
    while todo:
        copied = _copy(scope, waiting, known)
        if copied is not None:
            part, copy = copied
            waiting.remove(part)
            bind(copy, [copy.variable])
        elif not greedy(tables):
            if not asked:
                asked = True
                for part in parts:
                    extra = more(part) if not part.simple and part.free & set(todo) else None
                    if extra is not None:
                        tables.append((part, extra))
                continue
            name = _cheapest(scope, todo, known, waiting)
            bind(Cross(name), [name])
        filters()
    return steps


def _shared(table: Relation, known: set[str]) -> list[str]:
    return [name for name in table.variables if name in known]


def _copy(scope: Scope, waiting: Sequence[Disjunct], known: set[str]) -> tuple[Disjunct, Copy] | None:
    """An `x != y` or `x != Ann` among the parts that says what a variable must be."""
    for part in waiting:
        if isinstance(part.body, Compare) and part.body.operator == "=" and not part.positive:
            for one, other in ((part.body.left, part.body.right), (part.body.right, part.body.left)):
                if not isinstance(one, Variable) or part.free - known != {one.name}:
                    continue
                if one not in terms(Compare("=", other, other)) and scope.distinct(one.name):
                    return part, Copy(one.name, other, computed=True)
        if part.positive or not isinstance(part.body, Equal):
            continue
        left, right = part.body.left, part.body.right
        for one, other in ((left, right), (right, left)):
            if isinstance(one, Variable) and one.name not in known:
                same = isinstance(other, Constant) or scope.type(one.name) == scope.type(other.name)
                if same and (isinstance(other, Constant) or other.name in known):
                    return part, Copy(one.name, other)
    return None


def _cheapest(scope: Scope, todo: Sequence[str], known: set[str], waiting: Sequence[Disjunct]) -> str:
    """The variable to enumerate: one that makes a filter possible, if any, with the smallest domain."""

    def cost(name: str) -> tuple[bool, int]:
        return not any(name in part.free and part.free <= known | {name} for part in waiting), scope.size(name)

    return min(todo, key=cost)


def estimate(scope: Scope, steps: Sequence[Step], rows: float) -> tuple[float, float]:
    """How many bindings there will be at the widest, and how many are left, of `rows` to begin with.

    That is if what evidence says of one argument says nothing of the others.
    """
    widest = 0.0
    for step in steps:
        match step:
            case Filter(part):
                rows *= scope.share(part)
            case Copy():
                pass
            case Cross(variable):
                rows *= scope.size(variable)
                widest = max(widest, rows)
            case _:
                rows *= step.index.size / prod(step.index.domains)
                widest = max(widest, rows)
    return widest, rows


def run(scope: Scope, steps: Sequence[Step], bindings: Bindings) -> Iterator[Bindings]:
    """Carry out the steps, in pieces of bounded size."""
    if not bindings.rows:
        return
    for at, step in enumerate(steps):
        if isinstance(step, Filter):
            satisfied = scope.satisfied(step.part, bindings)
            if satisfied.any():
                bindings = bindings.take(~satisfied)
        elif isinstance(step, Copy):
            bindings = _copied(scope, step, bindings)
        else:
            rest = steps[at + 1 :]
            # What is enumerated next and not filtered before is certain: refuse it before starting.
            certain = 1
            for later in rest:
                if not isinstance(later, Cross):
                    break
                certain *= scope.size(later.variable)
            pieces = (
                _crossed(scope, step, bindings, certain)
                if isinstance(step, Cross)
                else _joined(scope, step, bindings, certain)
            )
            for piece in pieces:
                yield from run(scope, rest, piece)
            return
        if not bindings.rows:
            return
    yield bindings


def _copied(scope: Scope, step: Copy, bindings: Bindings) -> Bindings:
    if step.computed:
        numbers = scope.number(step.other, bindings)
        found = scope.world.vocabulary.of_numbers(scope.type(step.variable), numbers)
    else:
        assert isinstance(step.other, Constant | Variable)
        found = scope.value(step.other, Variable(step.variable), bindings)
    codes = np.broadcast_to(found, (bindings.rows,))
    extended = bindings.extended({step.variable: codes})
    return extended if (codes >= 0).all() else extended.take(codes >= 0)


def _crossed(scope: Scope, step: Cross, bindings: Bindings, certain: int) -> Iterator[Bindings]:
    size = scope.size(step.variable)
    scope.meter.check(bindings.rows * size * certain)
    values = np.arange(size, dtype=np.int32)
    for start, stop in slices(np.full(bindings.rows, size)):
        scope.meter.add((stop - start) * size)
        columns: dict[str, Codes] = {
            name: np.repeat(column[start:stop], size) for name, column in bindings.columns.items()
        }
        columns[step.variable] = np.tile(values, stop - start)
        yield Bindings(columns, (stop - start) * size, np.repeat(bindings.origin[start:stop], size))


def _joined(scope: Scope, step: Join, bindings: Bindings, certain: int) -> Iterator[Bindings]:
    first, counts = step.index.matches(bindings)
    scope.meter.check(int(counts.sum()) * certain)
    for start, stop in slices(counts):
        which, position = repeated(first[start:stop], counts[start:stop])
        scope.meter.add(len(which))
        piece = (
            bindings.slice(start, stop)
            .take(which)
            .extended({name: step.index.columns[name][position] for name in step.new})
        )
        agrees = [piece.columns[name] == step.index.columns[name][position] for name in step.index.checked]
        yield piece.take(np.logical_and.reduce(agrees)) if agrees else piece
