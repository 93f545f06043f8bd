"""`RESULTS.md`, from what the modules found: a pure function of their JSON files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.harness import Claim
from benchmarks.results import Section, Sheet

NOT_MET = "NO"
HEADER = ("claim", "ours", "reference", "ratio", "target", "met")
_INTRODUCTION = """\
# Benchmarks

Written by `make bench` from `results/*.json`; not by hand. `python -m benchmarks MODULE ...` measures some modules
again and keeps what the others found, `python -m benchmarks --render` only writes this page again. How things are
compared: [README.md](README.md)."""


def quantity(value: float, unit: str) -> str:
    """A number with its unit: seconds ("s"), bytes ("B") or neither ("")."""
    if not unit:
        return f"{value:.3g}"
    if unit == "B":
        return f"{value / 1e6:.3g} MB"
    for name, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g} {name}"
    return f"{value / 1e-6:.3g} µs"


def times(ratio: float) -> str:
    """A ratio, to three figures or to the unit."""
    return f"{ratio:.0f}x" if ratio >= 100 else f"{ratio:.3g}x"


def claim_cells(claim: Claim) -> tuple[str, str, str, str, str, str]:
    """A line of the table of claims, under `HEADER`."""
    return (
        f"{claim.name}{' · ' + claim.note if claim.note else ''}",
        quantity(claim.ours, claim.unit),
        quantity(claim.reference, claim.unit),
        times(claim.ratio),
        f"{'at most' if claim.at_most else 'at least'} {claim.target:g}x",
        "yes" if claim.met else NOT_MET,
    )


def page(sections: Sequence[Section]) -> str:
    """The whole page."""
    machines = list(dict.fromkeys(_environment(section) for section in sections))
    parts = [_INTRODUCTION, *_overview(sections), *_machines(machines)]
    for section in sections:
        parts += _section(section, machines.index(_environment(section)) + 1 if len(machines) > 1 else None)
    return "\n\n".join(parts) + "\n"


def _overview(sections: Sequence[Section]) -> list[str]:
    rows = [
        [
            f"[{_text(section.title)}](#{section.module})",
            str(len(section.claims)),
            str(sum(claim.met for claim in section.claims)),
            section.finished[:10],
        ]
        for section in sections
    ]
    claims = [claim for section in sections for claim in section.claims]
    missed = [
        f"- Not met: [{section.module}](#{section.module}): {_text(name)}: {ratio}, {target}"
        for section in sections
        for name, _, _, ratio, target, met in map(claim_cells, section.claims)
        if met == NOT_MET
    ]
    total = f"{sum(claim.met for claim in claims)} of {len(claims)} claims are met."
    return [total, *(["\n".join(missed)] if missed else []), grid(("measured", "claims", "met", "on"), rows)]


def _machines(machines: Sequence[tuple[str, str]]) -> list[str]:
    parts = ["## Machine and versions"]
    for number, (machine, versions) in enumerate(machines, start=1):
        name = f"Machine {number}: " if len(machines) > 1 else ""
        parts += [f"{name}{machine}.", f"{versions}."]
    return parts


def _section(section: Section, machine: int | None) -> list[str]:
    where = "" if machine is None else f" on machine {machine}"
    load = "" if section.load is None else f"; load average {section.load:g} before"
    parts = [
        f'<a id="{section.module}"></a>',
        f"## {section.title}",
        f"`python -m benchmarks {section.module}`: {section.seconds:.0f} s{where}, {section.finished} UTC{load}.",
    ]
    parts += [section.about] if section.about else []
    parts += [_notes(section.notes)] if section.notes else []
    parts += [grid(HEADER, [claim_cells(claim) for claim in section.claims])] if section.claims else []
    for sheet in section.tables:
        parts += _sheet(sheet)
    parts += [f"![{_text(figure.caption)}](figures/{figure.file})" for figure in section.figures]
    return parts


def _notes(notes: Iterable[str]) -> str:
    return "\n".join(f"- {_text(note)}" for note in notes)


def _sheet(sheet: Sheet) -> list[str]:
    return [*([f"**{_text(sheet.title)}**"] if sheet.title else []), grid(sheet.columns, sheet.rows)]


def grid(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(_text(cell) for cell in line) + " |" for line in lines)


def _text(value: str) -> str:
    return " ".join(value.split()).replace("|", "\\|")


def _environment(section: Section) -> tuple[str, str]:
    return _listed(section.machine), _listed(section.versions)


def _listed(part: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in part.items())
