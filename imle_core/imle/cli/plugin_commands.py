"""Commands that plugins contribute, looked up only when the core has no command of that name."""

from __future__ import annotations

from functools import cache

import click
import pluggy

from imle._text import named
from imle.errors import ImleError
from imle.plugins import hookspecs, registry
from imle.plugins.discovery import command_points, reading
from imle.plugins.installed import name_and_version, normal
from imle.plugins.known import KNOWN_COMMANDS


@cache
def plugin_commands() -> dict[str, click.Command]:
    """The commands of all plugins that can be read, by name; `imle doctor` tells of the others."""
    found = click.Group()
    for point, exclusion in command_points():
        own = click.Group()
        manager = pluggy.PluginManager("imle")
        manager.add_hookspecs(hookspecs)
        try:
            if exclusion is None:
                with reading(point):
                    manager.register(point.load(), name=point.name)
                    manager.hook.imle_register_commands(cli=own)
        except KeyboardInterrupt:
            raise
        except BaseException:  # one broken plugin must not take the commands of the others along
            continue
        for name, command in own.commands.items():
            found.commands.setdefault(name, command)
    return dict(found.commands)


def unread(command: str) -> str:
    """Why the plugin that is called like a command, or is known to bring it, is not read; "" if that is not so.

    Raises:
        ImleError: the distribution that brings the command is not installed.
    """
    bringer = KNOWN_COMMANDS.get(command, "")
    wanted = {normal(command), normal(bringer)}
    for record in registry.solvers():
        if record.spec is None and wanted & {normal(record.id), normal(record.distribution)}:
            return f"the plugin {record.id} of {record.distribution} is {record.state}: {record.reason}; {record.fix}"
    for point, exclusion in command_points():
        distribution, _ = name_and_version(point.dist)
        if not wanted & {normal(point.name), normal(distribution)}:
            continue
        if exclusion is not None:
            return f"the plugin {point.name} of {distribution} is disabled: {exclusion[0]}; {exclusion[1]}"
        try:
            point.load()
        except Exception as error:
            why = named(error).splitlines()[0]
            return f"the plugin {point.name} of {distribution} is broken: {why}; pip install --upgrade {distribution}"
        return ""
    if bringer:
        raise ImleError(
            f"the command {command!r} comes with {bringer}, which is not installed", hint=f"pip install {bringer}"
        )
    return ""
