"""One run of some benchmark modules: each is measured, shown and saved before the next begins."""

from __future__ import annotations

import importlib
import inspect
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks import results
from benchmarks.harness import Claim
from benchmarks.machine import load_average, machine, versions
from benchmarks.render import HEADER, claim_cells
from benchmarks.results import Section, Sheet

INTERRUPTED = 130


class Run:
    """Measure modules in turn.

    Args:
        console: where to show what they find.
        names: the modules below `package`.
        folder: where their results go; `results` with figures in `figures` beside it.
        package: that the modules are in.
    """

    def __init__(
        self, console: Console, names: Sequence[str], folder: Path = results.FOLDER, package: str = "benchmarks"
    ) -> None:
        self.console = console
        self.names = names
        self.results = folder / results.RESULTS.name
        self.figures = folder / results.FIGURES.name
        self.package = package
        self.missed: list[Claim] = []
        self.failed: dict[str, str] = {}
        self.left: list[str] = []

    def sections(self) -> Iterator[Section]:
        """What each module finds; those that fail are skipped, after Ctrl-C all that are left."""
        here = machine()
        self.console.print(", ".join(here.values()) + ", one thread")
        for position, name in enumerate(self.names):
            try:
                section = self._measure(name, here)
            except KeyboardInterrupt:
                self.left = list(self.names[position:])
                return
            except Exception as error:  # whatever a benchmark raises, the others are still measured
                self.console.print_exception()
                self.failed[name] = f"{type(error).__name__}: {error}"
            else:
                section.save(self.results)
                self.missed += [claim for claim in section.claims if not claim.met]
                yield section

    def close(self) -> int:
        """Name what is missing or not met; the exit code."""
        for claim in self.missed:
            self.console.print(f"[red]not met:[/] {escape(' '.join(claim_cells(claim)[:-1]))}")
        for name, reason in self.failed.items():
            self.console.print(f"[red]failed:[/] {name} ({escape(reason)})")
        if self.left:
            self.console.print(f"[red]interrupted[/], not measured: {', '.join(self.left)}")
            return INTERRUPTED
        return 1 if self.missed or self.failed else 0

    def _measure(self, name: str, here: dict[str, str]) -> Section:
        load, start = load_average(), time.perf_counter()
        module = importlib.import_module(f"{self.package}.{name}")
        title, about = documented(module)
        self.console.print(f"\n[bold]{escape(title)}[/]")
        tables = []
        for table in module.tables() if hasattr(module, "tables") else ():
            self.console.print(table)
            tables.append(Sheet.of(table))
        claims = list(module.claims())
        self._show(claims)
        figures = module.figures(self.figures) if hasattr(module, "figures") else []
        notes = module.notes() if hasattr(module, "notes") else []
        for note in notes:
            self.console.print(escape(note))
        return Section(
            module=name,
            title=title,
            about=about,
            finished=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
            seconds=round(time.perf_counter() - start, 1),
            load=load,
            machine=here,
            versions=versions(),
            claims=claims,
            tables=tables,
            figures=figures,
            notes=notes,
        )

    def _show(self, claims: Sequence[Claim]) -> None:
        if not claims:
            return
        table = Table(*HEADER)
        for claim in claims:
            *cells, met = (escape(cell) for cell in claim_cells(claim))
            table.add_row(*cells, met if claim.met else f"[bold red]{met}[/]")
        self.console.print(table)


def documented(module: ModuleType) -> tuple[str, str]:
    """A module's docstring: its first line without a full stop, and the rest."""
    title, _, about = (inspect.getdoc(module) or module.__name__).partition("\n")
    return title.removesuffix("."), about.strip()
