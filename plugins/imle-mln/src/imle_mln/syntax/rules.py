"""One rule of a program: its formula, checked, with the types of its variables."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import cast

from lark import Token, Tree

from imle_mln import logic
from imle_mln.source import Source
from imle_mln.syntax.declarations import Declarations
from imle_mln.syntax.terms import QuantifierScope, TermReader
from imle_mln.syntax.trees import (
    LARGEST,
    SMALLER,
    Node,
    first_token,
    is_constant,
    misplaced,
    nodes,
    token_of,
    tokens_in,
    too_large,
    trees_in,
    wrong,
)
from imle_mln.syntax.weights import weight_of

# How deep formulas nest, at most.
DEEPEST = 100
# How many literals of a rule stand for both signs (`*A(x)`), at most: each doubles the rule.
_BOTH = 10
_OPERATIONS: Mapping[str, Callable[..., logic.Formula]] = {
    "not": logic.Not,
    "implies": logic.Implies,
    "iff": logic.Iff,
    "if": lambda conclusion, premise: logic.Implies(premise, conclusion),
}


def rules_of(statement: Node, source: Source, declared: Declarations, *, unweighted: bool) -> Iterator[logic.Rule]:
    """The rules that a statement stands for, checked: one, or if it has literals of both signs, one for each choice.

    Args:
        statement: its tree.
        source: the text it is from.
        declared: domains and predicates.
        unweighted: whether it may have no weight.
    """
    stars = [cast(Token, node.children[0]) for node in statement.find_data("both")]
    stars.sort(key=lambda token: token.start_pos or 0)
    if len(stars) > _BOTH:
        raise wrong(source, stars[_BOTH], f"expected at most {_BOTH} literals of both signs, found {len(stars)}")
    for signs in product((True, False), repeat=len(stars)):
        chosen = {star.start_pos or 0: sign for star, sign in zip(stars, signs, strict=True)}
        yield RuleReader(statement, source, declared, chosen).read(unweighted=unweighted)


class RuleReader:
    """Reads one rule: builds its formula and learns its variables on the way.

    Args:
        statement: its tree.
        source: the text it is from.
        declared: domains and predicates.
        signs: of literals that stand for both, by the place of their star.
    """

    def __init__(self, statement: Node, source: Source, declared: Declarations, signs: Mapping[int, bool]) -> None:
        self._statement = statement
        self._source = source
        self._declared = declared
        self._signs = signs
        (self.body,) = trees_in(statement)
        self._check_size()
        written = {str(token) for token in self.body.scan_values(lambda token: cast(Token, token).type == "NAME")}
        self.terms = TermReader(source, declared, {str(name) for name in _free(self.body, frozenset())}, written)

    def read(self, *, unweighted: bool) -> logic.Rule:
        """The rule, checked."""
        prior = self._prior()
        if prior is not None:
            return prior
        factor = self._factor()
        weight = 1.0 if factor is not None else self._weight(unweighted=unweighted)
        formula = self.formula(self.body, {})
        self.terms.check()
        if factor is not None:
            if self.terms.types.get(factor) is None:
                hint = "such as *Score(thing, float_) and score: Score(x, score) => A(x)"
                problem = f"expected a variable of the formula before the ':', found {str(factor)!r}"
                raise wrong(self._source, factor, problem, expected="a variable of the formula", hint=hint)
            self.terms.plus.setdefault(str(factor), factor)
        formula, where = self.terms.completed(formula)
        if weight == -math.inf:
            formula = logic.Not(formula)
        hard = weight is not None and math.isinf(weight)
        if hard and self.terms.plus:
            name, token = next(iter(self.terms.plus.items()))
            hint = "drop the '+', or give a weight instead of the '.'"
            problem = f"'+{name}' asks for one weight per constant, but a hard formula has no weight"
            raise wrong(self._source, token, problem, hint=hint)
        return logic.Rule(
            formula,
            None if hard else weight or 0.0,
            tuple(self.terms.plus),
            self.terms.types,
            self._statement.meta.line,
            where,
            None if factor is None else str(factor),
            unweighted=weight is None,
        )

    def _weight(self, *, unweighted: bool) -> float | None:
        """The weight; infinite if the rule is hard, None if it has none."""
        given = {child.type: child for child in tokens_in(self._statement)}
        if not given:
            if unweighted:
                return None
            start = self._statement.meta.start_pos
            found = self._source.text[start : self._statement.meta.end_pos]
            hint = (
                "put a number in front, or a '.' at the end if it must hold, or learn it: imle mln learn; declarations "
                "have lower-case types"
            )
            raise self._source.error("weight missing", start, found=found, expected="a weight or a '.'", hint=hint)
        if "PERIOD" in given and "WEIGHT" in given:
            problem = "expected a weight or a '.', found both"
            raise wrong(self._source, given["PERIOD"], problem, expected="the end of the line", hint="'.' means hard")
        if "PERIOD" in given:
            return math.inf
        token = given["WEIGHT"]
        try:
            weight = weight_of(token)
        except (ArithmeticError, ValueError) as error:
            logx = "logx(0) is -100" if "log" in token else None
            raise wrong(
                self._source, token, f"expected a weight, found {str(token)!r}: {error}", expected="a weight", hint=logx
            ) from None
        if math.isnan(weight) or (math.isinf(weight) and "inf" not in token.lower()):
            hint = "a formula that must hold has no weight and ends in '.'"
            raise misplaced(self._source, token, "a finite weight", hint=hint)
        return weight

    def _factor(self) -> Token | None:
        """The variable in front of a ':', whose constants are the weights."""
        first = self._statement.children[0]
        if not isinstance(first, Token) or first.type != "NAME":
            return None
        last = self._statement.children[-1]
        if isinstance(last, Token) and last.type == "PERIOD":
            hint = "'.' means hard"
            raise wrong(self._source, last, "expected a weight or a '.', found both", expected="no '.'", hint=hint)
        return first

    def _prior(self) -> logic.Rule | None:
        """The rule that `P(atom) = 0.4` stands for: the atom, with the log-odds as its weight."""
        if self.body.data != "equal" or "P" in self._declared.predicates:
            return None
        call, number = nodes(self.body)
        inner = call.children[-1] if call.data == "call" and call.children[0] == "P" else None
        if not isinstance(inner, Tree) or inner.data != "call":
            return None
        for extra in tokens_in(self._statement):
            raise wrong(self._source, extra, f"expected nothing but P(atom) = probability, found {str(extra)!r}")
        token = first_token(number)
        if number.data != "term" or token.type != "NUMBER" or not 0 < float(token) < 1:
            hint = "a formula that must hold is written without P(...) and ends in '.'"
            raise misplaced(self._source, token, "a probability between 0 and 1", hint=hint)
        formula = self.formula(inner, {})
        self.terms.check()
        formula, where = self.terms.completed(formula)
        weight = math.log(float(token)) - math.log1p(-float(token))
        line = self._statement.meta.line
        return logic.Rule(formula, weight, tuple(self.terms.plus), self.terms.types, line, where)

    def _check_size(self) -> None:
        """Formulas are read and grounded by recursion, and both sides of `<=>` are grounded twice."""
        stack = [(self.body, 1, 1)]
        parts = 0
        while stack:
            tree, depth, copies = stack.pop()
            parts += copies
            if depth > DEEPEST or parts > LARGEST:
                start, found = tree.meta.start_pos, self._source.text[tree.meta.start_pos : tree.meta.end_pos]
                if parts > LARGEST:
                    raise too_large(self._source, start, found)
                expected = f"a formula nested at most {DEEPEST} deep"
                raise self._source.error(f"expected {expected}", start, found=found, expected=expected, hint=SMALLER)
            copies *= 2 if tree.data == "iff" else 1
            stack.extend((child, depth + 1, copies) for child in trees_in(tree))

    def formula(self, tree: Node, names: Mapping[str, str]) -> logic.Formula:
        """Builds a formula; `names` maps the variables quantified around it to their unique names."""
        match tree.data:
            case "call":
                return self.terms.atom(tree, names)
            case "both":
                star, atom = tree.children
                found = self.terms.atom(cast(Node, atom), names)
                return found if self._signs[cast(Token, star).start_pos or 0] else logic.Not(found)
            case "equal":
                return self.terms.equal(tree, names)
            case "unequal":
                return logic.Not(self.terms.equal(tree, names))
            case "compare":
                return self.terms.compare(tree, names)
            case "forall" | "exists":
                return self._quantifier(tree, names)
        parts = tuple(self.formula(child, names) for child in nodes(tree))
        if tree.data in ("and", "or"):
            return (logic.And if tree.data == "and" else logic.Or)(parts)
        return _OPERATIONS[tree.data](*parts)

    def _quantifier(self, tree: Node, names: Mapping[str, str]) -> logic.Formula:
        own = self.terms.quantified([token_of(child) for child in tree.children[1:-1]])
        variables, definitions, body = self.scoped(nodes(tree)[-1], names, own)
        if tree.data == "exists":
            return logic.Exists(variables, logic.And((*definitions, body)) if definitions else body)
        if definitions:
            body = logic.Implies(logic.And(definitions) if len(definitions) > 1 else definitions[0], body)
        return logic.ForAll(variables, body)

    def scoped(
        self, body: Node, names: Mapping[str, str], own: Mapping[str, str]
    ) -> tuple[tuple[str, ...], tuple[logic.Formula, ...], logic.Formula]:
        """What a quantifier over the variables `own` binds, what defines some of these, and its body."""
        scope = QuantifierScope(set(own.values()))
        self.terms.scopes.append(scope)
        formula = self.formula(body, {**names, **own})
        self.terms.scopes.pop()
        return (*own.values(), *scope.made_up.values()), tuple(scope.definitions.values()), formula


def _free(tree: Node, bound: frozenset[str]) -> Iterator[str]:
    """Names of the variables that no quantifier binds."""
    if tree.data in ("forall", "exists"):
        tokens: Sequence[Token] = [token_of(child) for child in tree.children[1:-1]]
        yield from _free(nodes(tree)[-1], bound.union(tokens))
        return
    for child in tree.children:
        if isinstance(child, Tree):
            yield from _free(child, bound)
        elif child.type == "NAME" and not is_constant(child) and child not in bound:
            yield str(child)
