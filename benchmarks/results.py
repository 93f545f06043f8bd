"""What a benchmark module found, kept as one JSON file per module: `RESULTS.md` is rendered from these files alone."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from benchmarks.harness import Claim

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
FIGURES = FOLDER / "figures"
PAGE = FOLDER / "RESULTS.md"


@dataclass(frozen=True)
class Sheet:
    """A table of text: a title, the names of its columns, and its rows."""

    title: str
    columns: list[str]
    rows: list[list[str]]

    @classmethod
    def of(cls, table: Table) -> Sheet:
        """What a console table says, without its colours."""
        columns = [[_plain(cell) for cell in column.cells] for column in table.columns]
        rows = [list(row) for row in zip(*columns, strict=True)]
        return cls(_plain(table.title or ""), [_plain(column.header) for column in table.columns], rows)


@dataclass(frozen=True)
class Figure:
    """A picture in the folder of figures, and what it shows."""

    file: str
    caption: str


@dataclass(frozen=True)
class Section:
    """One module's run.

    Attributes:
        module: its name below `benchmarks`.
        title: what it measures.
        about: how; paragraphs.
        finished: date and time, UTC.
        seconds: how long the module took.
        load: the machine's load average over the minute before it began; None where the system does not tell.
        machine, versions: see `benchmarks.machine`.
        notes: what was left out, and why.
    """

    module: str
    title: str
    about: str
    finished: str
    seconds: float
    load: float | None
    machine: dict[str, str]
    versions: dict[str, str]
    claims: list[Claim] = field(default_factory=list)
    tables: list[Sheet] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def save(self, folder: Path) -> None:
        """Write `<module>.json`, whole or not at all: an interrupted run leaves the earlier file."""
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"{self.module}.json.new"
        draft.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        draft.replace(folder / f"{self.module}.json")

    @classmethod
    def load_from(cls, file: Path) -> Section:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        kinds = {"claims": Claim, "tables": Sheet, "figures": Figure}
        for name, kind in kinds.items():
            found[name] = [kind(**entry) for entry in found[name]]
        return cls(**found)


def load(modules: tuple[str, ...], folder: Path) -> list[Section]:
    """The sections of these modules that have been measured, in this order."""
    files = [folder / f"{name}.json" for name in modules]
    return [Section.load_from(file) for file in files if file.exists()]


def _plain(value: object) -> str:
    return value.plain if isinstance(value, Text) else Text.from_markup(str(value)).plain
