"""The syntax of Markov Logic Networks, Alchemy's and what others add to it: text -> Program."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from lark import Token

from imle.errors import InstanceError
from imle_mln.errors import MLNSyntaxError
from imle_mln.logic import Program, Rule
from imle_mln.source import Source, read
from imle_mln.syntax.counted import cardinality_rules
from imle_mln.syntax.declarations import Declarations, Statement, with_closed_world
from imle_mln.syntax.rules import rules_of
from imle_mln.syntax.trees import nodes, parse_tree, token_of, wrong

__all__ = ["parse_program"]


def parse_program(
    source: str | os.PathLike[str], *, closed_world: Iterable[str] = (), unweighted: bool = False
) -> Program:
    """Reads a Markov Logic Network.

    Declarations may stand anywhere in the program. A line that is nothing but an atom with types for arguments is the
    declaration of a predicate.

    Args:
        source: a path object, a file name (one line that ends in ".mln"), or the text itself.
        closed_world: predicates to treat as if they were declared with `*`.
        unweighted: whether formulas may have neither a weight nor a period, because their weights are to be learned;
            then of the bare atoms of a predicate the first is its declaration, and others are formulas.

    Raises:
        MLNSyntaxError: with line, column, what was expected and the offending text.
        InstanceError: the file cannot be read, or `closed_world` names an unknown predicate.
    """
    text = read(source, kind="program", suffix=".mln")
    declared = Declarations()
    rules: list[Rule] = []
    for own, statement in declared.take(_statements(text, ()), unweighted=unweighted):
        if statement.data == "counted":
            rules += cardinality_rules(statement, own, declared)
        else:
            rules += rules_of(statement, own, declared, unweighted=unweighted)
    program = Program(declared.domains, declared.predicates, tuple(rules))
    return with_closed_world(program, [closed_world] if isinstance(closed_world, str) else closed_world)


def _statements(source: Source, around: tuple[Path, ...]) -> Iterator[Statement]:
    """The statements of a text, with those of the files it includes where it includes them."""
    for statement in nodes(parse_tree(source, "program")):
        if statement.data != "directive":
            yield source, statement
            continue
        token = token_of(statement)
        path = _included(source, token)
        if path.resolve() in (*around, source.path):
            raise wrong(source, token, f"{path.name} includes itself")
        try:
            inner = read(path, kind="program", suffix=".mln")
        except MLNSyntaxError:
            raise
        except InstanceError as error:
            raise wrong(source, token, error.message, hint=f"files are looked for beside {source.name}") from None
        yield from _statements(inner, (*around, path.resolve()))


def _included(source: Source, token: Token) -> Path:
    """The file that a directive names."""
    name, _, rest = token[1:].strip().partition(" ")
    found = re.fullmatch(r"\s*(?:\"([^\"]+)\"|<([^>]+)>|'([^']+)'|([^\s\"'<>]+))\s*", rest)
    hint = 'the one directive is #include "file.mln"; comments begin with //'
    if name != "include":
        raise wrong(source, token, f"unknown directive '#{name}'", expected="#include", hint=hint)
    if found is None:
        raise wrong(source, token, "expected a file name after #include", expected="a file name", hint=hint)
    if source.path is None:
        problem = "a text has no folder in which the file could be looked for"
        raise wrong(source, token, problem, hint="give the program as a file, or put all into one text")
    return source.path.parent / str(next(filter(None, found.groups())))
