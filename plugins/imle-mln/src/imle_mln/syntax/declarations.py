"""The domains and predicates of a program."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import cast

from lark import Token

from imle.errors import InstanceError
from imle_mln.errors import did_you_mean
from imle_mln.logic import Predicate, Program
from imle_mln.source import Source
from imle_mln.syntax.trees import (
    Node,
    capitalise,
    first_token,
    is_constant,
    misplaced,
    nodes,
    token_of,
    unquoted,
    wrong,
)

Statement = tuple[Source, Node]
# What an argument of a declaration can be.
_TYPES = ("term", "unique", "optional")
# The most constants of a range, and the most digits of its ends.
LARGEST = 10_000_000
_DIGITS = 18


class Declarations:
    """The domains, predicates and functions of a program, collected from its statements.

    Attributes:
        domains: constants by type.
        predicates: by name, functions too.
    """

    def __init__(self) -> None:
        self.domains: dict[str, tuple[str, ...]] = {}
        self.predicates: dict[str, Predicate] = {}
        self._places: dict[tuple[str, str], tuple[str, int]] = {}
        self._unweighted = False

    def take(self, statements: Iterable[Statement], *, unweighted: bool) -> list[Statement]:
        """Collect the declarations among statements; returns the others.

        Args:
            statements: all of the program's.
            unweighted: whether formulas may have no weight: then of several bare atoms of a predicate only the first is
                a declaration, unless they are the same.
        """
        self._unweighted = unweighted
        rest = []
        for source, statement in statements:
            if statement.data == "domain":
                self._domain(source, statement)
            else:
                rest.append((source, statement))
        return [(source, statement) for source, statement in rest if not self._declared(source, statement)]

    def _declared(self, source: Source, statement: Node) -> bool:
        if statement.data == "function":
            self._function(source, statement)
            return True
        closed = _bare(statement)
        atom = nodes(statement)[0]
        if closed is None or not (closed or self._are_types(atom)):
            return False
        types = [str(token_of(argument)) for argument in nodes(atom)[1:]] if not closed else []
        known = self.predicates.get(token_of(atom.children[0])) if not closed else None
        if self._unweighted and known is not None and known.types != tuple(types):
            return False
        self._predicate(source, cast(Node, atom.children[-1]) if closed else atom, closed=closed)
        return True

    def _are_types(self, atom: Node) -> bool:
        """Whether the arguments of an atom can be types: lower-case names, or capital ones that are no constants."""
        known = token_of(atom.children[0]) in self.predicates
        for argument in nodes(atom)[1:]:
            token = first_token(argument)
            if argument.data not in _TYPES or token.type != "NAME":
                return False
            if is_constant(token) and (known or self._is_constant(token)):
                return False
        return True

    def _is_constant(self, token: Token) -> bool:
        return token not in self.domains and any(token in constants for constants in self.domains.values())

    def _domain(self, source: Source, statement: Node) -> None:
        name, *elements = map(token_of, statement.children)
        self._once(source, "domain", name)
        self.domains[str(name)] = listed(source, name, elements)

    def _function(self, source: Source, statement: Node) -> None:
        *_, kind, call = statement.children
        name = self._predicate(source, cast(Node, call), closed=True)
        plain = self.predicates[name]
        self.predicates[name] = replace(plain, types=(*plain.types, str(kind)), function=True)
        if plain.unique or plain.optional:
            marked = next(one for one in nodes(cast(Node, call))[1:] if one.data != "term")
            raise misplaced(
                source, first_token(marked), "a type without a mark", hint="a function has one value anyway"
            )

    def _predicate(self, source: Source, atom: Node, *, closed: bool) -> str:
        name, types, arguments = token_of(atom.children[0]), [], nodes(atom)[1:]
        for argument in arguments:
            token = token_of(argument) if argument.data in (*_TYPES, "plus") else first_token(argument)
            if argument.data not in _TYPES or token.type != "NAME" or self._is_constant(token):
                raise misplaced(source, token, "a type", hint="a declaration has lower-case types as arguments")
            types.append(str(token))
        self._once(source, "predicate", name)
        marked = {mark: tuple(k for k, one in enumerate(arguments) if one.data == mark) for mark in _TYPES}
        if marked["unique"] and marked["optional"]:
            token = token_of(arguments[max(marked["unique"][0], marked["optional"][0])])
            raise wrong(source, token, "expected either '!' or '?' in a declaration, found both")
        self.predicates[str(name)] = Predicate(
            str(name), tuple(types), closed, marked["unique"], marked["optional"], line=name.line or 0
        )
        return str(name)

    def _once(self, source: Source, kind: str, name: Token) -> None:
        if (kind, name) in self._places:
            hint = "a formula needs a weight in front or a '.' at the end" if kind == "predicate" else None
            where, line = self._places[kind, name]
            first = f"on line {line}" if where == source.name else f"in {where}, line {line}"
            raise wrong(source, name, f"{kind} {str(name)!r} is declared twice, first {first}", hint=hint)
        self._places[kind, str(name)] = source.name, name.line or 0


def listed(source: Source, name: Token, elements: list[Token]) -> tuple[str, ...]:
    """The constants of a type, listed or as a range."""
    dots = [k for k, element in enumerate(elements) if element.type == "ELLIPSIS"]
    if dots:
        return _range(source, elements, dots[0])
    constants: dict[str, None] = {}
    for token in elements:
        if not is_constant(token):
            raise misplaced(source, token, "a constant", hint=capitalise(token))
        if unquoted(token) in constants:
            raise wrong(source, token, f"{token} is in the domain {str(name)!r} twice")
        constants[unquoted(token)] = None
    return tuple(constants)


def _range(source: Source, elements: list[Token], dots: int) -> tuple[str, ...]:
    hint = "a range is written {1,...,10}"
    if len(elements) != 3 or dots != 1:
        raise misplaced(source, elements[dots], "constants, or one range", hint=hint)
    for end in elements[::2]:
        if not re.fullmatch(r"-?\d+", end):
            raise misplaced(source, end, "a whole number", hint=hint)
        if len(end) > _DIGITS:
            raise misplaced(source, end, f"a number of at most {_DIGITS} digits")
    first, last = int(elements[0]), int(elements[2])
    if last - first >= LARGEST:
        raise misplaced(source, elements[2], f"a range of at most {LARGEST:,} constants")
    if last < first:
        raise misplaced(source, elements[2], f"a number that is {first} or more", hint=hint)
    return tuple(map(str, range(first, last + 1)))


def _bare(statement: Node) -> bool | None:
    """True for `*P(...)`, False for `P(...)`, with nothing in front or behind; None for other rules."""
    if statement.data != "rule" or len(statement.children) > 1:
        return None
    atom = nodes(statement)[0]
    if atom.data not in ("call", "both") or atom.meta.start_pos != statement.meta.start_pos:
        return None
    return atom.data == "both"


def with_closed_world(program: Program, names: Iterable[str]) -> Program:
    """A program with more closed-world predicates than those that it declares so.

    Raises:
        InstanceError: a name is no predicate of the program.
    """
    predicates = dict(program.predicates)
    for name in names:
        if name not in predicates:
            hint = did_you_mean(name, predicates)
            raise InstanceError(f"expected declared predicates in closed_world, found {name!r}", hint=hint)
        predicates[name] = replace(predicates[name], closed=True)
    return replace(program, predicates=predicates)
