"""Markdown, made of texts that other people wrote."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_ADDRESS = re.compile(r"https?://[^\s<>`\\|]+\Z")
_SPECIAL = re.compile(r"([\\*_\[\]<>|`$#{}])")


def plain(text: str) -> str:
    """A text whose signs mean nothing to Markdown."""
    return _SPECIAL.sub(r"\\\1", text)


def code(text: str) -> str:
    """A text in code style; in tables, too."""
    if not text:
        return ""
    ticks = _fence(text, 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""  # Markdown takes one away
    line = " ".join(text.split("\n"))
    return f"{ticks}{space}{line}{space}{ticks}".replace("|", r"\|")


def link(url: str) -> str:
    """An address to click on if it is one of the web, else its text."""
    return f"<{url}>" if _ADDRESS.match(url) else plain(url)


def command(text: str) -> str:
    """A command, on one line."""
    return f"{code(text)}{{.one-line}}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def block(language: str, text: str) -> str:
    """A block of code. As a directive, for the tests run plain blocks, and these have been run elsewhere."""
    fence = _fence(text, 3)
    return f"{fence}{{code-block}} {language}\n{text.rstrip()}\n{fence}\n"


def _fence(text: str, least: int) -> str:
    """More backticks than the text has in a row."""
    return "`" * max(least, 1 + max(map(len, re.findall("`+", text)), default=0))


def page(title: str, *parts: str) -> str:
    """A heading and paragraphs."""
    return "\n".join([f"# {title}\n", *(part if part.endswith("\n") else f"{part}\n" for part in parts if part)])
