"""How commands print: JSON for programs, coloured text for terminals, one plain line per row for pipes."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from imle._report import pairs

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["make_console", "pairs", "show"]

SCHEMA = 1
"""Version of all JSON outputs; it grows when a field changes its meaning or goes."""

_UNLIMITED = 100_000  # columns: in a pipe a row stays on its line, however long


def quietly() -> contextlib.AbstractContextManager[object]:
    """What plugins print while they are read goes to stderr, for stdout may be parsed as JSON."""
    return contextlib.redirect_stdout(sys.stderr)


def echo_json(payload: Mapping[str, Any]) -> None:
    click.echo(json.dumps({"schema": SCHEMA, **payload}, indent=2, allow_nan=False))


def make_console() -> Console:
    """A rich console that takes texts of plugins literally and never wraps in a pipe."""
    from rich.console import Console

    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = _UNLIMITED
    return console


def show(console: Console, *renderables: RenderableType) -> None:
    """Print through click, which reports a broken pipe to us (rich would exit the process).

    Args:
        console: says how wide and colourful output may be.
        renderables: rich's, one below the other.
    """
    with console.capture() as capture:
        for renderable in renderables:
            console.print(renderable, crop=False)
    shown = capture.get()
    if not console.is_terminal:  # rich fills lines up to the width of their column
        shown = "".join(f"{line.rstrip()}\n" for line in shown.splitlines())
    click.echo(shown, nl=False, color=console.is_terminal)
