"""First-order formulas and the programs made of them: what the parser returns and the grounding reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Variable:
    """A logical variable, written in lower case."""

    name: str


@dataclass(frozen=True)
class Constant:
    """A constant: capitalised, quoted or a number. `name` has no quotes."""

    name: str


Term = Variable | Constant


@dataclass(frozen=True)
class Atom:
    """A predicate and its arguments."""

    predicate: str
    arguments: tuple[Term, ...]


@dataclass(frozen=True)
class Equal:
    """Two terms are the same constant."""

    left: Term
    right: Term


@dataclass(frozen=True)
class Not:
    body: Formula


@dataclass(frozen=True)
class And:
    parts: tuple[Formula, ...]


@dataclass(frozen=True)
class Or:
    parts: tuple[Formula, ...]


@dataclass(frozen=True)
class Implies:
    premise: Formula
    conclusion: Formula


@dataclass(frozen=True)
class Iff:
    left: Formula
    right: Formula


@dataclass(frozen=True)
class ForAll:
    variables: tuple[str, ...]
    body: Formula


@dataclass(frozen=True)
class Exists:
    variables: tuple[str, ...]
    body: Formula


Formula = Atom | Equal | Not | And | Or | Implies | Iff | ForAll | Exists


def children(formula: Formula) -> tuple[Formula, ...]:
    """The formulas a formula is directly made of."""
    match formula:
        case Not(body) | ForAll(_, body) | Exists(_, body):
            return (body,)
        case And(parts) | Or(parts):
            return tuple(parts)
        case Implies(left, right) | Iff(left, right):
            return (left, right)
    return ()


def terms(formula: Formula) -> tuple[Term, ...]:
    """The terms of an atom or an equality, none for other formulas."""
    match formula:
        case Atom(_, arguments):
            return arguments
        case Equal(left, right):
            return (left, right)
    return ()


def variables(formula: Formula) -> tuple[str, ...]:
    """The names of the variables among its terms."""
    return tuple(term.name for term in terms(formula) if isinstance(term, Variable))


@dataclass(frozen=True)
class Predicate:
    """A declared predicate.

    Attributes:
        name: as written.
        types: of the arguments.
        closed: written with `*`: atoms absent from the evidence are false.
        unique: positions of arguments written with `!`: for each choice of the other arguments, exactly one choice of
            these makes a true atom.
    """

    name: str
    types: tuple[str, ...]
    closed: bool = False
    unique: tuple[int, ...] = ()


@dataclass(frozen=True)
class Rule:
    """A formula with its weight.

    Attributes:
        formula: free variables are universally quantified; the whole is one Boolean feature per grounding.
        weight: None if the formula is hard.
        plus: free variables written with `+`: one weight for each choice of their constants.
        types: of all variables, quantified ones too (names are unique within a rule after parsing).
        line: where it stands in the program, from 1. Not compared: equal rules may stand in different lines.
    """

    formula: Formula
    weight: float | None
    plus: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Program:
    """A Markov Logic Network.

    Attributes:
        domains: constants of each type that has a declared domain, which is then closed. Other types take the constants
            that formulas and evidence mention.
        predicates: by name.
        rules: in file order.
    """

    domains: Mapping[str, tuple[str, ...]]
    predicates: Mapping[str, Predicate]
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Database:
    """Evidence: for each predicate its ground literals, as written.

    Attributes:
        atoms: constants of each atom, one tuple per row.
        truth: one value per row: 1 true, 0 false, -1 asked for (`?`): open even if the predicate is closed.
    """

    atoms: Mapping[str, tuple[tuple[str, ...], ...]]
    truth: Mapping[str, tuple[int, ...]]
