"""Errors that point at a place in a program or its evidence."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from functools import partial

from imle.errors import InstanceError
from imle_mln.logic import Program

# In messages: lines longer than twice this are cut around the place, problems longer than this in the middle.
_AROUND = 60
_LONGEST = 300
# Among more names than this, none is sought that looks like another.
_COMPARED = 2000


class MLNSyntaxError(InstanceError):
    """A program or its evidence does not say what it should.

    Attributes:
        problem: what is wrong, in one sentence.
        source: the file, or "program" or "evidence" for a text.
        line: from 1.
        column: from 1.
        source_line: the line to blame, as written.
        found: the offending text.
        expected: what could have stood there; "" if that was not the problem.
    """

    def __init__(
        self,
        problem: str,
        *,
        source: str,
        line: int,
        column: int,
        source_line: str,
        found: str = "",
        expected: str = "",
        hint: str | None = None,
    ) -> None:
        place = f"{source}, line {line}, column {column}"
        super().__init__(f"{place}: {_shortened(problem)}\n{_shown(source_line, column)}", hint=hint)
        self.problem = problem
        self.source = source
        self.line = line
        self.column = column
        self.source_line = source_line
        self.found = found
        self.expected = expected

    def __reduce__(self) -> tuple[object, ...]:
        names = ("source", "line", "column", "source_line", "found", "expected", "hint")
        return (partial(type(self), **{name: getattr(self, name) for name in names}), (self.problem,))


def _shortened(problem: str) -> str:
    return problem if len(problem) <= _LONGEST else f"{problem[: _LONGEST // 2]} ... {problem[-_LONGEST // 2 :]}"


def _shown(line: str, column: int) -> str:
    """A line, or what is around the column if it is long, and below it a caret under the column."""
    start = max(0, column - 1 - _AROUND) if len(line) > 2 * _AROUND else 0
    stop = len(line) if len(line) - start <= 2 * _AROUND else start + 2 * _AROUND
    before, after = "... " * (start > 0), " ..." * (stop < len(line))
    # Tabs are kept, so that the caret stands under its column however wide the terminal shows them.
    indent = "".join(map(_blank, before + line[start : column - 1]))
    written = re.sub(r"[^\t\x20-\x7e\xa0-\U0010ffff]", "\ufffd", line[start:stop])
    return f"    {before}{written}{after}\n    {indent}^"


def _blank(character: str) -> str:
    """Blanks as wide as a terminal shows a character."""
    if character == "\t":
        return character
    if unicodedata.combining(character):
        return ""
    return "  " if unicodedata.east_asian_width(character) in "WF" else " "


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that names the closest known name, or else some of them."""
    names = sorted(known)
    close = difflib.get_close_matches(name[:_AROUND], names, n=1) if len(names) <= _COMPARED else []
    some = ", ".join(names[:10]) + ", ..." * (len(names) > 10)
    return f"did you mean {close[0]!r}?" if close else f"known: {some or 'none'}"


class DuplicateEvidenceWarning(UserWarning):
    """Evidence says the same twice."""


class MissingDomainError(InstanceError):
    """A type has no constants."""


def missing_domain(type_name: str, program: Program) -> MissingDomainError:
    """The error for a type without any constant, for the grounding to raise."""
    users = [f"{p.name}({', '.join(p.types)})" for p in program.predicates.values() if type_name in p.types]
    return MissingDomainError(
        f"expected constants of type {type_name!r}, found none in a domain, in formulas or in the evidence; "
        f"used by {', '.join(users)}",
        hint=f"declare the domain: {type_name} = {{A, B, ...}}",
    )
