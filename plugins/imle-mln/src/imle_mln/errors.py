"""Source texts, and errors that point at a place in them."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from imle.errors import InstanceError
from imle_mln.logic import Program


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
        # Tabs are kept, so that the caret stands under its column however wide the terminal shows them.
        indent = re.sub(r"[^\t]", " ", source_line[: column - 1])
        place = f"{source}, line {line}, column {column}"
        super().__init__(f"{place}: {problem}\n    {source_line}\n    {indent}^", hint=hint)
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


@dataclass(frozen=True)
class Source:
    """A text to be parsed.

    Attributes:
        name: what errors call it.
        text: as written, with `\\n` at line ends.
        code: the same with blanks for comments, so that every place keeps its line and column.
        first: number of the first line.
    """

    name: str
    text: str
    code: str
    first: int = 1

    def error(
        self, problem: str, offset: int, *, found: str = "", expected: str = "", hint: str | None = None
    ) -> MLNSyntaxError:
        """An error that points at a place in this text."""
        start = self.text.rfind("\n", 0, offset) + 1
        return MLNSyntaxError(
            problem,
            source=self.name,
            line=self.first + self.text.count("\n", 0, offset),
            column=offset - start + 1,
            source_line=self.text[start:].partition("\n")[0],
            found=found,
            expected=expected,
            hint=hint,
        )

    def only_line(self, number: int) -> Source:
        """One line as a source of its own, whose errors still point into the whole."""
        text, code = self._lines[number - self.first]
        return Source(self.name, text, code, number)

    @cached_property
    def _lines(self) -> list[tuple[str, str]]:
        return list(zip(self.text.split("\n"), self.code.split("\n"), strict=True))


def read(source: str | os.PathLike[str], *, kind: str, suffix: str) -> Source:
    """A text, or the file it names, with its comments found.

    Args:
        source: a path object, a file name (one line that ends in `suffix`), or the text itself.
        kind: "program" or "evidence", for messages.
        suffix: of such files.

    Raises:
        InstanceError: the file cannot be read, or (as MLNSyntaxError) a comment does not end.
    """
    if isinstance(source, str) and ("\n" in source or not source.strip().endswith(suffix)):
        name, text = kind, source.replace("\r\n", "\n")
    else:
        path = Path(source.strip() if isinstance(source, str) else source)
        name, text = str(path), _read_file(path, kind, suffix)
    return _blank_comments(Source(name, text, text))


def _read_file(path: Path, kind: str, suffix: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InstanceError(
            f"expected a file with the {kind}, found none that can be read at {path}: {error.strerror}",
            hint=f"relative paths start at {Path.cwd()}; all but one line ending in {suffix} is taken for a text",
        ) from error
    except UnicodeDecodeError as error:
        found = f"{error.object[error.start]:#04x}"
        raise InstanceError(f"expected UTF-8 text in {path}, found the byte {found}") from error


# Quoted constants come first: comment marks in them are text.
_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/|/\*', re.DOTALL)


def _blank_comments(source: Source) -> Source:
    def blank(found: re.Match[str]) -> str:
        if found[0] == "/*":
            raise source.error("this comment does not end", found.start(), found="/*", expected="*/")
        return found[0] if found[0].startswith('"') else re.sub(r"[^\n]", " ", found[0])

    return replace(source, code=_COMMENT.sub(blank, source.text)) if "/" in source.text else source


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that names the closest known name, or else some of them."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    some = ", ".join(names[:10]) + ", ..." * (len(names) > 10)
    return f"did you mean {close[0]!r}?" if close else f"known: {some or 'none'}"


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


# What the grammar expected, in words ----------------------------------------------------------------------------------

_FORMULA = frozenset({"PREDICATE", "_NOT", "LPAR", "FORALL", "EXIST", "NAME", "NUMBER", "STRING"})
_GROUPS = (
    (_FORMULA | {"WEIGHT", "DOMAIN", "STAR"}, "a declaration, a rule"),
    (_FORMULA, "a formula"),
    (frozenset({"NAME", "NUMBER", "STRING"}), "a variable or a constant"),
    (frozenset({"_AND", "_OR", "_IMPLIES", "_IFF"}), "an operator (^, v, =>, <=>)"),
    (frozenset({"SIGN", "PREDICATE"}), "a ground literal"),
)
_WORDS = {
    "NAME": "a variable",
    "PREDICATE": "an atom",
    "ELLIPSIS": "'...'",
    "LPAR": "'('",
    "RPAR": "')'",
    "RBRACE": "'}'",
    "COMMA": "','",
    "PERIOD": "'.'",
    "PLUS": "'+'",
    "_NOT": "'!'",
    "_EQUAL": "'='",
    "_UNEQUAL": "'!='",
    "_NL": "the end of the line",
    "$END": "the end of the line",
}
_FUNCTIONS = "functions are not supported: use a predicate with one more argument"
_OPERATORS = "the operators are ! (not), ^ (and), v (or), => and <=>, the quantifiers FORALL and EXIST"
_STAR = "'*' only declares a closed-world predicate; in formulas ('all signs') it is not supported"
# What the author may have meant: text before the place, text at the place, hint. The first that matches is shown.
_HINTS = tuple(
    (re.compile(rf"(?:{before})\Z", re.IGNORECASE), re.compile(at, re.IGNORECASE), hint)
    for before, at, hint in (
        ("", ":-", "datalog rules are not supported: write premise => conclusion"),
        ("", ":", "weights per ground atom (RockIt's 'conf:') go into the layer's unary instead"),
        (r"[(,=]\s*[^\W\d]\w*[ \t]*", r"\(", _FUNCTIONS),
        (r"\)\s*", r"!?=(?!>)", _FUNCTIONS),
        (r"\W(?:exists|for_?all|all|some)\s+", "", _OPERATORS),
        ("", r"[&|~\u2200-\u22ff\u2190-\u21ff¬]|-+>|(?:and|or|not|exists)\b", _OPERATORS),
        (r"(?:^|[\n(!^]|\Wv|>)\s*(?:[+-]?[\d.]+\s+)?", r"\+", "'+' belongs in the arguments of an atom"),
        ("", r"[<>/%+-]", "comparisons and arithmetic (linked-in functions) are not supported: use predicates"),
        ("", "#", "programs cannot include others: put them in one text"),
        ("", r"\*", _STAR),
        (r"(?:^|\n)[ \t]*\*[^\n]*", r"[.=<^]|v\b", _STAR),
        ("", '"', "a quoted constant ends on its line, with a quotation mark"),
    )
)


def unexpected(source: Source, offset: int, found: str, accepted: set[str]) -> MLNSyntaxError:
    """The error for a place where the grammar cannot go on.

    Args:
        source: the text.
        offset: of the place.
        found: the text there; "" at the end of a line.
        accepted: names of the terminals that could have come.
    """
    before, rest = source.code[:offset], source.code[offset:]
    hint = _unclosed(before, found, source.first) or next(
        (h for b, at, h in _HINTS if b.search(before) and at.match(rest)), None
    )
    if hint is None and accepted == {"_EQUAL", "_UNEQUAL"}:
        hint = "an atom has its arguments in parentheses"
    expected = _in_words(accepted)
    shown = repr(found) if found else "the end of the line"
    return source.error(f"expected {expected}, found {shown}", offset, found=found, expected=expected, hint=hint)


def _in_words(accepted: set[str]) -> str:
    left, words = set(accepted), []
    for group, name in _GROUPS:
        if group <= left:
            words.append(name)
            left -= group
    words += sorted({_WORDS[name] for name in left})
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _unclosed(before: str, found: str, first: int) -> str | None:
    """A hint at the innermost open parenthesis, if its line ended without closing it."""
    opened: list[int] = []
    for mark in re.finditer(r'"(?:\\.|[^"\\\n])*"|[(){}]', before):
        if mark[0] in "({":
            opened.append(mark.start())
        elif mark[0] in ")}" and opened:
            opened.pop()
    if not opened or (found and "\n" not in before[opened[-1] :]):
        return None
    line, column = first + before.count("\n", 0, opened[-1]), opened[-1] - before.rfind("\n", 0, opened[-1])
    return f"the {before[opened[-1]]!r} at line {line}, column {column} is not closed"
