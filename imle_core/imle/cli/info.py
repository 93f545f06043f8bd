"""`imle info`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from imle._text import written
from imle.cli.completion import solver_ids
from imle.cli.output import (
    echo_json,
    indented,
    make_console,
    pairs,
    plain,
    read_plugins,
    section,
    show,
    state_text,
    table,
    text,
)
from imle.plugins import Block, Parameter, SolverRecord, SolverSpec, registry

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

_SENSES = {
    "min": "min: objectives are costs, the smallest total wins",
    "max": "max: objectives are scores, the largest total wins",
}
_ARRAYS = {
    "numpy": "numpy: float64, C-contiguous",
    "torch": "torch: a detached tensor on your device, in your dtype",
}
_TEXTS = ("requires", "aliases", "licence", "url", "api_version", "example")
_PARAMETER = (
    *("name", "type", "required", "default", "choices"),
    *("minimum", "maximum", "above", "finite", "per_row", "doc"),
)
"""What `--json` says of a spec and of a parameter, beside what has parts of its own."""


@click.command("info")
@click.argument("solver_id", metavar="ID", shell_complete=solver_ids)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(solver_id: str, as_json: bool) -> None:
    """Show one solver: parameters, capabilities, an example.

    ID is a solver id, or DISTRIBUTION/ID where several plugins claim the id.
    """
    read_plugins()
    record = registry.find(solver_id)
    if as_json:
        echo_json({"solver": {**record.as_json(), **(_details(record.spec) if record.spec else {})}})
    else:
        _print(record)


def _details(spec: SolverSpec) -> dict[str, Any]:
    """What a spec says beyond the row of the listing."""
    return {
        "target": spec.target,
        "instance": [_parameter(parameter) for parameter in spec.instance],
        "options": [_parameter(parameter) for parameter in spec.options],
        "blocks": [dataclasses.asdict(block) for block in spec.blocks],
        "capabilities": dataclasses.asdict(spec.capabilities),
        **{name: plain(getattr(spec, name)) for name in _TEXTS},
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    found = {name: plain(getattr(parameter, name)) for name in _PARAMETER}
    return found | {"default": None} if parameter.required else found


def _print(record: SolverRecord) -> None:
    console = make_console()
    spec = record.spec
    title = text((record.id, "bold cyan"), f": {spec.summary}" if spec and spec.summary else "")
    parts: list[RenderableType] = [title, text(), pairs(_facts(record))]
    if spec:
        parts += _parameters(console, "instance parameters: what fixes the feasible set", spec.instance)
        parts += _parameters(console, "options: how the solver works", spec.options)
        parts += _blocks(console, spec.blocks)
        parts += section("capabilities", pairs(_capabilities(spec)))
    show(console, *parts)
    if spec and spec.example:
        # Neither indented nor wrapped: it is there to be copied.
        click.echo(f"\n{click.style('example', bold=True)}\n{spec.example}")


def _facts(record: SolverRecord) -> dict[str, str | Text]:
    facts: dict[str, str | Text] = {"status": state_text(record.state)}
    if record.reason:
        facts |= {"reason": record.reason, "fix": record.fix}
    if spec := record.spec:
        facts |= {"problem": spec.problem, "sense": _SENSES[spec.sense], "answers": _answers(spec)}
    facts["distribution"] = f"{record.distribution} {record.version}".strip()
    facts["qualified id"] = record.qualified_id
    facts["entry point"] = record.entry_point
    if spec:
        facts |= {
            "solver class": spec.target,
            **({"formerly": ", ".join(spec.aliases)} if spec.aliases else {}),
            "requires": ", ".join(spec.requires) or "nothing beyond imle",
            "licence": spec.licence or "not stated",
            "url": spec.url or "not stated",
        }
    return facts


def _answers(spec: SolverSpec) -> str:
    if not spec.exact:
        return "heuristic: solutions may be improvable"
    proven = "exact: solutions are proven optimal"
    return f"{proven}, to the solver's tolerances: {spec.tolerances}" if spec.tolerances else proven


def _capabilities(spec: SolverSpec) -> dict[str, str]:
    capabilities = spec.capabilities
    return {
        "arrays": _ARRAYS[capabilities.array],
        "thread-safe": _yes(capabilities.thread_safe),
        "releases the GIL": _yes(capabilities.releases_gil),
        "warm start": _yes(capabilities.warm_start),
        "negative objectives": "solved exactly" if capabilities.negative_objectives else "not solved exactly",
    }


def _blocks(console: Console, blocks: Sequence[Block]) -> list[RenderableType]:
    always = [block for block in blocks if not block.optional]
    title = f"blocks: {', '.join(b.solution for b in always)} = layer({', '.join(b.name for b in always)})"
    rows = [
        (b.name, b.solution, _yes(b.noise), _yes(b.shared), f"{b.doc}; not in every instance" if b.optional else b.doc)
        for b in blocks
    ]
    return _listing(console, title, ("name", "solution", "noise", "one for all rows", "meaning"), rows)


def _parameters(console: Console, title: str, parameters: Sequence[Parameter]) -> list[RenderableType]:
    rows = []
    for parameter in parameters:
        listed = ", ".join(map(written, parameter.choices))
        doc = "; ".join(part for part in (parameter.doc, f"one of {listed}" if listed else "", parameter.range) if part)
        default = "required" if parameter.required else written(parameter.default)
        rows.append((parameter.name, parameter.type, default, _yes(parameter.per_row), doc))
    return _listing(console, title, ("name", "type", "default", "per row", "meaning"), rows)


def _listing(
    console: Console, title: str, header: Sequence[str], rows: Sequence[Sequence[str]]
) -> list[RenderableType]:
    if not rows:
        return []
    cells = [[text((name, "cyan")), *map(text, about)] for name, *about in rows]
    return section(title, *indented(table(header, cells, console.width - 2)))


def _yes(so: bool) -> str:
    return "yes" if so else "no"
