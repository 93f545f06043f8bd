"""What reports are made of. One description of each is shown by terminals, logs and notebooks alike: rich prints it,
`imle._html` reads it. rich is not imported before there is something to show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.text import Text

GAP = 2
"""FoldingTable between two cells, and by which what belongs to a line above is indented."""


def text(*parts: str | tuple[str, str] | Text) -> Text:
    """Parts in a row, each a text or (text, style)."""
    from rich.text import Text

    return Text.assemble(*parts)


def stacked(parts: Iterable[RenderableType]) -> RenderableType:
    """Parts one below the other."""
    from rich.console import Group

    return Group(*parts)


def indented(part: RenderableType, by: int = GAP) -> RenderableType:
    """The same, further right."""
    from rich.padding import Padding

    return Padding(part, (0, 0, 0, by))


def section(title: str, *body: RenderableType, style: str = "bold") -> list[RenderableType]:
    """An empty line, a title, and what belongs to it."""
    return [text(), text((title, style)), *body]


def pairs(values: Mapping[str, str | Text]) -> RenderableType:
    """Names and their values, indented; long values wrap under themselves.

    Args:
        values: by name.
    """
    from rich.table import Table

    grid = Table.grid(padding=(0, GAP))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in values.items():
        grid.add_row(name, value)
    return indented(grid)


@dataclass(frozen=True)
class FoldingTable:
    """Rows under a header. The columns that do not fit follow indented on lines of their own.

    Attributes:
        header: names of columns.
        rows: a cell per column.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Text]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        heads = [text((name, "bold")) for name in self.header]
        widths = [max(cell.cell_len for cell in column) for column in zip(heads, *self.rows, strict=True)]
        yield laid_out(heads, widths, options.max_width)[0]
        for row in self.rows:
            yield from laid_out(row, widths, options.max_width)


def laid_out(row: Sequence[Text], widths: Sequence[int], width: int) -> list[RenderableType]:
    """One row of columns of given widths, the last of which may be as long as it is; see `FoldingTable`."""
    fitting = max((n for n in range(1, len(widths) + 1) if sum(widths[:n]) + GAP * (n - 1) <= width), default=1)
    padded = [cell.copy() for cell in row[:fitting]]
    for cell, size in zip(padded, widths, strict=False):
        cell.pad_right(size - cell.cell_len)
    rest = [cell for cell in row[fitting:] if cell.cell_len]
    joined = text((" · ", "dim")).join(rest)
    if rest and joined.cell_len <= width - GAP:
        rest = [joined]
    return [text(" " * GAP).join(padded), *map(indented, rest)]


@dataclass(frozen=True)
class Fault:
    """What is wrong with the subject and, below it, what mends it. Lines too long hang."""

    subject: str
    what: str | Text
    fix: str

    @property
    def lines(self) -> tuple[Text, Text]:
        return text((self.subject, "bold"), ": ", self.what), text(("fix: ", "cyan"), self.fix)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for place, line in enumerate(self.lines):
            indent = GAP * place
            wrapped = line.wrap(console, options.max_width - indent - GAP)
            yield text(" " * indent, text("\n" + " " * (indent + GAP)).join(wrapped))


@dataclass(frozen=True)
class Code:
    """Lines to be copied: neither indented nor wrapped."""

    source: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        shown = text(self.source)
        shown.no_wrap, shown.overflow = True, "ignore"
        yield shown


def listed(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> FoldingTable:
    """A table of plain texts; the first column is what the others are about."""
    return FoldingTable(header, [[text((name, "cyan")), *map(text, about)] for name, *about in rows])
