"""Text made fit to be shown: what others wrote, and reports."""

from __future__ import annotations

import io
import math
import unicodedata
from typing import Any


def printable(text: str, keep: str = "\n\t") -> str:
    r"""A text in which nothing moves the cursor, turns the direction of reading or ends a line.

    Args:
        text: any.
        keep: control characters that are meant; "" for a text of one line.

    Returns:
        The text, with `\x1b` for an escape character, `\u202e` for a right-to-left override, and so on.
    """
    if text.isprintable():
        return text
    return "".join(c if _shows(c) or c in keep else c.encode("unicode_escape").decode() for c in text)


def _shows(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"  # spaces of all widths


def written(value: Any) -> str:
    """A value as Python writes it, on one line; a third-party class may fail to write itself."""
    try:
        return printable(repr(value), keep="")
    except Exception:
        return f"<{type(value).__name__}>"


def told(error: BaseException) -> str:
    """What an exception says, in printable text; a third-party class may fail to say it."""
    try:
        return printable(str(error))
    except Exception as failure:
        return f"(its message cannot be read: str() raises {type(failure).__name__})"


def named(error: BaseException) -> str:
    """The type of an exception and what it says."""
    return f"{type(error).__name__}: {told(error) or 'without a message'}"


def without_colours(shown: Any) -> str:
    """What a rich console shows of a report, as plain text 100 columns wide, for logs and files."""
    from rich.console import Console

    stream = io.StringIO()
    console = Console(file=stream, width=100, color_system=None, force_terminal=False, markup=False, highlight=False)
    console.print(shown, crop=False)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def percent(value: float | None) -> str:
    """0.98 as "98 %"; what is not all or nothing never looks like it. "-" for nan and None."""
    if value is None or math.isnan(value):
        return "-"
    if 0 < value < 0.01:
        return "< 1 %"
    return "> 99 %" if 0.99 < value < 1 else f"{100 * value:.0f} %"


def two_digits(value: float | None) -> str:
    """0.256 as "0.26", without a minus before 0.00. "-" for nan and None."""
    return "-" if value is None or math.isnan(value) else f"{round(value, 2) + 0.0:.2f}"
