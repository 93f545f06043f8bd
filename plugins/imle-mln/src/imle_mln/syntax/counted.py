"""Cardinalities: `|x| P(x, y) <= k`, for each y at most k true atoms, as hard formulas."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, count
from typing import cast

from lark import Token, Tree

from imle_mln import logic
from imle_mln.source import Source
from imle_mln.syntax.declarations import Declarations
from imle_mln.syntax.rules import RuleReader
from imle_mln.syntax.trees import Node, misplaced, nodes, token_of, tokens_in, trees_in, wrong

# The most copies of the formula: as many as are counted, plus one.
_COPIES = 12
_HINT = "written |x| P(x, y) <= 2: for each y, at most two x with P(x, y); or =, >=, <, >"


def cardinality_rules(statement: Node, source: Source, declared: Declarations) -> Iterator[logic.Rule]:
    """The hard rules that a cardinality stands for: k + 1 different values of what is counted are not all true; k are.

    RockIt's reading of clauses is kept: negated literals of closed predicates are conditions, the others are counted.
    """
    tree, operator, bound = _parted(statement, source)
    number = int(bound)
    head = statement.children[0]
    assert isinstance(head, Token)
    names = _names(head)
    for star in (both.children[0] for both in tree.find_data("both")):
        problem = "expected a literal of one sign in a count, found one of both"
        raise wrong(source, cast(Token, star), problem, expected="an atom")
    # What is counted is bound as by a quantifier.
    inner = _conditioned(tree, declared)
    children: list[Token | Node] = [head, *names, inner]
    whole: list[Token | Node] = [Tree("exists", children, statement.meta)]
    counted = RuleReader(Tree("rule", whole, statement.meta), source, declared, {})
    terms = counted.terms
    own = terms.quantified(names)
    variables, definitions, formula = counted.scoped(inner, {}, own)
    terms.check()
    for token in terms.plus.values():
        problem = f"'+{token}' asks for one weight per constant, but a count has no weight"
        raise wrong(source, token, problem, hint="drop the '+'")
    made_up = variables[len(own) :]
    if definitions:
        formula = logic.Exists(made_up, logic.And((*definitions, formula)))
    formula, where = terms.completed(formula)
    least = {"<": 0, "<=": 0, "=": number, ">=": number, ">": number + 1}[operator]
    most = {"<": number - 1, "<=": number, "=": number, ">=": None, ">": None}[operator]
    if (most is not None and most < 0) or max(least, (most or 0) + 1) > _COPIES:
        limits = f"a number up to {_COPIES - 1} that can hold"
        raise misplaced(source, bound, limits, hint="more is possible with the formula written out")
    copies = _Copies(formula, tuple(own.values()), terms.types)
    if most is not None:
        parts = copies.of(most + 1)
        differ = copies.same(most + 1)
        body: logic.Formula = logic.Or((*map(logic.Not, parts), *differ)) if most else logic.Not(parts[0])
        yield logic.Rule(body, None, types=copies.types(body, *where), line=statement.meta.line, where=where)
    if least:
        parts = copies.of(least)
        differ = tuple(map(logic.Not, copies.same(least)))
        body = logic.And((*parts, *differ)) if least > 1 else parts[0]
        body = logic.Exists(copies.variables(least), body)
        yield logic.Rule(body, None, types=copies.types(body, *where), line=statement.meta.line, where=where)


def _parted(statement: Node, source: Source) -> tuple[Node, str, Token]:
    """The formula, and what its count is compared with."""
    tree, *bound = trees_in(statement)
    if bound:
        *operators, token = tokens_in(bound[0])
        operator = str(operators[0]) if operators else "="
    else:
        # `A(x) v B(x) <= 1` was read as if B(x) were a function's value.
        path = [tree]
        while path[-1].data in ("not", "and", "or", "implies", "iff", "forall", "exists"):
            path.append(nodes(path[-1])[-1])
        last = path[-1]
        sides = trees_in(last)
        if last.data not in ("compare", "equal") or sides[0].data != "call" or sides[1].data != "term":
            end = statement.meta.end_pos
            raise source.error("expected a number that bounds the count", end, expected="a bound", hint=_HINT)
        operator = next(map(str, tokens_in(last)), "=")
        token = token_of(sides[1])
        if len(path) == 1:
            tree = sides[0]
        else:
            path[-2].children[-1] = sides[0]
    if token.type != "NUMBER" or not token.isdigit():
        raise misplaced(source, token, "a whole number", hint=_HINT)
    return tree, operator, token


def _names(head: Token) -> list[Token]:
    """The variables between the bars, each where it stands."""
    return [
        Token("NAME", found[0], start_pos=(head.start_pos or 0) + found.start(), line=head.line)
        for found in re.finditer(r"[^\W\d]\w*'*", head)
    ]


def _conditioned(tree: Node, declared: Declarations) -> Node:
    """A clause with RockIt's conditions, as the conjunction of these and the disjunction of the others."""
    if tree.data != "or":
        return tree

    def condition(part: Node) -> bool:
        if part.data != "not" or nodes(part)[0].data != "call":
            return False
        predicate = declared.predicates.get(token_of(nodes(part)[0].children[0]))
        return predicate is not None and predicate.closed

    conditions = [nodes(part)[0] for part in nodes(tree) if condition(part)]
    others = [part for part in nodes(tree) if not condition(part)]
    if not conditions or not others:
        return tree
    several: list[Token | Node] = [*others]
    both: list[Token | Node] = [*conditions, others[0] if len(others) == 1 else Tree("or", several, tree.meta)]
    return Tree("and", both, tree.meta)


class _Copies:
    """Copies of a formula, each with names of its own for the variables that are counted and for quantified ones."""

    def __init__(self, formula: logic.Formula, counted: Sequence[str], types: Mapping[str, str]) -> None:
        self._formula = formula
        self._counted = counted
        self._types = dict(types)
        own = (*counted, *_bound(formula))
        self._names: list[dict[str, str]] = [{name: name for name in own}]
        for copy in range(2, _COPIES + 1):
            names: dict[str, str] = {}
            for name in own:
                new = next(new for k in count(copy) if (new := f"{name}_{k}") not in self._types)
                self._types[new] = self._types[name]
                names[name] = new
            self._names.append(names)

    def of(self, number: int) -> tuple[logic.Formula, ...]:
        """So many copies."""
        return tuple(
            logic.substituted(self._formula, {old: logic.Variable(new) for old, new in names.items()})
            for names in self._names[:number]
        )

    def same(self, number: int) -> tuple[logic.Formula, ...]:
        """For each two of so many copies: that they are about the same."""
        found: list[logic.Formula] = []
        for one, other in combinations(self._names[:number], 2):
            equal = tuple(logic.Equal(logic.Variable(one[n]), logic.Variable(other[n])) for n in self._counted)
            found.append(equal[0] if len(equal) == 1 else logic.And(equal))
        return tuple(found)

    def variables(self, number: int) -> tuple[str, ...]:
        """Those that are counted, in so many copies."""
        return tuple(names[name] for names in self._names[:number] for name in self._counted)

    def types(self, *formulas: logic.Formula) -> dict[str, str]:
        """The types of the variables of formulas."""
        used = {name for formula in formulas for name in logic.all_variables(formula)}
        return {name: kind for name, kind in self._types.items() if name in used}


def _bound(formula: logic.Formula) -> tuple[str, ...]:
    own = formula.variables if isinstance(formula, logic.ForAll | logic.Exists) else ()
    return (*own, *(name for child in logic.children(formula) for name in _bound(child)))
