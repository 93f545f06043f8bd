"""`imle list-estimators`."""

from __future__ import annotations

import click

from imle.cli.completion import rule_ids
from imle.cli.output import echo_json, make_console, quietly, show
from imle.listing import list_estimators


@click.command("list-estimators")
@click.argument("words", nargs=-1, shell_complete=rule_ids)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(words: tuple[str, ...], as_json: bool) -> None:
    """List the gradient rules of the core and of all installed plugins.

    WORDS are words of ids, summaries or sources, all of which a rule has to have, or patterns of ids, such as
    'perturbed*'; quote these. "solves" counts solves per sample in a backward pass.

    \b
    Examples:
      imle list-estimators
      imle list-estimators reinforce
      imle list-estimators 'perturbed*' --json
    """
    with quietly():
        found = list_estimators(*words)
    if as_json:
        echo_json({"estimators": found.as_json()})
    elif found:
        show(make_console(), found)
    else:
        click.echo(f"no estimator matches {' '.join(map(repr, words))}", err=True)
        click.echo("hint: imle list-estimators shows all", err=True)
