"""`imle info`."""

from __future__ import annotations

import click

from imle.cli.completion import ids
from imle.cli.output import echo_json, make_console, quietly, show
from imle.listing import SolverInfo, info


@click.command("info")
@click.argument("wanted", metavar="ID", shell_complete=ids)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(wanted: str, as_json: bool) -> None:
    """Show one solver, or one gradient rule: parameters, capabilities, an example.

    ID is that of a solver or of a rule, or DISTRIBUTION/ID where several plugins claim the id.
    """
    with quietly():
        found = info(wanted)
    if as_json:
        echo_json({"solver" if isinstance(found, SolverInfo) else "estimator": found.as_json()})
    else:
        show(make_console(), found)
