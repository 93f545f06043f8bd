"""From text to syntax trees, by the grammar; and what tokens stand for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import cast

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput, UnexpectedToken
from lark.lark import PostLex

from imle_mln.errors import MLNSyntaxError, did_you_mean
from imle_mln.logic import Predicate
from imle_mln.printing import declaration_text
from imle_mln.source import Source
from imle_mln.syntax.expected import unexpected

Node = Tree[Token]

# What to do about a formula that is too large or too deep.
SMALLER = "use predicates for parts of it, each defined by a hard formula"
# How many parts a formula has, at most.
LARGEST = 20_000
# Each of these tokens begins a part of its own, as do the commas of an atom.
_PARTS = frozenset({"PREDICATE", "_NOT", "_EQUAL", "_UNEQUAL", "COMPARE", "FORALL", "EXIST", "PLUS", "MINUS", "STAR"})
_OPENING, _CLOSING = frozenset({"LPAR", "LBRACE", "LSQB"}), frozenset({"RPAR", "RBRACE", "RSQB"})


class _TooLargeError(Exception):
    """A statement has too many parts, this token's the first of them."""

    def __init__(self, token: Token) -> None:
        super().__init__(token)
        self.token = token


class _Statements(PostLex):
    """Drops line ends in parentheses and braces, where no statement ends; refuses statements that are too large.

    Line ends after an operator, where the grammar has no use for them, the contextual lexer skips by itself. Size is
    counted here because trees take a hundred times the memory of their text.
    """

    always_accept = ()

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        depth = parts = 0
        atom = False
        for token in stream:
            kind = token.type
            depth += (kind in _OPENING) - (kind in _CLOSING)
            if depth > 0 and kind == "_NL":
                continue
            atom = kind == "PREDICATE" or (atom and kind != "RPAR")
            parts = 0 if kind == "_NL" else parts + (kind in _PARTS or (atom and kind == "COMMA"))
            if parts > LARGEST:
                raise _TooLargeError(token)
            yield token


@cache
def _lark() -> Lark:
    return Lark.open(
        "grammar.lark",
        rel_to=__file__,
        parser="lalr",
        lexer="contextual",
        start=["program", "evidence"],
        postlex=_Statements(),
        propagate_positions=True,
    )


def parse_tree(source: Source, start: str) -> Node:
    """The concrete syntax tree of a whole text.

    Args:
        source: the text.
        start: the rule of the grammar to begin with, "program" or "evidence".

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
        raise unexpected(source, offset, found, accepted, evidence=start == "evidence") from None
    except _TooLargeError as error:
        raise too_large(source, error.token.start_pos or 0, str(error.token)) from None


def too_large(source: Source, offset: int, found: str) -> MLNSyntaxError:
    """The error for a formula of more than `LARGEST` parts."""
    expected = f"a formula of at most {LARGEST:,} parts (<=> doubles both its sides)"
    return source.error(f"expected {expected}", offset, found=found, expected=expected, hint=SMALLER)


def nodes(tree: Node) -> list[Node]:
    """The children of a node that has no tokens for children."""
    return cast(list[Node], tree.children)


def tokens_in(tree: Node) -> list[Token]:
    """The children of a node that are tokens."""
    return [child for child in tree.children if isinstance(child, Token)]


def trees_in(tree: Node) -> list[Node]:
    """The children of a node that are none."""
    return [child for child in tree.children if not isinstance(child, Token)]


def token_of(node: Node | Token) -> Token:
    """A token, or the one an argument consists of."""
    return node if isinstance(node, Token) else cast(Token, node.children[-1])


def first_token(node: Node) -> Token:
    """The token a node begins with."""
    return min(node.scan_values(lambda _: True), key=lambda token: token.start_pos or 0)


def is_constant(token: Token) -> bool:
    """Whether an argument is a constant: quoted, a number, or a name whose first letter is no lower-case one."""
    return token.type != "NAME" or not (token[0].islower() or token[0] == "_")


def unquoted(text: str) -> str:
    r"""A constant as written: without quotes, and with `\"` and `\\` in them undone."""
    if not text.startswith('"'):
        return str(text)
    return re.sub(r'\\(["\\])', r"\1", text[1:-1]) if "\\" in text else text[1:-1]


def wrong(source: Source, token: Token, problem: str, *, expected: str = "", hint: str | None = None) -> MLNSyntaxError:
    """The error for a token whose meaning, not its place, is the problem."""
    return source.error(problem, token.start_pos or 0, found=str(token), expected=expected, hint=hint)


def misplaced(source: Source, token: Token, expected: str, *, hint: str | None = None) -> MLNSyntaxError:
    """The error for a token of the wrong kind."""
    return wrong(source, token, f"expected {expected}, found {str(token)!r}", expected=expected, hint=hint)


def check_arity(source: Source, name: Token, found: int, predicate: Predicate, *, value: bool = True) -> None:
    """Raises unless an atom has as many arguments as its predicate, or a term, without its value, as its function."""
    arity = len(predicate.types) - (not value)
    if found != arity and not (predicate.function and value and found == arity - 1):
        expected = f"{arity} argument{'s' * (arity != 1)}"
        raise wrong(
            source, name, f"{name} has {expected}, found {found}", expected=expected, hint=declared_as(predicate)
        )
    if found != arity:
        expected = f"a comparison of {name}'s value"
        hint = f"a function's value is compared, as in {name}(...) = x, or stands in an atom"
        raise wrong(
            source, name, f"expected {expected}, found {name} as if it were an atom", expected=expected, hint=hint
        )


def declared_as(predicate: Predicate) -> str:
    """A hint at the declaration."""
    return f"declared as {declaration_text(predicate)}"


def check_domain(source: Source, token: Token, type_name: str, domains: Mapping[str, tuple[str, ...]]) -> None:
    """Raises if a constant is not in the declared domain of its type."""
    domain = domains.get(type_name)
    if domain is not None and unquoted(token) not in domain:
        problem = f"{token} is not in the domain {type_name!r}"
        hint = did_you_mean(unquoted(token), domain)
        raise wrong(source, token, problem, expected=f"a constant of {type_name!r}", hint=hint)


def capitalise(token: Token) -> str:
    """The hint for a lower-case name where a constant has to stand."""
    return f'constants are capitalised, quoted or numbers: {token[0].upper()}{token[1:]} or "{token}"'
