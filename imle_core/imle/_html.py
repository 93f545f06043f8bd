"""Reports in notebooks: what rich would print, as HTML. All texts are escaped.

Colours are tints behind the text, which itself keeps the colour of the page: both light and dark pages can be read.
"""

from __future__ import annotations

from html import escape
from itertools import pairwise
from typing import Any

from rich.console import Group
from rich.padding import Padding
from rich.style import Style
from rich.table import Table
from rich.text import Text

from imle._report import Code, Fault, FoldingTable

_STYLE = """
.imle-report{font-size:.9em;line-height:1.45;overflow-x:auto}
.imle-report table{border-collapse:collapse;margin:.3em 0;background:none;color:inherit;font-size:inherit}
.imle-report tr,.imle-report td,.imle-report th{background:none;color:inherit;text-align:left;vertical-align:top;
border:0;padding:.1em .9em .1em 0}
.imle-report thead th{border-bottom:1px solid rgba(128,128,128,.5);vertical-align:bottom}
.imle-report td.right,.imle-report th.right{text-align:right}
.imle-report pre{background:rgba(128,128,128,.12);color:inherit;padding:.5em;margin:.3em 0;overflow-x:auto}
.imle-report div{min-height:.6em}
.imle-report .indented{margin-left:1.2em}
.imle-report .bold{font-weight:600}
.imle-report .dim{opacity:.7}
.imle-report .cyan{font-family:monospace;white-space:nowrap}
.imle-report .green,.imle-report .yellow,.imle-report .red,.imle-report .magenta{border-radius:.25em;padding:0 .25em}
.imle-report .green{background:rgba(40,160,70,.25)}
.imle-report .yellow{background:rgba(220,160,0,.3)}
.imle-report .red{background:rgba(220,50,50,.28)}
.imle-report .magenta{background:rgba(190,60,190,.28)}
""".strip()


def page(shown: Any) -> str:
    """A report as HTML that stands by itself.

    Args:
        shown: what `imle._report` and the reports of this library are made of, or has it as `__rich__`.
    """
    return f'<div class="imle-report"><style>{_STYLE}</style>{_html(shown)}</div>'


def _html(shown: Any) -> str:
    match shown:
        case str() | Text():
            return f"<div>{_inline(shown)}</div>"
        case Group():
            return "".join(map(_html, shown.renderables))
        case Padding():
            return f'<div class="indented">{_html(shown.renderable)}</div>'
        case Code():
            return f"<pre>{escape(shown.source)}</pre>"
        case Fault():
            first, fix = shown.lines
            return f'{_html(first)}<div class="indented">{_inline(fix)}</div>'
        case FoldingTable():
            return _table(list(shown.header), list(map(list, shown.rows)), [""] * len(shown.header))
        case Table():
            columns = shown.columns
            kept = [column for column in columns if any(map(str, column.cells))]  # others are space between columns
            header = [column.header for column in kept] if shown.show_header else None
            rows = [list(row) for row in zip(*(column._cells for column in kept), strict=True)]
            styles = [_classes(column.style) + " right" * (column.justify == "right") for column in kept]
            return _table(header, rows, styles, [_classes(row.style or "") for row in shown.rows])
        case _:
            return _html(shown.__rich__())


def _table(header: list[Any] | None, rows: list[list[Any]], styles: list[str], lines: list[str] | None = None) -> str:
    head = "" if header is None else f"<thead>{_row(header, styles, 'th', '')}</thead>"
    kinds = lines or [""] * len(rows)
    body = "".join(_row(row, styles, "td", kind) for row, kind in zip(rows, kinds, strict=True))
    return f"<table>{head}<tbody>{body}</tbody></table>"


def _row(cells: list[Any], styles: list[str], tag: str, kind: str) -> str:
    shown = (_tagged(tag, style.strip(), _inline(cell)) for cell, style in zip(cells, styles, strict=True))
    return _tagged("tr", kind, "".join(shown))


def _tagged(tag: str, classes: str, inside: str) -> str:
    return f'<{tag} class="{escape(classes)}">{inside}</{tag}>' if classes else f"<{tag}>{inside}</{tag}>"


def _inline(cell: Any) -> str:
    if not isinstance(cell, Text):
        return _escaped(str(cell))
    marks = sorted({0, len(cell.plain), *(end for span in cell.spans for end in span[:2])})
    parts = []
    for start, stop in pairwise(marks):
        styles = [cell.style, *(span.style for span in cell.spans if span.start <= start and stop <= span.end)]
        names = " ".join(filter(None, map(_classes, styles)))
        shown = _escaped(cell.plain[start:stop])
        parts.append(_tagged("span", names, shown) if names else shown)
    return "".join(parts)


def _escaped(plain: str) -> str:
    return escape(plain).strip("\n").replace("\n", "<br>")


def _classes(style: str | Style) -> str:
    """ "bold cyan" names two classes of the style sheet."""
    return str(style) if str(style) not in ("none", "not bold") else ""
