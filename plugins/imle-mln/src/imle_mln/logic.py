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
class Arithmetic:
    """A number computed from two others; `operator` is one of + - * / %."""

    operator: str
    left: Value
    right: Value


Value = Term | Arithmetic


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
class Compare:
    """Two numbers compared by value; `operator` is one of = < <= > >=."""

    operator: str
    left: Value
    right: Value


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


Formula = Atom | Equal | Compare | Not | And | Or | Implies | Iff | ForAll | Exists


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
    """The terms of an atom, an equality or a comparison, none for other formulas."""
    match formula:
        case Atom(_, arguments):
            return arguments
        case Equal(left, right):
            return (left, right)
        case Compare(_, left, right):
            return (*_leaves(left), *_leaves(right))
    return ()


def _leaves(value: Value) -> tuple[Term, ...]:
    return (*_leaves(value.left), *_leaves(value.right)) if isinstance(value, Arithmetic) else (value,)


def variables(formula: Formula) -> tuple[str, ...]:
    """The names of the variables among its terms."""
    return tuple(term.name for term in terms(formula) if isinstance(term, Variable))


def all_variables(formula: Formula) -> frozenset[str]:
    """The names of all variables, quantified ones too."""
    own = formula.variables if isinstance(formula, ForAll | Exists) else variables(formula)
    return frozenset(own).union(*map(all_variables, children(formula)))


def substituted(formula: Formula, values: Mapping[str, Term]) -> Formula:
    """The formula with other terms for variables: other variables, or for free ones constants.

    Names are unique within a rule, so that quantified variables are replaced where they are bound, too.
    """

    def of(value: Value) -> Value:
        if isinstance(value, Arithmetic):
            return Arithmetic(value.operator, of(value.left), of(value.right))
        return term(value)

    def term(one: Term) -> Term:
        return values.get(one.name, one) if isinstance(one, Variable) else one

    match formula:
        case Atom(predicate, arguments):
            return Atom(predicate, tuple(map(term, arguments)))
        case Equal(left, right):
            return Equal(term(left), term(right))
        case Compare(operator, low, high):
            return Compare(operator, of(low), of(high))
        case Not(body):
            return Not(substituted(body, values))
        case ForAll(bound, body) | Exists(bound, body):
            return type(formula)(tuple(term(Variable(name)).name for name in bound), substituted(body, values))
        case And(parts) | Or(parts):
            return type(formula)(tuple(substituted(part, values) for part in parts))
        case Implies(one, other) | Iff(one, other):
            return type(formula)(substituted(one, values), substituted(other, values))


@dataclass(frozen=True)
class Predicate:
    """A declared predicate.

    Attributes:
        name: as written.
        types: of the arguments.
        closed: written with `*`: atoms absent from the evidence are false.
        unique: positions of arguments written with `!`: for each choice of the other arguments, exactly one choice of
            these makes a true atom.
        optional: positions of arguments written with `?`: as with `!`, but at most one.
        function: declared as a function: closed, and the last argument is its value, at most one for the others.
        line: where it is declared, from 1. Not compared.
    """

    name: str
    types: tuple[str, ...]
    closed: bool = False
    unique: tuple[int, ...] = ()
    optional: tuple[int, ...] = ()
    function: bool = False
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Rule:
    """A formula with its weight.

    Attributes:
        formula: free variables are universally quantified; the whole is one Boolean feature per grounding.
        weight: None if the formula is hard.
        plus: free variables written with `+`: one weight for each choice of their constants.
        types: of all variables, quantified ones too (names are unique within a rule after parsing).
        line: where it stands in the program, from 1. Not compared: equal rules may stand in different lines.
        where: what defines variables that stand for terms such as `meet(x, y)` or `t + 1`: comparisons, and atoms of
            functions. Bindings for which one of them does not hold are no groundings of the rule.
        weight_variable: one of `plus`, whose constants are the weights (RockIt's `conf: ...`); they are multiplied by
            `weight`. Where evidence does not hold the closed atoms that the clause denies of it, there is no grounding.
        unweighted: written without a weight, to be learned; `weight` is 0.
    """

    formula: Formula
    weight: float | None
    plus: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    line: int = field(default=0, compare=False)
    where: tuple[Formula, ...] = ()
    weight_variable: str | None = None
    unweighted: bool = False


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
        probability: for predicates with soft evidence (`0.7 A(X)`) one value per row: the probability of an atom that
            is asked for, or None.
        domains: constants of types that the evidence lists (`person = {Ann, Ben}`).
    """

    atoms: Mapping[str, tuple[tuple[str, ...], ...]]
    truth: Mapping[str, tuple[int, ...]]
    probability: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    domains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
