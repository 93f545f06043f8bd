"""The help of every command, the core's and those of plugins."""

from __future__ import annotations

from collections.abc import Iterator

import click

from imle.cli.group import COMMANDS, GlobalOptions, imle
from imle.cli.plugin_commands import plugin_commands
from imle_docs.text import block, code

_WIDTH = 84


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command by how it is called: "imle", "imle check", "imle mln map", ..."""
    yield from _walk("imle", imle, _root())


def commands_part() -> str:
    """A section per command with what `--help` prints."""
    return "\n".join(f"## {code(name)}\n\n{block('text', help_of(name, command))}" for name, command in commands())


def help_of(name: str, command: click.Command) -> str:
    """What `NAME --help` prints, at a width that does not depend on a terminal."""
    context = click.Context(
        command, info_name=name, max_content_width=_WIDTH, terminal_width=_WIDTH, obj=GlobalOptions()
    )
    context.help_option_names = ["-h", "--help"]
    return command.get_help(context)


def _root() -> click.Context:
    return click.Context(imle, info_name="imle", obj=GlobalOptions())


def _walk(name: str, command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if not isinstance(command, click.Group):
        return
    own = sorted({*COMMANDS, *plugin_commands()}) if command is imle else command.list_commands(context)
    for child in own:
        found = command.get_command(context, child)
        assert found is not None, child
        yield from _walk(f"{name} {child}", found, click.Context(found, parent=context, info_name=child))
