"""Source texts: read from files, comments blanked out, and errors that point into them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from imle.errors import InstanceError
from imle_mln.errors import MLNSyntaxError


@dataclass(frozen=True)
class Source:
    """A text to be parsed.

    Attributes:
        name: what errors call it.
        text: as written, with `\\n` at line ends.
        code: the same with blanks for comments, so that every place keeps its line and column.
        first: number of the first line.
        path: the file it is from, if it is from one.
    """

    name: str
    text: str
    code: str
    first: int = 1
    path: Path | None = None

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
    if isinstance(source, str) and not names_file(source, suffix):
        name, text, path = kind, source, None
    else:
        path = Path(source.strip() if isinstance(source, str) else source)
        name, text = str(path), _read_file(path, kind, suffix)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return _blank_comments(Source(name, text, text, path=path.resolve() if path else None))


def names_file(source: object, suffix: str) -> bool:
    """Whether this is a path object or a file name, and no text."""
    if isinstance(source, str):
        return "\n" not in source and source.strip().endswith(suffix)
    return isinstance(source, os.PathLike)


def _read_file(path: Path, kind: str, suffix: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        found = f"{error.object[error.start]:#04x} at byte {error.start + 1}"
        raise InstanceError(
            f"expected UTF-8 text in {path}, found {found}", hint=f"convert it: iconv -f LATIN1 -t UTF-8 {path}"
        ) from error
    except (OSError, ValueError) as error:  # ValueError: names that no file can have
        why = error.strerror if isinstance(error, OSError) else error
        raise InstanceError(
            f"expected a file with the {kind}, found none that can be read at {str(path)!r}: {why}",
            hint=f"relative paths start at {Path.cwd()}; all but one line ending in {suffix} is taken for a text",
        ) from error


# Quoted constants come first: comment marks in them are text. One that does not end is taken to the end of its line:
# a search from each quotation mark in it would take long.
_COMMENT = re.compile(r'"(?:\\[^\n]|[^"\\\n])*+"?|//[^\n]*|/\*.*?\*/|/\*', re.DOTALL)


def _blank_comments(source: Source) -> Source:
    def blank(found: re.Match[str]) -> str:
        if found[0] == "/*":
            raise source.error("this comment does not end", found.start(), found="/*", expected="*/")
        return found[0] if found[0].startswith('"') else re.sub(r"[^\n]", " ", found[0])

    return replace(source, code=_COMMENT.sub(blank, source.text)) if "/" in source.text else source
