"""`imle check`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from imle.cli.completion import check_names, solver_ids_and_files
from imle.cli.output import echo_json, make_console, show

if TYPE_CHECKING:
    from rich.console import RenderableType

    from imle.testing.report import Outcome, Report
    from imle.testing.subject import Subject


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
@click.option("--list", "listed", is_flag=True, help="List the checks and stop.")
@click.pass_context
def command(
    ctx: click.Context,
    solver: str | None,
    as_json: bool,
    only: Sequence[str],
    instances: str | None,
    expected: Sequence[str],
    listed: bool,
) -> None:
    """Check that a solver does what every solver must do.

    SOLVER is a solver id, a folder with a plugin's pyproject.toml (installed or not), a Python file, or
    module:Class. It is checked on the instances its plugin offers, else on those of its example.

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
    from imle.testing.resolve import subjects_of
    from imle.testing.run import Run

    reasons = dict(map(_reason, expected))
    with contextlib.redirect_stdout(sys.stderr):  # what solvers and plugins print
        subjects = subjects_of(solver, instances)
        runs = [Run(subject, reasons, only) for subject in subjects]
        reports = [_with_progress(run) for run in runs]
    if as_json:
        echo_json({"ok": all(report.ok for report in reports), "reports": [_as_json(report) for report in reports]})
    else:
        _print(reports, subjects)
    ctx.exit(0 if all(report.ok for report in reports) else 1)


def _reason(text: str) -> tuple[str, str]:
    name, equals, reason = text.partition("=")
    if not (equals and reason.strip()):
        raise click.BadParameter(f"expected CHECK=REASON, found {text!r}", param_hint="'--expect-failure'")
    return name.strip(), reason.strip()


def _list(as_json: bool) -> None:
    from rich.text import Text

    from imle.cli.output import pairs
    from imle.testing.catalogue import CHECKS

    if as_json:
        echo_json({"checks": [{"check": c.name, "theme": c.theme, "per": c.per, "summary": c.summary} for c in CHECKS]})
        return
    parts: list[RenderableType] = []
    for theme in dict.fromkeys(check.theme for check in CHECKS):
        parts += [Text(theme, "bold"), pairs({c.name: c.summary for c in CHECKS if c.theme == theme})]
    show(make_console(), *parts)


def _with_progress(run: Any) -> Report:
    """Make the checks under a progress bar on stderr, if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from imle.testing.report import Report

    subject, bound = run.subject, run.bound
    progress = Progress(
        TextColumn(subject.name),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )

    def outcomes() -> Iterator[Outcome]:
        task = progress.add_task("", total=len(bound))
        for one in bound:
            progress.update(task, description=one.name)
            yield run.outcome(one)
            progress.update(task, advance=1)

    with progress:
        names = tuple(instance.name for instance in subject.instances)
        return Report(subject.name, names, subject.origin, tuple(outcomes()))


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


def _print(reports: Sequence[Report], subjects: Sequence[Subject]) -> None:
    from rich.text import Text

    from imle.cli.check_table import report_table

    console = make_console()
    parts: list[RenderableType] = []
    for report, subject in zip(reports, subjects, strict=True):
        parts += [*([Text()] if parts else []), *report_table(console, report, subject.spec.summary)]
    show(console, *parts)
