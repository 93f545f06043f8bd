"""`imle mln engines`."""

from __future__ import annotations

import click

from imle_mln.commands.inputs import echo_json
from imle_mln.engines import engines


@click.command("engines", short_help="List the engines.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def engines_command(as_json: bool) -> None:
    """List the engines, what each does, which components `--engine auto` gives it, and what it lacks here.

    \b
    Examples:
      imle mln engines
      imle mln engines --json
    """
    rows = {
        one.name: {"how": one.how, "auto": one.where, "time_limit": one.timed, "missing": list(one.missing)}
        for one in engines()
    }
    if as_json:
        echo_json(rows)
        return
    from imle.cli.output import make_console, pairs, show

    told = {}
    for one in engines():
        lacks = f"; missing {', '.join(one.missing)}: pip install 'imle-mln[{one.extra}]'" if one.missing else ""
        told[one.name] = f"{one.how}; auto: {one.where}{'' if one.timed else '; keeps no time limit'}{lacks}"
    show(make_console(), pairs(told))
