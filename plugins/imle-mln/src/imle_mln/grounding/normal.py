"""First-order formulas as nested clauses, the shape the ground network has too.

Everything becomes a disjunction of parts `EXIST variables [not] body`, where a body is an atom, an equality, a
comparison or again a clause. A conjunction is the negation of a clause, and FORALL the negation of an existential part.
So one algorithm, which grounds clauses, does all formulas.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

from imle_mln import logic

# What is added to the names of variables that multiplying out renames; no name that can be written ends in it.
PRIME = "~"
# A hard clause with conjunctions in it is multiplied out if no more clauses than this come of it.
DISTRIBUTE = 32
# It is not even tried where so many would come of it, if none of them were equal or true: there may be millions.
_TRIED = 1024


@dataclass(frozen=True)
class Disjunct:
    """`EXIST variables body`, or `EXIST variables not body`; most have no variables."""

    positive: bool
    body: logic.Atom | logic.Equal | logic.Compare | Clause
    variables: tuple[str, ...] = ()

    @cached_property
    def free(self) -> frozenset[str]:
        """The variables of the body that this part does not bind."""
        if isinstance(self.body, Clause):
            return frozenset[str]().union(*(part.free for part in self.body.parts)).difference(self.variables)
        return frozenset(logic.variables(self.body)).difference(self.variables)

    @property
    def simple(self) -> bool:
        """Whether this is an atom, an equality or a comparison, perhaps negated."""
        return not self.variables and not isinstance(self.body, Clause)


@dataclass(frozen=True)
class Clause:
    """A disjunction; false if it has no parts. No part is itself a clause that is neither negated nor quantified."""

    parts: tuple[Disjunct, ...]


FALSE = Disjunct(True, Clause(()))
TRUE = Disjunct(False, Clause(()))


def negate(part: Disjunct) -> Disjunct:
    """Its negation."""
    if part.variables:
        return Disjunct(False, Clause((part,)))
    if not part.positive and isinstance(part.body, Clause):
        return disjunction(part.body.parts)
    return Disjunct(not part.positive, part.body)


def disjunction(parts: Iterable[Disjunct]) -> Disjunct:
    """The disjunction of parts, flat and without doubles."""
    flat: dict[Disjunct, None] = {}
    for part in parts:
        if part == TRUE:
            return TRUE
        inner = part.body.parts if part.positive and isinstance(part.body, Clause) and not part.variables else (part,)
        flat.update(dict.fromkeys(inner))
    return next(iter(flat)) if len(flat) == 1 else Disjunct(True, Clause(tuple(flat)))


def exists(variables: Iterable[str], part: Disjunct) -> Disjunct:
    """`EXIST variables part`, moved inside disjunctions and dropped where the variables do not occur."""
    if part.positive and isinstance(part.body, Clause) and not part.variables:
        variables = tuple(variables)
        return disjunction(exists(variables, inner) for inner in part.body.parts)
    kept = tuple(name for name in variables if name in part.free)
    return Disjunct(part.positive, part.body, kept + part.variables) if kept else part


def normal(formula: logic.Formula) -> Disjunct:
    """A formula as a part whose free variables are the formula's."""
    match formula:
        case logic.Atom() | logic.Compare():
            return Disjunct(True, formula)
        case logic.Equal():
            return _equality(formula)
        case logic.Not(body):
            return negate(normal(body))
        case logic.Or(parts):
            return disjunction(normal(part) for part in parts)
        case logic.And(parts):
            return negate(disjunction(negate(normal(part)) for part in parts))
        case logic.Implies(premise, conclusion):
            return disjunction((negate(normal(premise)), normal(conclusion)))
        case logic.Iff(left, right):
            one, other = normal(left), normal(right)
            forth = disjunction((negate(one), other))
            back = disjunction((one, negate(other)))
            return negate(disjunction((negate(forth), negate(back))))
        case logic.Exists(variables, body):
            return exists(variables, normal(body))
        case logic.ForAll(variables, body):
            return negate(exists(variables, negate(normal(body))))


