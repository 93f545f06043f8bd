"""How commands print: JSON for programs, coloured text for terminals, one plain line per row for pipes."""

from __future__ import annotations

import contextlib
import fnmatch
import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from imle._text import written
from imle.plugins import PluginState, SolverRecord, registry
from imle.plugins.records import Record

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

__all__ = ["make_console", "pairs", "show"]

SCHEMA = 1
"""Version of all JSON outputs; it grows when a field changes its meaning or goes."""

STATE_STYLES = {
    PluginState.OK: "green",
    PluginState.MISSING: "yellow",
    PluginState.BROKEN: "bold red",
    PluginState.DISABLED: "dim",
    PluginState.CONFLICT: "bold magenta",
    PluginState.INCOMPATIBLE: "yellow",
}

_UNLIMITED = 100_000  # columns: in a pipe a row stays on its line, however long
_GAP = 2


def read_plugins() -> tuple[SolverRecord, ...]:
    """All solvers. What plugins print while they are read goes to stderr, for stdout may be parsed as JSON."""
    with contextlib.redirect_stdout(sys.stderr):
        return registry.solvers()


def matches(record: Record, pattern: str) -> bool:
    """Whether a glob fits the id of what a plugin offers, alone or with its distribution."""
    return any(fnmatch.fnmatchcase(name, pattern) for name in (record.id, record.qualified_id))


def echo_json(payload: Mapping[str, Any]) -> None:
    click.echo(json.dumps({"schema": SCHEMA, **payload}, indent=2, allow_nan=False))


def plain(value: Any) -> Any:
    """A parameter's default for JSON: as it is where JSON has it, else as Python writes it."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return written(value)


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
            console.print(renderable)
    shown = capture.get()
    if not console.is_terminal:  # rich fills lines up to the width of their column
        shown = "".join(f"{line.rstrip()}\n" for line in shown.splitlines())
    click.echo(shown, nl=False, color=console.is_terminal)


def text(*parts: str | tuple[str, str] | Text) -> Text:
    """Parts in a row, each a text or (text, style); rich is not imported before there is something to show."""
    from rich.text import Text

    return Text.assemble(*parts)


def indented(parts: Iterable[RenderableType]) -> list[RenderableType]:
    """The same, two columns further right."""
    from rich.padding import Padding

    return [Padding(part, (0, 0, 0, _GAP)) for part in parts]


def section(title: str, *body: RenderableType, style: str = "bold") -> list[RenderableType]:
    """An empty line, a title, and what belongs to it."""
    return [text(), text((title, style)), *body]


def table(header: Sequence[str], rows: Sequence[Sequence[Text]], width: int) -> list[RenderableType]:
    """Rows under a header. The columns that do not fit into `width` follow indented on lines of their own."""
    heads = [text((name, "bold")) for name in header]
    widths = [max(cell.cell_len for cell in column) for column in zip(heads, *rows, strict=True)]
    return [laid_out(heads, widths, width)[0], *(line for row in rows for line in laid_out(row, widths, width))]


def laid_out(row: Sequence[Text], widths: Sequence[int], width: int) -> list[RenderableType]:
    """One row of columns of given widths, the last of which may be as long as it is; see `table`."""
    fitting = max((n for n in range(1, len(widths) + 1) if sum(widths[:n]) + _GAP * (n - 1) <= width), default=1)
    padded = [cell.copy() for cell in row[:fitting]]
    for cell, size in zip(padded, widths, strict=False):
        cell.pad_right(size - cell.cell_len)
    rest = [cell for cell in row[fitting:] if cell.cell_len]
    joined = text((" · ", "dim")).join(rest)
    if rest and joined.cell_len <= width - _GAP:
        rest = [joined]
    return [text(" " * _GAP).join(padded), *indented(rest)]


def pairs(values: Mapping[str, str | Text]) -> RenderableType:
    """Names and their values, indented; long values wrap under themselves.

    Args:
        values: by name.
    """
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in values.items():
        grid.add_row(name, value)
    return indented([grid])[0]


def state_text(state: PluginState) -> Text:
    """A state in its colour."""
    return text((state.value, STATE_STYLES[state]))


def finding(console: Console, subject: str, what: str | Text, fix: str, indent: int = 0) -> list[Text]:
    """What is wrong with the subject and, below it, what mends it. Lines too long hang."""
    lines = text((subject, "bold"), ": ", what), text(("fix: ", "cyan"), fix)
    return [_hanging(console, line, indent + _GAP * place) for place, line in enumerate(lines)]


def _hanging(console: Console, line: Text, indent: int) -> Text:
    wrapped = line.wrap(console, console.width - indent - _GAP)
    return text(" " * indent, text("\n" + " " * (indent + _GAP)).join(wrapped))


def show_records(
    header: Sequence[str], records: Sequence[Record], cells: Callable[[Any], tuple[Sequence[str], str]]
) -> None:
    """A table of what plugins offer, and below it a finding for each record that is not ok.

    Args:
        header: names of columns.
        records: one per line; what two of them share is said once.
        cells: of a record's spec: what stands between its id and its state, and its summary.
    """
    console = make_console()
    rows = []
    for record in records:
        about, summary = cells(record.spec) if record.spec else ([""] * (len(header) - 4), "")
        whence = f"{record.distribution} {record.version}".strip()
        first = text((record.id, "bold cyan"))
        rows.append([first, *map(text, about), state_text(record.state), text(whence), text(summary)])
    lines = table(header, rows, console.width)
    below: list[Text] = []
    for id_, state, reason, fix in dict.fromkeys((r.id, r.state, r.reason, r.fix) for r in records):
        if state is not PluginState.OK:
            below += finding(console, id_, text(state_text(state), f": {reason}"), fix)
    show(console, *lines, *([text(), *below] if below else []))
