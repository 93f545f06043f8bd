"""`imle info`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from imle._text import written
from imle.cli.completion import solver_ids
from imle.cli.output import echo_json, make_console, pairs, plain, read_plugins, show, state_text, table
from imle.plugins import Parameter, SolverRecord, SolverSpec, registry

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_SENSES = {
    "min": "min: objectives are costs, the smallest total wins",
    "max": "max: objectives are scores, the largest total wins",
}
_ARRAYS = {
    "numpy": "numpy: float64, C-contiguous",
    "torch": "torch: a detached tensor on your device, in your dtype",
}


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
    capabilities = spec.capabilities
    return {
        "target": spec.target,
        "instance": [_parameter(parameter) for parameter in spec.instance],
        "options": [_parameter(parameter) for parameter in spec.options],
        "capabilities": {
            "array": capabilities.array,
            "thread_safe": capabilities.thread_safe,
            "releases_gil": capabilities.releases_gil,
            "warm_start": capabilities.warm_start,
            "negative_objectives": capabilities.negative_objectives,
        },
        "requires": list(spec.requires),
        "licence": spec.licence,
        "url": spec.url,
        "api_version": spec.api_version,
        "example": spec.example,
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "type": parameter.type,
        "required": parameter.required,
        "default": None if parameter.required else plain(parameter.default),
        "choices": plain(parameter.choices),
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
        "above": parameter.above,
        "finite": parameter.finite,
        "per_row": parameter.per_row,
        "doc": parameter.doc,
    }


def _print(record: SolverRecord) -> None:
    from rich.text import Text

    console = make_console()
    spec = record.spec
    title = Text.assemble((record.id, "bold cyan"), f": {spec.summary}" if spec and spec.summary else "")
    parts: list[RenderableType] = [title, Text(), _facts(record)]
    if spec:
        parts += _parameters(console, "instance parameters: what fixes the feasible set", spec.instance)
        parts += _parameters(console, "options: how the solver works", spec.options)
        parts += [Text(), Text("capabilities", "bold"), pairs(_capabilities(spec))]
    show(console, *parts)
    if spec and spec.example:
        # Neither indented nor wrapped: it is there to be copied.
        click.echo(f"\n{click.style('example', bold=True)}\n{spec.example}")


def _facts(record: SolverRecord) -> RenderableType:
    from rich.text import Text

    facts: dict[str, str | Text] = {"status": state_text(record.state)}
    if record.reason:
        facts |= {"reason": record.reason, "fix": record.fix}
    if spec := record.spec:
        facts |= {
            "problem": spec.problem,
            "sense": _SENSES[spec.sense],
            "answers": _answers(spec),
        }
    facts["distribution"] = f"{record.distribution} {record.version}".strip()
    facts["qualified id"] = record.qualified_id
    facts["entry point"] = record.entry_point
    if spec:
        facts |= {
            "solver class": spec.target,
            "requires": ", ".join(spec.requires) or "nothing beyond imle",
            "licence": spec.licence or "not stated",
            "url": spec.url or "not stated",
        }
    return pairs(facts)


def _answers(spec: SolverSpec) -> str:
    if not spec.exact:
        return "heuristic: solutions may be improvable"
    proven = "exact: solutions are proven optimal"
    return f"{proven}, to the solver's tolerances: {spec.tolerances}" if spec.tolerances else proven


def _capabilities(spec: SolverSpec) -> dict[str, str]:
    capabilities = spec.capabilities
    return {
        "arrays": _ARRAYS[capabilities.array],
        "thread-safe": "yes" if capabilities.thread_safe else "no",
        "releases the GIL": "yes" if capabilities.releases_gil else "no",
        "warm start": "yes" if capabilities.warm_start else "no",
        "negative objectives": "solved exactly" if capabilities.negative_objectives else "not solved exactly",
    }


def _parameters(console: Console, title: str, parameters: Sequence[Parameter]) -> list[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    if not parameters:
        return []
    rows = []
    for parameter in parameters:
        listed = ", ".join(map(written, parameter.choices))
        doc = "; ".join(text for text in (parameter.doc, f"one of {listed}" if listed else "", parameter.range) if text)
        rows.append(
            [
                Text(parameter.name, "cyan"),
                Text(parameter.type),
                Text("required" if parameter.required else written(parameter.default)),
                Text("yes" if parameter.per_row else "no"),
                Text(doc),
            ]
        )
    lines = table(("name", "type", "default", "per row", "meaning"), rows, console.width - 2)
    return [Text(), Text(title, "bold"), *(Padding(line, (0, 0, 0, 2)) for line in lines)]
