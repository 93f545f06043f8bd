"""The variables of formulas, and the table of formulas that have weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle_mln import logic
from imle_mln.printing import formula_text


def free_variables(formula: logic.Formula) -> tuple[str, ...]:
    """The variables no quantifier binds, in order of appearance."""
    bound = formula.variables if isinstance(formula, logic.ForAll | logic.Exists) else ()
    own = list(logic.variables(formula))
    below = [name for child in logic.children(formula) for name in free_variables(child) if name not in bound]
    return tuple(dict.fromkeys(own + below))


def rule_variables(rule: logic.Rule) -> tuple[str, ...]:
    """The variables of a rule that no quantifier binds: those of its formula, and others of its definitions."""
    defined = [name for one in rule.where for name in logic.variables(one)]
    return tuple(dict.fromkeys([*free_variables(rule.formula), *defined]))


def predicates_of(formula: logic.Formula) -> tuple[str, ...]:
    """The predicates of a formula, in order of appearance."""
    own = (formula.predicate,) if isinstance(formula, logic.Atom) else ()
    return tuple(dict.fromkeys([*own, *(name for child in logic.children(formula) for name in predicates_of(child))]))


def variable_types(rule: logic.Rule, predicates: Mapping[str, logic.Predicate]) -> dict[str, str]:
    """The type of every variable of a rule: what the rule says, completed by where its variables stand.

    Raises:
        InstanceError: for an unknown predicate, a wrong number of arguments, a clash of types, an untyped variable.
    """
    found = dict(rule.types)
    seen: dict[str, None] = {}
    stack = [rule.formula, *rule.where]
    while stack:
        node = stack.pop()
        seen.update(dict.fromkeys(logic.variables(node)))
        if isinstance(node, logic.ForAll | logic.Exists):
            seen.update(dict.fromkeys(node.variables))
        if isinstance(node, logic.Atom):
            predicate = predicates.get(node.predicate)
            if predicate is None or len(predicate.types) != len(node.arguments):
                expected = "a declared predicate" if predicate is None else f"{len(predicate.types)} arguments"
                raise InstanceError(f"line {rule.line}: expected {expected}, found {formula_text(node)}")
            for name, term in zip(predicate.types, node.arguments, strict=True):
                if isinstance(term, logic.Variable) and found.setdefault(term.name, name) != name:
                    raise InstanceError(
                        f"line {rule.line}: {term.name} is of type {found[term.name]}, but "
                        f"{formula_text(node)} needs {name}"
                    )
        stack.extend(logic.children(node))
    _type_equalities(rule.formula, found)
    for name in seen:
        if name not in found:
            raise InstanceError(
                f"line {rule.line}: nothing says which type {name} has in {formula_text(rule.formula)}",
                hint="use it as an argument of a predicate",
            )
    return found


def _type_equalities(formula: logic.Formula, found: dict[str, str]) -> None:
    """Give a variable that only equalities mention the type of the other side."""
    if isinstance(formula, logic.Equal):
        match formula.left, formula.right:
            case logic.Variable(left), logic.Variable(right) if left in found or right in found:
                found.setdefault(left, found.get(right, ""))
                found.setdefault(right, found[left])
    for child in logic.children(formula):
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

    soft: tuple[logic.Rule, ...]
    starts: NDArray[np.int64]
    constants: tuple[tuple[tuple[str, ...], ...], ...]
    hard: tuple[logic.Rule, ...]

    def __len__(self) -> int:
        return int(self.starts[-1])

    @cached_property
    def names(self) -> tuple[str, ...]:
        """`[F]` the formulas as text, such as "Cites(p,q) ^ Topic(p,Logic) => Topic(q,Logic)"."""
        return tuple(
            formula_text(rule.formula, values=dict(zip(rule.plus, chosen, strict=True)), where=rule.where)
            for rule, domains in zip(self.soft, self.constants, strict=True)
            for chosen in product(*domains)
        )

    @cached_property
    def hard_names(self) -> tuple[str, ...]:
        """All hard rules as text."""
        return tuple(formula_text(rule.formula, where=rule.where) for rule in self.hard)

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """The weights in the file, `[F]`."""
        found = np.repeat(np.array([rule.weight or 0.0 for rule in self.soft], np.float64), np.diff(self.starts))
        for rule, start, domains in zip(self.soft, self.starts.tolist(), self.constants, strict=False):
            if rule.weight_variable is not None:
                at = rule.plus.index(rule.weight_variable)
                factors = [float(chosen[at]) for chosen in product(*domains)]
                found[start : start + len(factors)] *= factors
        return found

    @cached_property
    def fixed(self) -> NDArray[np.bool_]:
        """Which weights are part of the evidence and so not to be learned, `[F]`."""
        return np.repeat(np.array([rule.weight_variable is not None for rule in self.soft], bool), np.diff(self.starts))

    @cached_property
    def lines(self) -> NDArray[np.int64]:
        """Where each formula stands in the file, `[F]`."""
        return np.repeat(np.array([rule.line for rule in self.soft], np.int64), np.diff(self.starts))
