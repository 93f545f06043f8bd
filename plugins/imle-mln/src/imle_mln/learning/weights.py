"""A program with other weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product

from imle_mln import logic
from imle_mln.grounding.formulas import FormulaTable
from imle_mln.network import Floats


def with_weights(program: logic.Program, formulas: FormulaTable, weights: Floats) -> logic.Program:
    """The program whose formulas have these weights; rules with `+` become one for each choice of constants.

    Args:
        program: that was learned.
        formulas: what became of its rules.
        weights: `[F]`.
    """
    left = iter(weights.tolist())
    soft = zip(formulas.soft, formulas.constants, strict=True)
    rules = [rule for one in program.rules for rule in ([one] if one.weight is None else _weighted(*next(soft), left))]
    return replace(program, rules=tuple(rules))


def _weighted(rule: logic.Rule, domains: tuple[tuple[str, ...], ...], weights: Iterator[float]) -> Iterator[logic.Rule]:
    for chosen in product(*domains):
        values = dict(zip(rule.plus, chosen, strict=True))
        types = {name: kind for name, kind in rule.types.items() if name not in values}
        yield replace(rule, formula=_put(rule.formula, values), weight=next(weights), plus=(), types=types)


def _put(formula: logic.Formula, values: Mapping[str, str]) -> logic.Formula:
    """A formula with constants for some of its free variables; names are unique within a rule."""

    def term(one: logic.Term) -> logic.Term:
        return logic.Constant(values[one.name]) if isinstance(one, logic.Variable) and one.name in values else one

    match formula:
        case logic.Atom(predicate, arguments):
            return logic.Atom(predicate, tuple(map(term, arguments)))
        case logic.Equal(left, right):
            return logic.Equal(term(left), term(right))
        case logic.Not(body):
            return logic.Not(_put(body, values))
        case logic.And(parts):
            return logic.And(tuple(_put(part, values) for part in parts))
        case logic.Or(parts):
            return logic.Or(tuple(_put(part, values) for part in parts))
        case logic.Implies(premise, conclusion):
            return logic.Implies(_put(premise, values), _put(conclusion, values))
        case logic.Iff(left, right):
            return logic.Iff(_put(left, values), _put(right, values))
        case logic.ForAll(variables, body):
            return logic.ForAll(variables, _put(body, values))
        case logic.Exists(variables, body):
            return logic.Exists(variables, _put(body, values))
