"""How commands print: JSON for programs, coloured text for terminals, one plain line per row for pipes."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from imle._text import written
from imle.plugins import PluginState, SolverRecord, registry
from imle.plugins.records import Record

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

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
    """All solvers. What plugins print while they are read goes to stderr, for stdout may be somebody's JSON."""
    with contextlib.redirect_stdout(sys.stderr):
        return registry.solvers()


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
    """Print through click, which reports a broken pipe to us (rich would exit the process)."""
    with console.capture() as capture:
        for renderable in renderables:
            console.print(renderable)
    text = capture.get()
    if not console.is_terminal:  # rich fills lines up to the width of their column
        text = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
    click.echo(text, nl=False, color=console.is_terminal)


def table(header: Sequence[str], rows: Sequence[Sequence[Text]], width: int) -> list[RenderableType]:
    """Rows under a header. The columns that do not fit into `width` follow indented on lines of their own."""
    from rich.text import Text

    heads = [Text(name, "bold") for name in header]
    widths = [max(row[column].cell_len for row in [heads, *rows]) for column in range(len(header))]
    fitting = _fitting(widths, width)
    lines: list[RenderableType] = [_line(heads, widths[:fitting])]
    for row in rows:
        lines += laid_out(row, widths, width)
    return lines


def laid_out(row: Sequence[Text], widths: Sequence[int], width: int) -> list[RenderableType]:
    """One row of columns of given widths, the last of which may be as long as it is; see `table`."""
    from rich.padding import Padding

    fitting = _fitting(widths, width)
    rest = _joined([cell for cell in row[fitting:] if cell.cell_len], width - _GAP)
    return [_line(row, widths[:fitting]), *(Padding(line, (0, 0, 0, _GAP)) for line in rest)]


def _fitting(widths: Sequence[int], width: int) -> int:
    """How many columns stand side by side."""
    return max((n for n in range(1, len(widths) + 1) if sum(widths[:n]) + _GAP * (n - 1) <= width), default=1)


def _line(row: Sequence[Text], widths: Sequence[int]) -> Text:
    from rich.text import Text

    return Text(" " * _GAP).join([_padded(cell, size) for cell, size in zip(row, widths, strict=False)])


def _joined(cells: list[Text], width: int) -> list[Text]:
    """The cells on one line if that is wide enough, else each on its own."""
    from rich.text import Text

    joined = Text.assemble(*(part for cell in cells for part in ((" · ", "dim"), cell)))[3:]
    return [joined] if cells and joined.cell_len <= width else cells


def _padded(cell: Text, size: int) -> Text:
    padded = cell.copy()
    padded.pad_right(size - cell.cell_len)
    return padded


def pairs(values: Mapping[str, str | Text]) -> RenderableType:
    """Names and their values, indented; long values wrap under themselves."""
    from rich.padding import Padding
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in values.items():
        grid.add_row(name, value)
    return Padding(grid, (0, 0, 0, 2))


def state_text(state: PluginState) -> Text:
    from rich.text import Text

    return Text(state.value, STATE_STYLES[state])


def finding(console: Console, subject: str, text: str | Text, fix: str, indent: int = 0) -> list[Text]:
    """What is wrong with the subject and, below it, what mends it. Lines too long hang."""
    from rich.text import Text

    return [
        _hanging(console, Text.assemble((subject, "bold"), ": ", text), indent),
        _hanging(console, Text.assemble(("fix: ", "cyan"), fix), indent + _GAP),
    ]


def _hanging(console: Console, text: Text, indent: int) -> Text:
    from rich.text import Text

    lines = text.wrap(console, console.width - indent - _GAP)
    return Text(" " * indent) + Text("\n" + " " * (indent + _GAP)).join(lines)


def troubles(console: Console, records: Sequence[Record]) -> list[Text]:
    """A finding for each record that is not ok; what two records share is said once."""
    from rich.text import Text

    lines: list[Text] = []
    for id_, state, reason, fix in dict.fromkeys((r.id, r.state, r.reason, r.fix) for r in records):
        if state is not PluginState.OK:
            lines += finding(console, id_, Text.assemble(state_text(state), f": {reason}"), fix)
    return lines
