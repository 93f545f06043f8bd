"""What the commands read, and how they tell what they do."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imle_mln.engines import AUTO, choices

if TYPE_CHECKING:
    from rich.console import Console

    from imle_mln.grounding import GroundingProgress

LIMIT = 200_000_000
PATIENCE = 0.5
"""Seconds before a bar is shown: most groundings are done by then."""


def inputs(command: Callable[..., Any]) -> Callable[..., Any]:
    """What commands that ground read."""

    @functools.wraps(command)
    def checked(program: str, evidence: tuple[str, ...], **options: Any) -> Any:
        if program.endswith(".db") and evidence and evidence[-1].endswith(".mln"):
            raise click.UsageError(
                f"expected PROGRAM (.mln), then EVIDENCE (.db), found {program} {' '.join(evidence)}"
            )
        return command(Path(program), [Path(name) for name in evidence], **options)

    for decorate in (
        click.option("--closed-world", "-c", multiple=True, metavar="P", help="False wherever evidence does not say."),
        click.option("--engine", type=click.Choice(choices()), default=AUTO, show_default=True),
        click.option(
            "--limit",
            type=click.IntRange(min=1),
            default=LIMIT,
            metavar="N",
            show_default=True,
            help="Refuse to look at more groundings.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.argument("evidence", type=click.Path(exists=True, dir_okay=False), nargs=-1),
        click.argument("program", type=click.Path(exists=True, dir_okay=False)),
    ):
        checked = decorate(checked)
    return checked


@contextmanager
def shown_progress(limit: int, console: Console | None = None, patience: float = PATIENCE) -> Iterator[None]:
    """Ground inside this context with a progress bar, on terminals only.

    Args:
        limit: as in `grounding_options`.
        console: where the bar goes; by default stderr.
        patience: seconds before it appears.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from imle_mln.grounding import grounding_options

    console = console or Console(stderr=True)
    if not console.is_terminal:
        with grounding_options(limit=limit):
            yield
        return
    columns = (
        TextColumn("grounding {task.fields[number]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[formula]}", style="dim", markup=False),
    )
    bar = Bar(*columns, console=console, transient=True)
    task = bar.add_task("", number="", formula="")
    begin = time.perf_counter()

    def watch(progress: GroundingProgress) -> None:
        if not bar.live.is_started and time.perf_counter() - begin > patience:
            bar.start()
        number = f"{progress.number}/{progress.formulas}"
        bar.update(task, completed=progress.seen, total=progress.expected, number=number, formula=progress.formula)

    try:
        with grounding_options(limit=limit, progress=watch):
            yield
    finally:
        if bar.live.is_started:
            bar.stop()


def used(engines: Any) -> str:
    """How many components each engine solved."""
    return ", ".join(f"{engine} {count:,}" for engine, count in engines.items()) or "nothing to decide"


def say(text: str) -> None:
    """Tell what a listing is about, on stderr: the listing itself can be piped."""
    click.echo(click.style(text, dim=True), err=True)
