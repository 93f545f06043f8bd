"""`imle check`."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from imle._report import pairs, text
from imle.cli.completion import check_names, solver_ids_and_files
from imle.cli.output import echo_json, make_console, show

if TYPE_CHECKING:
    from rich.console import RenderableType

    from imle.cli.check_process import Checking
    from imle.cli.check_table import Table
    from imle.testing.report import Report


@click.command("check")
@click.argument("solver", metavar="SOLVER", required=False, shell_complete=solver_ids_and_files)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--only",
    multiple=True,
    metavar="CHECK",
    shell_complete=check_names,
    help="Only this check; may be given more than once.",
)
@click.option("--instances", metavar="FILE", help="A Python file or module whose instances(solver_id) to check it on.")
@click.option(
    "--expect-failure",
    "expected",
    multiple=True,
    metavar="CHECK=REASON",
    help="A check that is known to fail, and why; if it passes, that is a failure.",
)
@click.option(
    "--limit",
    type=click.FloatRange(min=0, min_open=True),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="What each check may take, and the reading of solver and instances.",
)
@click.option("--list", "listed", is_flag=True, help="List the checks and stop.")
@click.pass_context
def command(
    ctx: click.Context,
    solver: str | None,
    as_json: bool,
    only: Sequence[str],
    instances: str | None,
    expected: Sequence[str],
    limit: float,
    listed: bool,
) -> None:
    """Check that a solver does what every solver must do.

    SOLVER is a solver id, a folder with a plugin's pyproject.toml (installed or not), a Python file, or
    module:Class. It is checked on the instances its plugin offers, else on those of its example. The checks are
    made in a process of their own: a solver that ends, blocks or copies it has failed.

    Exit code 1 if a check fails or is inconclusive, or if one that was expected to fail passes.

    \b
    Examples:
      imle check topk
      imle check ./imle-mine
      imle check my_solver.py --only ties --only threads
      imle check my-solver --expect-failure "ties=the backend breaks them by chance"
    """
    if listed:
        _list(as_json)
        return
    if solver is None:
        raise click.UsageError("Missing argument 'SOLVER'.", ctx=ctx)
    from imle.cli.check_process import Checking

    request = {
        "solver": solver,
        "instances": instances,
        "only": list(only),
        "expected": dict(map(_reason, expected)),
        "debug": ctx.obj.debug,
    }
    checking = Checking(request, limit)
    reports = _reports(checking, quiet=as_json)
    if checking.code is not None:  # the process has said why
        ctx.exit(checking.code)
    if as_json:
        echo_json({"ok": all(report.ok for report in reports), "reports": [_as_json(report) for report in reports]})
    ctx.exit(0 if all(report.ok for report in reports) else 1)


def _reason(text: str) -> tuple[str, str]:
    name, equals, reason = text.partition("=")
    if not (equals and reason.strip()):
        raise click.BadParameter(f"expected CHECK=REASON, found {text!r}", param_hint="'--expect-failure'")
    return name.strip(), reason.strip()


def _list(as_json: bool) -> None:
    from imle.testing.catalogue import CHECKS

    if as_json:
        echo_json({"checks": [{"check": c.name, "theme": c.theme, "per": c.per, "summary": c.summary} for c in CHECKS]})
        return
    parts: list[RenderableType] = []
    for theme in dict.fromkeys(check.theme for check in CHECKS):
        parts += [text((theme, "bold")), pairs({c.name: c.summary for c in CHECKS if c.theme == theme})]
    show(make_console(), *parts)


def _reports(checking: Checking, *, quiet: bool) -> list[Report]:
    """Make the checks; unless quiet, print each line of the table as soon as it is known."""
    from imle.cli.check_process import Made
    from imle.cli.check_table import Table

    console = make_console()
    tables: list[Table] = []
    current: Table | None = None
    with contextlib.closing(checking.run()) as events:  # Ctrl-C ends the process, too
        for event in events:
            if not isinstance(event, Made):
                tables = [Table(console, subject) for subject in event]
                continue
            table = tables[event.subject]
            line = table.add(event.place, event.outcome)
            if quiet:
                continue
            if table is not current:
                show(console, *([*current.foot(), text()] if current else []), *table.head())
                current = table
            show(console, *line)
    if current:
        show(console, *current.foot())
    return [table.report() for table in tables]


def _as_json(report: Report) -> dict[str, Any]:
    from imle.testing.report import State

    return {
        "solver": report.name,
        "ok": report.ok,
        "instances": list(report.instances),
        "origin": report.origin,
        "counts": {state.value: report.count(state) for state in State},
        "outcomes": [outcome.as_json() for outcome in report.outcomes],
    }