def feature(part: Disjunct) -> tuple[int, tuple[Disjunct, ...]]:
    """(1, parts of the clause it is) or (-1, parts of the clause it is the negation of)."""
    if isinstance(part.body, Clause) and not part.variables:
        return (1 if part.positive else -1), part.body.parts
    return 1, (part,)


def hard_clauses(part: Disjunct, free: frozenset[str]) -> list[tuple[Disjunct, ...]]:
    """Clauses that hold, for all values of their free variables, exactly if `part` does for all values of `free`."""
    if part == TRUE:
        return []
    sign, parts = feature(part)
    clause = parts if sign > 0 else (part,)
    at = next((k for k, one in enumerate(clause) if _is_conjunction(one)), None)
    if at is None:
        return [clause]
    if len(clause) > 1 and _distributed(disjunction(clause)) > _TRIED:
        return [clause]
    conjunction = clause[at].body
    assert isinstance(conjunction, Clause)
    clauses: list[tuple[Disjunct, ...]] = []
    for inner in conjunction.parts:
        # not (EXIST y b) says not b for all y: y becomes a free variable, under a name nobody uses yet.
        fresh = {name: _unused(name, free) for name in inner.variables}
        bare = renamed(Disjunct(inner.positive, inner.body), fresh)
        opened = disjunction((*clause[:at], negate(bare), *clause[at + 1 :]))
        clauses += hard_clauses(opened, free.union(fresh.values()))
    # The conjuncts of a whole formula are constraints of their own, however many they are.
    return [clause] if len(clauses) > DISTRIBUTE and len(clause) > 1 else clauses


def _distributed(part: Disjunct) -> int:
    """How many clauses say what a part says, equal and true ones not left out: conjunctions add, disjunctions
    multiply.
    """
    if part.variables or not isinstance(part.body, Clause):
        return 1
    if part.positive:
        return prod(map(_distributed, part.body.parts))
    return sum(_distributed(negate(replace(inner, variables=()))) for inner in part.body.parts)


def _is_conjunction(part: Disjunct) -> bool:
    return not part.positive and isinstance(part.body, Clause) and not part.variables


def _unused(name: str, taken: frozenset[str]) -> str:
    while name in taken:
        name += PRIME
    return name


def renamed(part: Disjunct, names: Mapping[str, str]) -> Disjunct:
    """The part with other names for its free variables."""
    inner = {old: new for old, new in names.items() if old not in part.variables and old != new}
    if not inner:
        return part
    body: logic.Atom | logic.Equal | logic.Compare | Clause
    match part.body:
        case Clause(parts):
            body = Clause(tuple(renamed(one, inner) for one in parts))
        case logic.Atom(predicate, arguments):
            body = logic.Atom(predicate, tuple(_rename(term, inner) for term in arguments))
        case logic.Equal(left, right):
            body = logic.Equal(_rename(left, inner), _rename(right, inner))
        case logic.Compare(operator, low, high):
            body = logic.Compare(operator, _rename_in(low, inner), _rename_in(high, inner))
    return Disjunct(part.positive, body, part.variables)


def _rename(term: logic.Term, names: Mapping[str, str]) -> logic.Term:
    return logic.Variable(names.get(term.name, term.name)) if isinstance(term, logic.Variable) else term


def _rename_in(value: logic.Value, names: Mapping[str, str]) -> logic.Value:
    if isinstance(value, logic.Arithmetic):
        return logic.Arithmetic(value.operator, _rename_in(value.left, names), _rename_in(value.right, names))
    return _rename(value, names)


def _equality(formula: logic.Equal) -> Disjunct:
    if formula.left == formula.right:
        return TRUE
    return Disjunct(True, formula) if logic.variables(formula) else FALSE
