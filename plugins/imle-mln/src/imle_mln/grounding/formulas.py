"""The variables of formulas, and the table of formulas that have weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle_mln.logic import (
    And,
    Atom,
    Equal,
    Exists,
    ForAll,
    Formula,
    Iff,
    Implies,
    Not,
    Or,
    Predicate,
    Rule,
    Term,
    Variable,
)
from imle_mln.printing import formula_text


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


def free_variables(formula: Formula) -> tuple[str, ...]:
    """The variables no quantifier binds, in order of appearance."""
    bound = formula.variables if isinstance(formula, ForAll | Exists) else ()
    own = [term.name for term in terms(formula) if isinstance(term, Variable)]
    below = [name for child in children(formula) for name in free_variables(child) if name not in bound]
    return tuple(dict.fromkeys(own + below))


def predicates_of(formula: Formula) -> tuple[str, ...]:
    """The predicates of a formula, in order of appearance."""
    own = (formula.predicate,) if isinstance(formula, Atom) else ()
    return tuple(dict.fromkeys([*own, *(name for child in children(formula) for name in predicates_of(child))]))


def variable_types(rule: Rule, predicates: Mapping[str, Predicate]) -> dict[str, str]:
    """The type of every variable of a rule: what the rule says, completed by where its variables stand.

    Raises:
        InstanceError: for an unknown predicate, a wrong number of arguments, a clash of types, an untyped variable.
    """
    found = dict(rule.types)
    seen: dict[str, None] = {}
    stack = [rule.formula]
    while stack:
        node = stack.pop()
        seen.update(dict.fromkeys(term.name for term in terms(node) if isinstance(term, Variable)))
        if isinstance(node, ForAll | Exists):
            seen.update(dict.fromkeys(node.variables))
        if isinstance(node, Atom):
            predicate = predicates.get(node.predicate)
            if predicate is None or len(predicate.types) != len(node.arguments):
                expected = "a declared predicate" if predicate is None else f"{len(predicate.types)} arguments"
                raise InstanceError(f"line {rule.line}: expected {expected}, found {formula_text(node)}")
            for name, term in zip(predicate.types, node.arguments, strict=True):
                if isinstance(term, Variable) and found.setdefault(term.name, name) != name:
                    raise InstanceError(
                        f"line {rule.line}: {term.name} is of type {found[term.name]}, but "
                        f"{formula_text(node)} needs {name}"
                    )
        stack.extend(children(node))
    _type_equalities(rule.formula, found)
    for name in seen:
        if name not in found:
            raise InstanceError(
                f"line {rule.line}: nothing says which type {name} has in {formula_text(rule.formula)}",
                hint="use it as an argument of a predicate",
            )
    return found


def _type_equalities(formula: Formula, found: dict[str, str]) -> None:
    """Give a variable that only equalities mention the type of the other side."""
    if isinstance(formula, Equal):
        match formula.left, formula.right:
            case Variable(left), Variable(right) if left in found or right in found:
                found.setdefault(left, found.get(right, ""))
                found.setdefault(right, found[left])
    for child in children(formula):
        _type_equalities(child, found)


@dataclass(frozen=True, eq=False)
class FormulaTable:
    """The formulas of a program after the expansion of `+`.

    Attributes:
        soft: the rules that have weights, in file order.
        starts: `[len(soft) + 1]` rule k became formulas `starts[k]` to `starts[k + 1]`, one for each combination of the
            constants of its `+` variables, the last variable fastest.
        constants: for each soft rule the constants of each of its `+` variables.
        hard: the rules that must hold, in file order.
    """

    soft: tuple[Rule, ...]
    starts: NDArray[np.int64]
    constants: tuple[tuple[tuple[str, ...], ...], ...]
    hard: tuple[Rule, ...]

    def __len__(self) -> int:
        return int(self.starts[-1])

    def name(self, formula: int) -> str:
        """Formula number `formula` as text, such as "Cites(p,q) ^ Topic(p,Logic) => Topic(q,Logic)"."""
        at = self._at(formula)
        constants = self.constants[at]
        codes = np.unravel_index(formula - int(self.starts[at]), [len(domain) for domain in constants] or [1])
        values = {
            variable: domain[int(code)]
            for variable, domain, code in zip(self.soft[at].plus, constants, codes, strict=False)
        }
        return formula_text(self.soft[at].formula, values=values)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All formulas as text, `[F]`."""
        return tuple(self.name(formula) for formula in range(len(self)))

    @cached_property
    def hard_names(self) -> tuple[str, ...]:
        """All hard rules as text."""
        return tuple(formula_text(rule.formula) for rule in self.hard)

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """The weights in the file, `[F]`."""
        return np.repeat(np.array([rule.weight or 0.0 for rule in self.soft], np.float64), np.diff(self.starts))

    @cached_property
    def lines(self) -> NDArray[np.int64]:
        """Where each formula stands in the file, `[F]`."""
        return np.repeat(np.array([rule.line for rule in self.soft], np.int64), np.diff(self.starts))

    def _at(self, formula: int) -> int:
        if not 0 <= formula < len(self):
            raise IndexError(f"formula {formula} of {len(self)}")
        return int(np.searchsorted(self.starts, formula, side="right")) - 1
