"""Markdown, made of texts that other people wrote."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\*_\[\]<>|`$#{}])")


def plain(text: str) -> str:
    """A text whose signs mean nothing to Markdown."""
    return _SPECIAL.sub(r"\\\1", text)


def code(text: str) -> str:
    """A text in code style; in tables, too."""
    ticks = "``" if "`" in text else "`"
    return f"{ticks}{text}{ticks}".replace("|", r"\|") if text else ""


def command(text: str) -> str:
    """A command, on one line."""
    return f"{code(text)}{{.one-line}}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def block(language: str, text: str) -> str:
    """A block of code. As a directive, for the tests run plain blocks, and these have been run elsewhere."""
    return f"```{{code-block}} {language}\n{text.rstrip()}\n```\n"


def page(title: str, *parts: str) -> str:
    """A heading and paragraphs."""
    return "\n".join([f"# {title}\n", *(part if part.endswith("\n") else f"{part}\n" for part in parts if part)])
