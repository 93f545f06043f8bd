"""What the commands read, and how they tell what they do."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from imle.progress import bar
from imle_mln.engines import AUTO, choices

if TYPE_CHECKING:
    from imle_mln.grounding import GroundingProgress

LIMIT = 200_000_000


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
def shown_progress(limit: int, patience: float | None = None, file: TextIO | None = None) -> Iterator[None]:
    """Ground inside this context with a progress bar.

    Args:
        limit: as in `grounding_options`.
        patience: seconds before it appears; see `imle.progress.bar`.
        file: where the bar goes; by default stderr.
    """
    from imle_mln.grounding import grounding_options

    with bar("grounding", patience=patience, file=file) as shown:

        def watch(progress: GroundingProgress) -> None:
            where = f"{progress.number}/{progress.formulas} {progress.formula}"
            shown.set(progress.seen, progress.expected, where)

        with grounding_options(limit=limit, progress=watch):
            yield


def used(engines: Any) -> str:
    """How many components each engine solved."""
    return ", ".join(f"{engine} {count:,}" for engine, count in engines.items()) or "nothing to decide"


def say(text: str) -> None:
    """Tell what a listing is about, on stderr: the listing itself can be piped."""
    click.echo(click.style(text, dim=True), err=True)
