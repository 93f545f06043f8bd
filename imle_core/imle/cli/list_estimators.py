"""`imle list-estimators`."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

import click

from imle.cli.output import echo_json, make_console, show, state_text, table, troubles
from imle.plugins import EstimatorRecord, estimators

_HEADER = ("id", "noise", "solves", "for", "status", "distribution", "summary")


@click.command("list-estimators")
@click.argument("pattern", default="*")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(pattern: str, as_json: bool) -> None:
    """List the gradient rules of the core and of all installed plugins.

    PATTERN is a glob on ids, such as 'perturbed*'; quote it. "solves" counts solves per sample in a backward pass.

    \b
    Examples:
      imle list-estimators
      imle list-estimators 'perturbed*' --json
    """
    chosen = [record for record in estimators() if _wanted(record, pattern)]
    if as_json:
        echo_json({"estimators": [record.as_json() for record in chosen]})
    elif chosen:
        _print(chosen)
    else:
        click.echo(f"no estimator matches {pattern!r}", err=True)
        click.echo("hint: imle list-estimators shows all", err=True)


def _wanted(record: EstimatorRecord, pattern: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for name in (record.id, record.qualified_id))


def _print(records: Sequence[EstimatorRecord]) -> None:
    from rich.text import Text

    console = make_console()
    rows = []
    for record in records:
        spec = record.spec
        rows.append(
            [
                Text(record.id, "bold cyan"),
                Text(("yes" if spec.stochastic else "none") if spec else ""),
                Text(str(spec.solves) if spec else ""),
                Text((spec.problem or "any") if spec else ""),
                state_text(record.state),
                Text(f"{record.distribution} {record.version}".strip()),
                Text(spec.summary if spec else ""),
            ]
        )
    below = troubles(console, records)
    show(console, *table(_HEADER, rows, console.width), *([Text(), *below] if below else []))
