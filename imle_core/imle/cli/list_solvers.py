"""`imle list-solvers`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from imle.cli.completion import solver_ids
from imle.cli.output import echo_json, matches, read_plugins, show_records
from imle.plugins import PluginState, SolverRecord

_HEADER = ("id", "problem", "sense", "status", "distribution", "summary")


@click.command("list-solvers")
@click.argument("pattern", default="*", shell_complete=solver_ids)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--problem", metavar="KIND", help="Only solvers of this problem kind, e.g. 'shortest path'.")
@click.option("--available", is_flag=True, help="Only solvers whose status is ok.")
def command(pattern: str, as_json: bool, problem: str | None, available: bool) -> None:
    """List the solvers of all installed plugins.

    PATTERN is a glob on solver ids, such as '*path*'; quote it.

    \b
    Examples:
      imle list-solvers
      imle list-solvers '*path*' --available
      imle list-solvers --problem k-subset --json
    """
    everything = read_plugins()
    chosen = [record for record in everything if _wanted(record, pattern, problem, available)]
    if as_json:
        echo_json({"solvers": [record.as_json() for record in chosen]})
    elif chosen:
        show_records(_HEADER, chosen, lambda spec: ((spec.problem, spec.sense), spec.summary))
    else:
        _say_none(everything, pattern, problem, available)


def _wanted(record: SolverRecord, pattern: str, problem: str | None, available: bool) -> bool:
    kind = record.spec.problem if record.spec else None
    return (
        matches(record, pattern)
        and (problem is None or (kind is not None and kind.lower() == problem.lower()))
        and (not available or record.state is PluginState.OK)
    )


def _say_none(everything: Sequence[SolverRecord], pattern: str, problem: str | None, available: bool) -> None:
    """An empty answer is an answer: on stderr, with exit code 0."""
    if not everything:
        click.echo("no solver plugins are installed", err=True)
        click.echo("hint: pip install imle-topk is the smallest one", err=True)
        return
    asked = [f"{pattern!r}"] if pattern != "*" else []
    asked += [f"--problem {problem!r}"] if problem is not None else []
    asked += ["--available"] if available else []
    click.echo(f"no solver matches {' '.join(asked)}", err=True)
    kinds = sorted({record.spec.problem for record in everything if record.spec})
    if problem is not None and kinds:
        click.echo(f"hint: problem kinds: {', '.join(kinds)}", err=True)
    else:
        click.echo("hint: imle list-solvers shows all", err=True)
