"""What the commands read, and how they tell what they do."""

from __future__ import annotations

import functools
import json
import math
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from imle.progress import Bar, bar
from imle_mln.engines import AUTO, choices

if TYPE_CHECKING:
    from imle_mln.grounding import GroundingProgress

LIMIT = 200_000_000


def reads(files: str, *, required: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """What a command that grounds reads: a program, then files of literals, which it gets as paths.

    Args:
        files: what the latter are called.
        required: whether one has to be given.
    """

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def checked(program: str, **options: Any) -> Any:
            given = options.pop(files)
            if program.endswith(".db") and given and given[-1].endswith(".mln"):
                expected = f"PROGRAM (.mln), then {files.upper()} (.db)"
                raise click.UsageError(f"expected {expected}, found {program} {' '.join(given)}")
            with _told_warnings():
                return command(Path(program), [Path(name) for name in given], **options)

        for decorate in (
            click.option(
                "--closed-world",
                "-c",
                multiple=True,
                metavar="P",
                help="False wherever evidence does not say; repeatable.",
            ),
            click.option(
                "--limit",
                type=click.IntRange(min=1),
                default=LIMIT,
                metavar="N",
                show_default=True,
                help="Refuse to look at more groundings.",
            ),
            click.option("--json", "as_json", is_flag=True, help="Print JSON."),
            click.argument(files, type=click.Path(exists=True, dir_okay=False), nargs=-1, required=required),
            click.argument("program", type=click.Path(exists=True, dir_okay=False)),
        ):
            checked = decorate(checked)
        return checked

    return decorated


def inputs(command: Callable[..., Any]) -> Callable[..., Any]:
    """What commands of inference read."""
    engine = click.option(
        "--engine",
        type=click.Choice(choices()),
        default=AUTO,
        show_default=True,
        help="What finds most probable states; see imle mln engines.",
    )
    return reads("evidence")(engine(command))


@contextmanager
def _told_warnings() -> Iterator[None]:
    """Warnings as what is told, without the line of Python that they come from."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: say(f"warning: {message}")
        yield


def writable(ctx: click.Context, parameter: click.Parameter, path: str | None) -> str | None:
    """Refuse, before anything is solved, a file that cannot be written."""
    folder = Path(path or ".").absolute().parent
    if not folder.is_dir():
        raise click.BadParameter(f"expected a file in a folder that exists, found {path!r}", ctx, parameter)
    if not os.access(path if path and Path(path).exists() else folder, os.W_OK):
        raise click.BadParameter(f"expected a file that may be written, found {path!r}", ctx, parameter)
    return path


@contextmanager
def written(path: str) -> Iterator[None]:
    """Tell which file could not be written, and why."""
    try:
        yield
    except OSError as error:
        raise click.FileError(path, error.strerror) from error


@contextmanager
def shown_progress(limit: int, patience: float | None = None, file: TextIO | None = None) -> Iterator[Bar]:
    """Ground inside this context with a progress bar, which may show what comes after, too.

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
            yield shown


def used(engines: Any) -> str:
    """How many components each engine solved."""
    return ", ".join(f"{engine} {count:,}" for engine, count in engines.items()) or "nothing to decide"


def say(text: str) -> None:
    """Tell what a listing is about, on stderr: the listing itself can be piped."""
    click.echo(click.style(text, dim=True), err=True)


def echo_json(found: object) -> None:
    """Print JSON, with null for numbers that are not finite: it has none."""
    click.echo(json.dumps(_finite(found)))


def _finite(found: object) -> object:
    match found:
        case float():
            return found if math.isfinite(found) else None
        case dict():
            return {name: _finite(value) for name, value in found.items()}
        case list() | tuple():
            return [*map(_finite, found)]
    return found
