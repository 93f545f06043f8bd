"""Alchemy's syntax for Markov Logic Networks: text -> Program."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from itertools import count
from typing import cast

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput, UnexpectedToken
from lark.lark import PostLex

from imle.errors import InstanceError
from imle_mln.errors import MLNSyntaxError, Source, did_you_mean, read, unexpected
from imle_mln.logic import (
    And,
    Atom,
    Constant,
    Equal,
    Exists,
    ForAll,
    Formula,
    Iff,
    Implies,
    Not,
    Or,
    Predicate,
    Program,
    Rule,
    Term,
    Variable,
)

Node = Tree[Token]


def parse_program(source: str | os.PathLike[str], *, closed_world: Iterable[str] = ()) -> Program:
    """Reads a Markov Logic Network.

    Declarations may stand anywhere in the program. A line that is nothing but an atom with lower-case arguments is the
    declaration of a predicate.

    Args:
        source: a path object, a file name (one line that ends in ".mln"), or the text itself.
        closed_world: predicates to treat as if they were declared with `*`.

    Raises:
        MLNSyntaxError: with line, column, what was expected and the offending text.
        InstanceError: the file cannot be read, or `closed_world` names an unknown predicate.
    """
    text = read(source, kind="program", suffix=".mln")
    declared = _Declarations(text)
    rules = [statement for statement in nodes(parse_tree(text, "program")) if not declared.take(statement)]
    declared.close([closed_world] if isinstance(closed_world, str) else closed_world)
    return Program(declared.domains, declared.predicates, tuple(_RuleReader(text, declared).read(r) for r in rules))


# From text to trees ---------------------------------------------------------------------------------------------------


class _JoinLines(PostLex):
    """Drops line ends in parentheses and braces, where a statement cannot end.

    Those after an operator, where the grammar has no use for them, the contextual lexer skips by itself.
    """

    always_accept = ()

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        depth = 0
        for token in stream:
            depth += (token.type in ("LPAR", "LBRACE")) - (token.type in ("RPAR", "RBRACE"))
            if depth <= 0 or token.type != "_NL":
                yield token


@cache
def _lark() -> Lark:
    return Lark.open(
        "grammar.lark",
        rel_to=__file__,
        parser="lalr",
        lexer="contextual",
        start=["program", "literal"],
        postlex=_JoinLines(),
        propagate_positions=True,
    )


def parse_tree(source: Source, start: str) -> Node:
    """The concrete syntax tree of a whole text.

    Args:
        source: the text.
        start: the rule of the grammar to begin with, "program" or "literal".

    Raises:
        MLNSyntaxError: the text does not follow the grammar.
    """
    try:
        return _lark().parse(source.code, start=start)
    except UnexpectedInput as error:
        offset = error.pos_in_stream or 0
        found = source.code[offset : offset + 1]
        if isinstance(error, UnexpectedToken):
            found = error.token.strip()
            if error.token.type == "$END":  # lark puts it at the beginning of the last token
                offset = error.token.end_pos or 0
        accepted = cast(set[str], error.interactive_parser.accepts())  # type: ignore[no-untyped-call]
        raise unexpected(source, offset, found, accepted) from None


def nodes(tree: Node) -> list[Node]:
    """The children of a node that has no tokens for children."""
    return cast(list[Node], tree.children)


def token_of(node: Node | Token) -> Token:
    """A token, or the one an argument consists of."""
    return node if isinstance(node, Token) else cast(Token, node.children[-1])


def is_constant(token: Token) -> bool:
    """Whether an argument is a constant: capitalised, quoted or a number."""
    return token.type != "NAME" or token[0].isupper()


def constant_name(token: Token) -> str:
    r"""The constant a token stands for: without quotes, and with `\"` and `\\` in them undone."""
    return re.sub(r'\\(["\\])', r"\1", token[1:-1]) if token.type == "STRING" else str(token)


def wrong(source: Source, token: Token, problem: str, *, expected: str = "", hint: str | None = None) -> MLNSyntaxError:
    """The error for a token whose meaning, not its place, is the problem."""
    return source.error(problem, token.start_pos or 0, found=str(token), expected=expected, hint=hint)


def misplaced(source: Source, token: Token, expected: str, *, hint: str | None = None) -> MLNSyntaxError:
    """The error for a token of the wrong kind."""
    return wrong(source, token, f"expected {expected}, found {str(token)!r}", expected=expected, hint=hint)


def capitalise(token: Token) -> str:
    """The hint for a lower-case name where a constant has to stand."""
    return f'constants are capitalised, quoted or numbers: {token[0].upper()}{token[1:]} or "{token}"'


# Declarations ---------------------------------------------------------------------------------------------------------


class _Declarations:
    """The domains and predicates of a program, collected from its statements."""

    def __init__(self, source: Source) -> None:
        self.domains: dict[str, tuple[str, ...]] = {}
        self.predicates: dict[str, Predicate] = {}
        self._source = source
        self._lines: dict[tuple[str, str], int] = {}

    def take(self, statement: Node) -> bool:
        """Collects a statement if it is a declaration, and says if it was."""
        last = statement.children[-1]
        if statement.data == "domain":
            self._domain(statement)
        elif statement.data == "closed":
            self._predicate(cast(Node, last), closed=True)
        elif _declares(statement):
            self._predicate(cast(Node, last), closed=False)
        else:
            return False
        return True

    def close(self, names: Iterable[str]) -> None:
        """Makes predicates closed-world that the program does not declare so."""
        for name in names:
            if name not in self.predicates:
                hint = did_you_mean(name, self.predicates)
                raise InstanceError(f"expected declared predicates in closed_world, found {name!r}", hint=hint)
            self.predicates[name] = replace(self.predicates[name], closed=True)

    def _domain(self, statement: Node) -> None:
        name, *elements = map(token_of, statement.children)
        if name[0].isupper():
            raise misplaced(self._source, name, "a type", hint="types are lower-case")
        self._once("domain", name)
        dots = [k for k, element in enumerate(elements) if element.type == "ELLIPSIS"]
        self.domains[str(name)] = self._range(elements, dots[0]) if dots else self._listed(name, elements)

    def _listed(self, name: Token, elements: list[Token]) -> tuple[str, ...]:
        constants: dict[str, None] = {}
        for token in elements:
            if not is_constant(token):
                raise misplaced(self._source, token, "a constant", hint=capitalise(token))
            if constant_name(token) in constants:
                raise wrong(self._source, token, f"{token} is in the domain {str(name)!r} twice")
            constants[constant_name(token)] = None
        return tuple(constants)

    def _range(self, elements: list[Token], dots: int) -> tuple[str, ...]:
        hint = "a range is written {1,...,10}"
        if len(elements) != 3 or dots != 1:
            raise misplaced(self._source, elements[dots], "constants, or one range", hint=hint)
        for end in elements[::2]:
            if not re.fullmatch(r"-?\d+", end):
                raise misplaced(self._source, end, "a whole number", hint=hint)
        first, last = int(elements[0]), int(elements[2])
        if last < first:
            raise misplaced(self._source, elements[2], f"a number that is {first} or more", hint=hint)
        return tuple(map(str, range(first, last + 1)))

    def _predicate(self, atom: Node, *, closed: bool) -> None:
        name, types = token_of(atom.children[0]), []
        for argument in nodes(atom)[1:]:
            token = token_of(argument)
            if argument.data == "plus" or is_constant(token):
                raise misplaced(self._source, token, "a type", hint="a declaration has lower-case types as arguments")
            types.append(str(token))
        self._once("predicate", name)
        unique = tuple(k for k, argument in enumerate(nodes(atom)[1:]) if argument.data == "unique")
        self.predicates[str(name)] = Predicate(str(name), tuple(types), closed, unique)

    def _once(self, kind: str, name: Token) -> None:
        if (kind, name) in self._lines:
            hint = "a formula needs a weight in front or a '.' at the end" if kind == "predicate" else None
            first = self._lines[kind, name]
            raise wrong(self._source, name, f"{kind} {str(name)!r} is declared twice, first on line {first}", hint=hint)
        self._lines[kind, str(name)] = name.line or 0


def _declares(statement: Node) -> bool:
    """Whether a rule is a declaration: a bare atom, without parentheses, with lower-case arguments, without `+`."""
    formula = nodes(statement)[0]
    return (
        len(statement.children) == 1
        and formula.data == "atom"
        and formula.meta.start_pos == statement.meta.start_pos
        and all(argument.data != "plus" and not is_constant(token_of(argument)) for argument in nodes(formula)[1:])
    )


# Rules ----------------------------------------------------------------------------------------------------------------


class _RuleReader:
    """Reads one rule: builds its formula and learns its variables on the way.

    A quantified variable is renamed if its name is free in the rule or was taken by another quantifier.
    """

    def __init__(self, source: Source, declared: _Declarations) -> None:
        self._source = source
        self._declared = declared
        self._types: dict[str, str] = {}
        self._plus: dict[str, Token] = {}
        self._written: set[str] = set()  # names in the rule, no matter of what: made-up names avoid them
        self._taken: set[str] = set()
        self._quantified: dict[str, Token] = {}
        self._equalities: list[tuple[list[Token], Equal]] = []

    def read(self, statement: Node) -> Rule:
        """The rule, checked."""
        body = next(child for child in statement.children if isinstance(child, Tree))
        weight = self._weight(statement)
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
        return Rule(formula, weight, tuple(self._plus), self._types, statement.meta.line)

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

    def _formula(self, tree: Node, names: Mapping[str, str]) -> Formula:
        """Builds the formula; `names` maps the variables quantified around it to their unique names."""
        match tree.data:
            case "atom":
                return self._atom(tree, names)
            case "equal":
                return self._equal(tree, names)
            case "unequal":
                return Not(self._equal(tree, names))
            case "forall" | "exists":
                return self._quantifier(tree, names)
        parts = tuple(self._formula(child, names) for child in nodes(tree))
        match tree.data:
            case "not":
                return Not(*parts)
            case "and":
                return And(parts)
            case "or":
                return Or(parts)
            case "implies":
                return Implies(*parts)
            case _:
                return Iff(*parts)

    def _quantifier(self, tree: Node, names: Mapping[str, str]) -> Formula:
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
        return (ForAll if tree.data == "forall" else Exists)(tuple(own.values()), body)

    def _unique(self, name: str) -> str:
        if name in self._taken:
            name = next(new for k in count(2) if (new := f"{name}_{k}") not in self._taken | self._written)
        self._taken.add(name)
        return name

    def _atom(self, tree: Node, names: Mapping[str, str]) -> Atom:
        name, arguments = token_of(tree.children[0]), nodes(tree)[1:]
        predicate = self._declared.predicates.get(name)
        if predicate is None:
            hint = did_you_mean(name, self._declared.predicates)
            problem = f"unknown predicate {str(name)!r}"
            raise wrong(self._source, name, problem, expected="a declared predicate", hint=hint)
        check_arity(self._source, name, len(arguments), predicate)
        terms = [self._argument(*pair, names) for pair in zip(arguments, predicate.types, strict=True)]
        return Atom(predicate.name, tuple(terms))

    def _argument(self, node: Node, type_name: str, names: Mapping[str, str]) -> Term:
        token = token_of(node)
        term = _term(token, names)
        if node.data == "unique":
            raise wrong(self._source, token, "'!' marks arguments in declarations only", expected="no '!'")
        if node.data == "plus":
            if isinstance(term, Constant):
                raise misplaced(self._source, token, "a variable after '+'", hint="variables are lower-case")
            if token in names:
                problem = f"'+' on the quantified variable {str(token)!r}"
                raise wrong(self._source, token, problem, expected="a free variable after '+'")
            self._plus.setdefault(term.name, token)
        if isinstance(term, Constant):
            check_domain(self._source, token, type_name, self._declared.domains)
        elif (before := self._types.setdefault(term.name, type_name)) != type_name:
            self._clash(token, type_name, before)
        return term

    def _clash(self, token: Token, found: str, expected: str) -> None:
        problem = f"type clash: variable {str(token)!r} is a {found} here and a {expected} before"
        raise wrong(self._source, token, problem, expected=f"a variable of type {expected!r}")

    def _equal(self, tree: Node, names: Mapping[str, str]) -> Equal:
        tokens = [token_of(child) for child in tree.children]
        equal = Equal(*(_term(token, names) for token in tokens))
        self._equalities.append((tokens, equal))
        return equal

    def _check_equalities(self) -> None:
        """Equalities give no types; so they can be checked only when all atoms are known."""
        for tokens, equal in self._equalities:
            terms = (equal.left, equal.right)
            for token, term in zip(tokens, terms, strict=True):
                if isinstance(term, Variable) and term.name not in self._types:
                    raise self._unsafe(token, "occurs only in equalities")
            types = [self._types[term.name] for term in terms if isinstance(term, Variable)]
            if len(set(types)) == 2:
                problem = f"type clash: {str(tokens[0])!r} is a {types[0]}, {str(tokens[1])!r} a {types[1]}"
                raise wrong(self._source, tokens[1], problem, expected=f"a variable of type {types[0]!r}")
            for token, term in zip(tokens, terms, strict=True):
                if isinstance(term, Constant) and types:
                    check_domain(self._source, token, types[0], self._declared.domains)

    def _check_quantified(self) -> None:
        for name, token in self._quantified.items():
            if name not in self._types:
                raise self._unsafe(token, "is quantified but in no atom")

    def _unsafe(self, token: Token, why: str) -> MLNSyntaxError:
        problem = f"unsafe variable {str(token)!r}: it {why}, so it has no type"
        return wrong(self._source, token, problem, expected="a variable of an atom", hint="use it in an atom as well")


def _term(token: Token, names: Mapping[str, str]) -> Term:
    return Constant(constant_name(token)) if is_constant(token) else Variable(names.get(token, str(token)))


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


def check_arity(source: Source, name: Token, found: int, predicate: Predicate) -> None:
    """Raises unless an atom has as many arguments as its predicate."""
    arity = len(predicate.types)
    if found != arity:
        expected = f"{arity} argument{'s' * (arity != 1)}"
        hint = f"declared as {predicate.name}({', '.join(predicate.types)})"
        raise wrong(source, name, f"{name} has {expected}, found {found}", expected=expected, hint=hint)


def check_domain(source: Source, token: Token, type_name: str, domains: Mapping[str, tuple[str, ...]]) -> None:
    """Raises if a constant is not in the declared domain of its type."""
    domain = domains.get(type_name)
    if domain is not None and constant_name(token) not in domain:
        problem = f"{token} is not in the domain {type_name!r}"
        hint = did_you_mean(constant_name(token), domain)
        raise wrong(source, token, problem, expected=f"a constant of {type_name!r}", hint=hint)
