"""`imle list-solvers`."""

from __future__ import annotations

import click

from imle._names import closest
from imle.cli.completion import solver_ids
from imle.cli.output import echo_json, make_console, quietly, show
from imle.listing import list_solvers


@click.command("list-solvers")
@click.argument("words", nargs=-1, shell_complete=solver_ids)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--problem", metavar="KIND", help="Only solvers of this problem kind, e.g. 'shortest path'.")
@click.option("--available", is_flag=True, help="Only solvers whose status is ok.")
def command(words: tuple[str, ...], as_json: bool, problem: str | None, available: bool) -> None:
    """List the solvers of all installed plugins.

    WORDS are words of ids, summaries, names of parameters or distributions, all of which a solver has to have, or
    patterns of ids, such as '*path*'; quote these.

    \b
    Examples:
      imle list-solvers
      imle list-solvers knapsack
      imle list-solvers '*path*' --available
      imle list-solvers --problem k-subset --json
    """
    with quietly():
        found = list_solvers(*words, problem=problem, available=available)
    if as_json:
        echo_json({"solvers": found.as_json()})
    elif found:
        show(make_console(), found)
    else:
        _say_none(words, problem, available)


def _say_none(words: tuple[str, ...], problem: str | None, available: bool) -> None:
    """An empty answer is an answer: on stderr, with exit code 0."""
    everything = list_solvers()
    if not everything:
        click.echo("no solver plugins are installed", err=True)
        click.echo("hint: pip install imle-topk is the smallest one", err=True)
        return
    asked = list(map(repr, words))
    asked += [f"--problem {problem!r}"] if problem is not None else []
    asked += ["--available"] if available else []
    click.echo(f"no solver matches {' '.join(asked)}", err=True)
    kinds = sorted({record.spec.problem for record in everything if record.spec})
    close = [name for word in words if word not in everything.ids for name in closest(word, everything.ids)]
    if problem is not None and kinds:
        click.echo(f"hint: problem kinds: {', '.join(kinds)}", err=True)
    else:
        click.echo(f"hint: {f'did you mean {close[0]}? ' if close else ''}imle list-solvers shows all", err=True)
