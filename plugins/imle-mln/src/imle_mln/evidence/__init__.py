"""Evidence: Alchemy's `.db` files, or Python data, -> Database."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from imle.errors import InstanceError
from imle_mln.errors import did_you_mean
from imle_mln.evidence.data import DataLiterals
from imle_mln.evidence.tables import database
from imle_mln.evidence.text import evidence_of
from imle_mln.logic import Database, Program
from imle_mln.source import read

__all__ = ["database_from", "parse_database"]


Text = str | os.PathLike[str]


def parse_database(source: Text | Sequence[Text], program: Program) -> Database:
    """Reads evidence, one ground literal a line: `A(X)` true, `!A(X)` false, `?A(X)` asked for.

    Also `0.7 A(X)`: asked for, true with this probability as far as nothing else speaks for or against it;
    `mother(Ann) = Eve`: the value of a function; `person = {Ann, Ben}`: constants of a type.

    Args:
        source: a path object, a file name (one line that ends in ".db"), or the text itself; or several, which are
            taken together.
        program: declares the predicates.

    Raises:
        MLNSyntaxError: with line, column, what was expected and the offending text.
        InstanceError: the file cannot be read.

    Warns:
        DuplicateEvidenceWarning: the same literal stands there twice.
    """
    texts = [source] if isinstance(source, str | os.PathLike) else source
    found = evidence_of((read(text, kind="evidence", suffix=".db") for text in texts), program)
    return database(found.tables.values(), program, found.domains)


def database_from(evidence: Mapping[str, Any], program: Program) -> Database:
    """Evidence from Python data.

    Args:
        evidence: for each predicate one of
            - an iterable of true atoms: tuples of constants, or bare constants if there is one argument;
            - a mapping of such atoms to True, False, None (asked for) or a probability (soft evidence); of a function's
              arguments to its value;
            - a pandas DataFrame with the arguments as columns, and optionally a last one with truth values;
            - a bool array with one axis per argument, as long as its domain, which must be declared: all atoms.
            Constants are strings or numbers.
        program: declares the predicates.

    Raises:
        InstanceError: with the predicate and the row, from 0.
    """
    for name in evidence:
        if name not in program.predicates:
            problem = f"expected evidence on declared predicates, found {name!r}"
            raise InstanceError(problem, hint=did_you_mean(name, program.predicates))
    predicates, domains = program.predicates, program.domains
    return database([DataLiterals(predicates[name], values, domains) for name, values in evidence.items()], program)
