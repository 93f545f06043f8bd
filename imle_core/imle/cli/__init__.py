"""The command line. One command per file; a command's module is imported when the command is used, not before."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import click

from imle._text import named, printable
from imle.cli.group import GlobalOptions, imle
from imle.errors import ImleError, InstanceError, OptionError, PluginError, SolverUnavailableError, UnknownSolverError

__all__ = ["failed", "main"]

_BROKEN_PLUGIN = 4
_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def main(argv: Sequence[str] | None = None) -> int:
    """Run `imle` and return its exit code.

    Args:
        argv: the arguments, by default those of the process.

    Returns:
        0 ok, 1 a check failed or there is no solution, 2 wrong usage or input, 3 solver unknown or unavailable,
        4 plugin broken or ended the program; 130 after Ctrl-C and 141 where the reader of a pipe has gone, as for any
        other Unix program.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal whose encoding lacks a letter of a plugin's text shows "?" instead of a traceback.
        if callable(reconfigure := getattr(stream, "reconfigure", None)):
            reconfigure(errors="replace")
    settings = GlobalOptions()
    if instruction := os.environ.get("_IMLE_COMPLETE"):
        from imle.cli.completion import answer

        return answer(imle, settings, instruction)
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        result = imle.main(arguments, prog_name="imle", standalone_mode=False, obj=settings)
    except click.Abort:
        return _INTERRUPTED
    except BaseException as error:  # click returns here, so a SystemExit comes from a plugin
        return failed(error, debug=settings.debug)
    return result if isinstance(result, int) else 0


def failed(error: BaseException, *, debug: bool) -> int:
    """Say on stderr what went wrong, in two lines or as a traceback, and return the exit code."""
    if _interrupted(error):
        return _INTERRUPTED
    if debug:
        traceback.print_exception(error)
    else:
        _report(*_explain(error))
    return _exit_code(error)


def _interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is at the bottom of it: modules in C++ make an ImportError of one that comes at their import."""
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _ended(error: BaseException) -> tuple[str, str]:
    """Message and hint for a plugin, or a solver, that wanted to end the program."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    what = f"SystemExit({error.code!r})" if isinstance(error, SystemExit) else named(error)
    return (
        f"a solver or its plugin ended the program: {what} in {last.filename}:{last.lineno}",
        "it must raise an error instead; imle --debug COMMAND shows the traceback",
    )


def _report(message: str, hint: str | None) -> None:
    click.echo(f"{click.style('error:', fg='red', bold=True)} {printable(message)}", err=True)
    if hint:
        click.echo(f"{click.style('hint:', fg='cyan', bold=True)} {printable(hint)}", err=True)


def _explain(error: BaseException) -> tuple[str, str | None]:
    """Message and hint."""
    if not isinstance(error, Exception):
        return _ended(error)
    if isinstance(error, ImleError):
        return error.message, error.hint
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx else "imle"
        return error.format_message(), f"{path} --help shows the usage"
    if isinstance(error, click.ClickException):
        return error.format_message(), None
    return named(error), "imle --debug COMMAND shows the traceback"


def _exit_code(error: BaseException) -> int:
    if not isinstance(error, Exception):
        return _BROKEN_PLUGIN
    match error:
        case UnknownSolverError() | SolverUnavailableError():
            return 3
        case PluginError():
            return _BROKEN_PLUGIN
        case click.UsageError() | OptionError() | InstanceError():
            return 2
        case _:
            return 1
