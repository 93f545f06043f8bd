"""`RESULTS.md`, from what the modules found: a pure function of their JSON files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from benchmarks.harness import Claim
from benchmarks.results import Section, Sheet

NOT_MET = "NO"
HEADER = ("claim", "ours", "reference", "ratio", "target", "met")
_ORIGIN = """\
Written by `make bench` from `results/*.json`; not by hand. `python -m benchmarks MODULE ...` measures some modules
again and keeps what the others found, `python -m benchmarks --render` only writes this page again."""


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


def page(sections: Sequence[Section], top: str) -> str:
    """The whole page: what matters most on its first screen, and all else folded below.

    Args:
        sections: results on file.
        top: what it begins with: the numbers that matter most.
    """
    machines = list(dict.fromkeys(_environment(section) for section in sections))
    claims = [claim for section in sections for claim in section.claims]
    parts = [
        "# Benchmarks",
        f"{_met(claims)} claims are met: [in short](README.md#in-short), and [how things are compared](README.md).",
        top,
        *_missed(sections),
        *_folded("Machine and versions, and how this page is made", [_ORIGIN, *_machines(machines)]),
        "## Measured",
    ]
    for section in sections:
        title = f"{section.title} ({_met(section.claims)} met)" if section.claims else section.title
        machine = machines.index(_environment(section)) + 1 if len(machines) > 1 else None
        parts += _folded(title, [f'<a id="{section.module}"></a>', *_section(section, machine)])
    return "\n\n".join(filter(None, parts)) + "\n"


def _folded(summary: str, parts: Sequence[str]) -> list[str]:
    return [f"<details>\n<summary>{escape(_line(summary), quote=False)}</summary>", *parts, "</details>"]


def _met(claims: Sequence[Claim]) -> str:
    return f"{sum(claim.met for claim in claims)} of {len(claims)}"


def _missed(sections: Sequence[Section]) -> list[str]:
    missed = [
        f"- [{section.module}](#{section.module}): {_text(name)}: {ratio}, {target}"
        for section in sections
        for name, _, _, ratio, target, met in map(claim_cells, section.claims)
        if met == NOT_MET
    ]
    return _folded(f"Not met: {len(missed)}", ["\n".join(missed)]) if missed else []


def _machines(machines: Sequence[tuple[str, str]]) -> list[str]:
    parts = []
    for number, (machine, versions) in enumerate(machines, start=1):
        name = f"Machine {number}: " if len(machines) > 1 else ""
        parts += [f"{name}{machine}.", f"{versions}."]
    return parts


def _section(section: Section, machine: int | None) -> list[str]:
    where = "" if machine is None else f" on machine {machine}"
    load = "" if section.load is None else f"; load average {section.load:g} before"
    parts = [f"`python -m benchmarks {section.module}`: {section.seconds:.0f} s{where}, {section.finished} UTC{load}."]
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
    return _line(value).replace("|", "\\|")


def _line(value: str) -> str:
    return " ".join(value.split())


def _environment(section: Section) -> tuple[str, str]:
    return _listed(section.machine), _listed(section.versions)


def _listed(part: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in part.items())
