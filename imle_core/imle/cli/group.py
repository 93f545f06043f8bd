"""The group `imle`: its commands by name, their one-line helps, and its global options."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from imle import __version__
from imle._names import closest
from imle.plugins.known import KNOWN_COMMANDS

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# Kept here so that `imle --help` imports no command; the command `a-b` is `command` in `imle.cli.a_b`.
COMMANDS = {
    "check": "Check that a solver does what every solver must do",
    "doctor": "Check the installation and every solver plugin",
    "info": "Show one solver: parameters, capabilities, an example",
    "list-estimators": "List the gradient rules: the core's and those of plugins",
    "list-solvers": "List the solvers of all installed plugins",
    "new-plugin": "Write a complete solver plugin to start from",
}

_BROKEN_PIPE = 141  # 128 + SIGPIPE, as shells report it


@dataclass
class GlobalOptions:
    """What the global options say, for all commands (`ctx.obj`)."""

    debug: bool = False


class LazyGroup(click.Group):
    """Imports a command's module when the command is invoked or asked for its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return _plugin_commands().get(cmd_name)
        module = importlib.import_module(f"imle.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and args[0] not in (contributed := _plugin_commands()):
            if told := _unread(args[0]):
                raise click.UsageError(f"unknown command {args[0]!r}: {told}", ctx=ctx)
            known = {*COMMANDS, *contributed, *KNOWN_COMMANDS}
            close = closest(args[0], known)
            guess = f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(sorted(known))}"
            raise click.UsageError(f"unknown command {args[0]!r}; {guess}", ctx=ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from imle.cli.completion import matching

        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        with contextlib.redirect_stdout(io.StringIO()):  # what plugins print would be taken for commands
            contributed = {name: found.get_short_help_str() for name, found in _plugin_commands().items()}
            return matching({**contributed, **COMMANDS}, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))
        formatter.write_paragraph()
        plugins = groupby(KNOWN_COMMANDS, KNOWN_COMMANDS.__getitem__)
        words = ", ".join(f"{' and '.join(names)} ({distribution})" for distribution, names in plugins)
        formatter.write_text(f"Plugins bring more: {words}.")

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader has gone (`imle list-solvers | head -1`). Nothing is left to say, and what is still
            # buffered must not raise again when Python flushes stdout at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(_BROKEN_PIPE)
        return result


def _plugin_commands() -> dict[str, click.Command]:
    from imle.cli.plugin_commands import plugin_commands  # reads every plugin

    return plugin_commands()


def _unread(command: str) -> str:
    """Why the commands of a plugin of that name are not there; "" if there is no such plugin, or it is read."""
    from imle.cli.plugin_commands import unread

    return unread(command)


@click.group(cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="imle %(version)s")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.pass_context
def imle(ctx: click.Context, debug: bool) -> None:
    """Any combinatorial solver as a differentiable torch layer."""
    ctx.obj.debug = debug
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
