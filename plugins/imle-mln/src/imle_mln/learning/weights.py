"""A program with other weights."""

from __future__ import annotations

from collections.abc import Iterator
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
        weight, values = next(weights), dict(zip(rule.plus, map(logic.Constant, chosen), strict=True))
        types = {name: kind for name, kind in rule.types.items() if name not in values}
        where = tuple(logic.substituted(one, values) for one in rule.where)
        formula = logic.substituted(rule.formula, values)
        if rule.weight_variable is None:
            yield replace(rule, formula=formula, weight=weight, plus=(), types=types, where=where)
    if rule.weight_variable is not None:
        yield rule
