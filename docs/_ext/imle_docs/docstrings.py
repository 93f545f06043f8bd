"""Where docstrings, written for `help()`, need a hand to be read by Sphinx."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sphinx.ext.napoleon.docstring import GoogleDocstring

if TYPE_CHECKING:
    from sphinx.application import Sphinx

BEFORE_NAPOLEON = 400


def as_prose(app: Sphinx, what: str, name: str, found: Any, options: Any, lines: list[str]) -> None:
    """Properties: napoleon would take what stands before a colon in their first line for a type."""
    if what == "property" and lines:
        read = GoogleDocstring(lines, app.config, app, "method", name, found, options).lines()
        lines[:] = ["..", "", *read]  # an empty comment, in which it finds no type


def as_python(
    app: Sphinx, what: str, name: str, found: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Signatures of dataclasses: `<factory>` is no Python, and Sphinx leaves what is none as it is."""
    del app, what, name, found, options
    return (signature and signature.replace("<factory>", "...")), returns
