"""One rule of a program: its formula, checked, with the types of its variables."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import cast

from lark import Token, Tree

from imle_mln import logic
from imle_mln.errors import MLNSyntaxError, did_you_mean
from imle_mln.source import Source
from imle_mln.syntax.declarations import Declarations
from imle_mln.syntax.trees import (
    LARGEST,
    SMALLER,
    Node,
    constant_name,
    is_constant,
    misplaced,
    nodes,
    token_of,
    too_large,
    wrong,
)

# How deep formulas nest, at most.
DEEPEST = 100
_OPERATIONS: Mapping[str, Callable[..., logic.Formula]] = {"not": logic.Not, "implies": logic.Implies, "iff": logic.Iff}


class RuleReader:
    """Reads one rule: builds its formula and learns its variables on the way.

    A quantified variable is renamed if its name is free in the rule or was taken by another quantifier.
    """

    def __init__(self, source: Source, declared: Declarations) -> None:
        self._source = source
        self._declared = declared
        self._types: dict[str, str] = {}
        self._plus: dict[str, Token] = {}
        self._written: set[str] = set()  # names in the rule, no matter of what: made-up names avoid them
        self._taken: set[str] = set()
        self._quantified: dict[str, Token] = {}
        self._equalities: list[tuple[list[Token], logic.Equal]] = []

    def read(self, statement: Node) -> logic.Rule:
        """The rule, checked."""
        body = next(child for child in statement.children if isinstance(child, Tree))
        weight = self._weight(statement)
        self._check_size(body)
        self._written = set(body.scan_values(lambda token: cast(Token, token).type == "NAME"))
        self._taken = set(_free(body, frozenset()))
        formula = self._formula(body, {})
        self._check_equalities()
        self._check_quantified()
        if weight is None and self._plus:
            name, token = next(iter(self._plus.items()))
            hint = "drop the '+', or give a weight instead of the '.'"
            problem = f"'+{name}' asks for one weight per constant, but a hard formula has no weight"
            raise wrong(self._source, token, problem, hint=hint)
        return logic.Rule(formula, weight, tuple(self._plus), self._types, statement.meta.line)

    def _weight(self, statement: Node) -> float | None:
        """The weight, None if the rule is hard."""
        given = {child.type: child for child in statement.children if isinstance(child, Token)}
        if not given:
            start = statement.meta.start_pos
            found = self._source.text[start : statement.meta.end_pos]
            hint = "put a number in front, or a '.' at the end if it must hold; declarations have lower-case types"
            raise self._source.error("weight missing", start, found=found, expected="a weight or a '.'", hint=hint)
        if len(given) == 2:
            problem = "expected a weight or a '.', found both"
            raise wrong(self._source, given["PERIOD"], problem, expected="the end of the line", hint="'.' means hard")
        if "PERIOD" in given:
            return None
        if not math.isfinite(weight := float(given["WEIGHT"])):
            hint = "a formula that must hold has no weight and ends in '.'"
            raise misplaced(self._source, given["WEIGHT"], "a finite weight", hint=hint)
        return weight

    def _check_size(self, body: Node) -> None:
        """Formulas are read and grounded by recursion, and both sides of `<=>` are grounded twice."""
        stack = [(body, 1, 1)]
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
            stack.extend((child, depth + 1, copies) for child in tree.children if isinstance(child, Tree))

    def _formula(self, tree: Node, names: Mapping[str, str]) -> logic.Formula:
        """Builds the formula; `names` maps the variables quantified around it to their unique names."""
        match tree.data:
            case "atom":
                return self._atom(tree, names)
            case "equal":
                return self._equal(tree, names)
            case "unequal":
                return logic.Not(self._equal(tree, names))
            case "forall" | "exists":
                return self._quantifier(tree, names)
        parts = tuple(self._formula(child, names) for child in nodes(tree))
        if tree.data in ("and", "or"):
            return (logic.And if tree.data == "and" else logic.Or)(parts)
        return _OPERATIONS[tree.data](*parts)

    def _quantifier(self, tree: Node, names: Mapping[str, str]) -> logic.Formula:
        tokens = [token_of(child) for child in tree.children[1:-1]]
        own: dict[str, str] = {}
        for token in tokens:
            if is_constant(token):
                raise misplaced(self._source, token, "a variable", hint="variables are lower-case")
            if token in own:
                raise wrong(self._source, token, f"variable {str(token)!r} stands twice after its quantifier")
            own[str(token)] = self._unique(str(token))
            self._quantified[own[token]] = token
        body = self._formula(nodes(tree)[-1], {**names, **own})
        return (logic.ForAll if tree.data == "forall" else logic.Exists)(tuple(own.values()), body)

    def _unique(self, name: str) -> str:
        if name in self._taken:
            name = next(new for k in count(2) if (new := f"{name}_{k}") not in self._taken | self._written)
        self._taken.add(name)
        return name

    def _atom(self, tree: Node, names: Mapping[str, str]) -> logic.Atom:
        name, arguments = token_of(tree.children[0]), nodes(tree)[1:]
        predicate = self._declared.predicates.get(name)
        if predicate is None:
            hint = did_you_mean(name, self._declared.predicates)
            problem = f"unknown predicate {str(name)!r}"
            raise wrong(self._source, name, problem, expected="a declared predicate", hint=hint)
        _check_arity(self._source, name, len(arguments), predicate)
        terms = [self._argument(*pair, names) for pair in zip(arguments, predicate.types, strict=True)]
        return logic.Atom(predicate.name, tuple(terms))

    def _argument(self, node: Node, type_name: str, names: Mapping[str, str]) -> logic.Term:
        token = token_of(node)
        term = _term(token, names)
        if node.data == "unique":
            raise wrong(self._source, token, "'!' marks arguments in declarations only", expected="no '!'")
        if node.data == "plus":
            if isinstance(term, logic.Constant):
                raise misplaced(self._source, token, "a variable after '+'", hint="variables are lower-case")
            if token in names:
                problem = f"'+' on the quantified variable {str(token)!r}"
                raise wrong(self._source, token, problem, expected="a free variable after '+'")
            self._plus.setdefault(term.name, token)
        if isinstance(term, logic.Constant):
            _check_domain(self._source, token, type_name, self._declared.domains)
        elif (before := self._types.setdefault(term.name, type_name)) != type_name:
            self._clash(token, type_name, before)
        return term

    def _clash(self, token: Token, found: str, expected: str) -> None:
        problem = f"type clash: variable {str(token)!r} is a {found} here and a {expected} before"
        raise wrong(self._source, token, problem, expected=f"a variable of type {expected!r}")

    def _equal(self, tree: Node, names: Mapping[str, str]) -> logic.Equal:
        tokens = [token_of(child) for child in tree.children]
        equal = logic.Equal(*(_term(token, names) for token in tokens))
        self._equalities.append((tokens, equal))
        return equal

    def _check_equalities(self) -> None:
        """Equalities give no types; so they can be checked only when all atoms are known."""
        for tokens, equal in self._equalities:
            terms = (equal.left, equal.right)
            for token, term in zip(tokens, terms, strict=True):
                if isinstance(term, logic.Variable) and term.name not in self._types:
                    raise self._unsafe(token, "occurs only in equalities")
            types = [self._types[term.name] for term in terms if isinstance(term, logic.Variable)]
            if len(set(types)) == 2:
                problem = f"type clash: {str(tokens[0])!r} is a {types[0]}, {str(tokens[1])!r} a {types[1]}"
                raise wrong(self._source, tokens[1], problem, expected=f"a variable of type {types[0]!r}")
            for token, term in zip(tokens, terms, strict=True):
                if isinstance(term, logic.Constant) and types:
                    _check_domain(self._source, token, types[0], self._declared.domains)

    def _check_quantified(self) -> None:
        for name, token in self._quantified.items():
            if name not in self._types:
                raise self._unsafe(token, "is quantified but in no atom")

    def _unsafe(self, token: Token, why: str) -> MLNSyntaxError:
        problem = f"unsafe variable {str(token)!r}: it {why}, so it has no type"
        return wrong(self._source, token, problem, expected="a variable of an atom", hint="use it in an atom as well")


def _term(token: Token, names: Mapping[str, str]) -> logic.Term:
    return logic.Constant(constant_name(token)) if is_constant(token) else logic.Variable(names.get(token, str(token)))


def _free(tree: Node, bound: frozenset[str]) -> Iterator[str]:
    """Names of the variables that no quantifier binds."""
    if tree.data in ("forall", "exists"):
        yield from _free(nodes(tree)[-1], bound.union(map(token_of, tree.children[1:-1])))
        return
    for child in tree.children:
        if isinstance(child, Tree):
            yield from _free(child, bound)
        elif child.type == "NAME" and not is_constant(child) and child not in bound:
            yield str(child)


def _check_arity(source: Source, name: Token, found: int, predicate: logic.Predicate) -> None:
    """Raises unless an atom has as many arguments as its predicate."""
    arity = len(predicate.types)
    if found != arity:
        expected = f"{arity} argument{'s' * (arity != 1)}"
        hint = f"declared as {predicate.name}({', '.join(predicate.types)})"
        raise wrong(source, name, f"{name} has {expected}, found {found}", expected=expected, hint=hint)


def _check_domain(source: Source, token: Token, type_name: str, domains: Mapping[str, tuple[str, ...]]) -> None:
    """Raises if a constant is not in the declared domain of its type."""
    domain = domains.get(type_name)
    if domain is not None and constant_name(token) not in domain:
        problem = f"{token} is not in the domain {type_name!r}"
        hint = did_you_mean(constant_name(token), domain)
        raise wrong(source, token, problem, expected=f"a constant of {type_name!r}", hint=hint)
