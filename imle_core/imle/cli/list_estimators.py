"""`imle list-estimators`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from imle.cli.output import echo_json, matches, show_records
from imle.plugins import EstimatorSpec, estimators

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
    chosen = [record for record in estimators() if matches(record, pattern)]
    if as_json:
        echo_json({"estimators": [record.as_json() for record in chosen]})
    elif chosen:
        show_records(_HEADER, chosen, _cells)
    else:
        click.echo(f"no estimator matches {pattern!r}", err=True)
        click.echo("hint: imle list-estimators shows all", err=True)


def _cells(spec: EstimatorSpec) -> tuple[Sequence[str], str]:
    return ("yes" if spec.stochastic else "none", str(spec.solves), spec.problem or "any"), spec.summary
