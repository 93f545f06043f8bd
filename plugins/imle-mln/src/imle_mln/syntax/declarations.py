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
from imle_mln.syntax.trees import Node, capitalise, constant_name, is_constant, misplaced, nodes, token_of, wrong

# The most constants of a range, and the most digits of its ends.
LARGEST = 10_000_000
_DIGITS = 18


class Declarations:
    """The domains and predicates of a program, collected from its statements.

    Attributes:
        domains: constants by type.
        predicates: by name.
    """

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
            if len(end) > _DIGITS:
                raise misplaced(self._source, end, f"a number of at most {_DIGITS} digits")
        first, last = int(elements[0]), int(elements[2])
        if last - first >= LARGEST:
            raise misplaced(self._source, elements[2], f"a range of at most {LARGEST:,} constants")
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
