"""Alchemy's syntax for Markov Logic Networks: text -> Program."""

from __future__ import annotations

import os
from collections.abc import Iterable

from imle_mln.logic import Program
from imle_mln.source import read
from imle_mln.syntax.declarations import Declarations, with_closed_world
from imle_mln.syntax.rules import RuleReader
from imle_mln.syntax.trees import nodes, parse_tree

__all__ = ["parse_program"]


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
    declared = Declarations(text)
    rules = [statement for statement in nodes(parse_tree(text, "program")) if not declared.take(statement)]
    program = Program(declared.domains, declared.predicates, tuple(RuleReader(text, declared).read(r) for r in rules))
    return with_closed_world(program, [closed_world] if isinstance(closed_world, str) else closed_world)
