"""A diagnosis as text."""

from __future__ import annotations

import io
import math

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from imle.diagnosis.advice import NOISY, SATURATED, SPARSE, percent
from imle.diagnosis.report import Cell, Diagnosis

WIDTH = 100


def plain(report: Diagnosis) -> str:
    """Without colours, for logs and files."""
    stream = io.StringIO()
    Console(file=stream, width=WIDTH, color_system=None, force_terminal=False).print(rendered(report))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def rendered(report: Diagnosis) -> RenderableType:
    """For a rich console."""
    samples = f", {report.samples} samples" if report.samples > 1 else ""
    title = Text.assemble(
        (f"{report.solver} · {report.estimator}", "bold"),
        f"  {many(report.rows, 'row')} of {report.entries}{samples}, {report.draws} draws",
    )
    return Group(title, "", Padding(_facts(report), (0, 0, 0, 2)), "", _grid(report), *_advice(report))


def _facts(report: Diagnosis) -> Table:
    now = report.current
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(justify="right", no_wrap=True)
    facts.add_column(style="dim")
    facts.add_row("rows whose loss has a gradient", percent(report.pulled))
    facts.add_row("of these, with a zero gradient", _share(now.zero, SPARSE))
    if now.unchanged is not None:
        facts.add_row("  target solve changed nothing", percent(now.unchanged))
    if now.saturated is not None:
        facts.add_row("  target ignores theta", _share(now.saturated, SATURATED))
    low, middle, high = (f"{report.nonzeros.quantile(q).item():.3g}" for q in (0.0, 0.5, 1.0))
    facts.add_row("non-zero entries per row", middle, f"of {report.entries}, from {low} to {high}")
    if not math.isnan(now.cosine):
        facts.add_row("cosine between two draws", _cosine(now.cosine), "of the batch's gradient")
    if report.failed:
        facts.add_row("failed solves", Text(percent(now.failed), "red"), _counts(report.failed))
    if report.events:
        facts.add_row("solver events", "", _counts(report.events))
    total = sum(report.seconds.values())
    facts.add_row(
        "one pass, forward and backward",
        _time(total),
        ", ".join(f"{name} {percent(max(part, 0.0) / total)}" for name, part in report.seconds.items()),
    )
    return facts


def _grid(report: Diagnosis) -> RenderableType:
    """One line per step, three columns per temperature."""
    targets = any(cell.saturated is not None for cell in report.grid)
    noisy = any(not math.isnan(cell.cosine) for cell in report.grid)
    columns = ["zero", *(["ignore"] if targets else []), *(["cosine"] if noisy else [])]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=True, header_style="bold", collapse_padding=True)
    table.add_column(f"\n{report.step_name or ''}", justify="right", style="bold", no_wrap=True)
    for tau in report.temperatures:
        table.add_column("\n")  # space between temperatures
        for index, name in enumerate(columns):
            table.add_column(f"tau {tau:.3g}\n{name}" if index == 0 else f"\n{name}", justify="right", no_wrap=True)
    for step in report.steps:
        cells: list[RenderableType] = []
        for tau in report.temperatures:
            cell = report.at(step, tau)
            own = _is_current(report, cell)
            shown = [_share(cell.zero, SPARSE)]
            shown += [_share(cell.saturated or 0.0, SATURATED)] if targets else []
            shown += [_cosine(cell.cosine)] if noisy else []
            cells += ["", *(Text.assemble("▸ " if own and not i else "", text) for i, text in enumerate(shown))]
        table.add_row("" if step is None else f"{step:.3g}", *cells)
    return table


def _advice(report: Diagnosis) -> list[RenderableType]:
    if not report.advice:
        return [Text("  nothing stands out", "green")]
    lines = Table.grid(padding=(0, 1))
    lines.add_column(style="yellow", no_wrap=True)
    lines.add_column()
    for advice in report.advice:
        lines.add_row("→", Text(advice.text))
    return [Padding(lines, (0, 0, 0, 2))]


def _is_current(report: Diagnosis, cell: Cell) -> bool:
    return (cell.step, cell.temperature) == (report.current.step, report.current.temperature)


def _share(value: float, too_much: float) -> Text:
    return Text(percent(value), "red" if value > too_much else "")


def _cosine(value: float) -> Text:
    return Text("-") if math.isnan(value) else Text(f"{round(value, 2) + 0.0:.2f}", "red" if value < NOISY else "")


def _counts(counts: object) -> str:
    assert isinstance(counts, dict)
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def many(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'}"


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1e3 * seconds:.1f} ms"
