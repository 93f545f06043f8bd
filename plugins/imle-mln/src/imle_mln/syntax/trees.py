"""From text to syntax trees, by the grammar; and what tokens stand for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import cast

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput, UnexpectedToken
from lark.lark import PostLex

from imle_mln.errors import MLNSyntaxError
from imle_mln.source import Source
from imle_mln.syntax.expected import unexpected

Node = Tree[Token]

# What to do about a formula that is too large or too deep.
SMALLER = "use predicates for parts of it, each defined by a hard formula"
# How many parts a formula has, at most.
LARGEST = 20_000
# Each of these tokens begins a part of its own, as do the commas of an atom.
_PARTS = frozenset({"PREDICATE", "_NOT", "_EQUAL", "_UNEQUAL", "FORALL", "EXIST"})


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
            depth += (kind in ("LPAR", "LBRACE")) - (kind in ("RPAR", "RBRACE"))
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
        start=["program", "literal"],
        postlex=_Statements(),
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
    except _TooLargeError as error:
        raise too_large(source, error.token.start_pos or 0, str(error.token)) from None


def too_large(source: Source, offset: int, found: str) -> MLNSyntaxError:
    """The error for a formula of more than `LARGEST` parts."""
    expected = f"a formula of at most {LARGEST:,} parts (<=> doubles both its sides)"
    return source.error(f"expected {expected}", offset, found=found, expected=expected, hint=SMALLER)


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
