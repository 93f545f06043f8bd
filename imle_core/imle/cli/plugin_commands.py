"""Commands that plugins contribute, looked up only when the core has no command of that name."""

from __future__ import annotations

from functools import cache

import click
import pluggy

from imle.plugins import hookspecs, registry
from imle.plugins.discovery import loadable, reading
from imle.plugins.installed import normal


@cache
def plugin_commands() -> dict[str, click.Command]:
    """The commands of all plugins that can be read, by name; `imle doctor` tells of the others."""
    found = click.Group()
    for point in loadable():
        own = click.Group()
        manager = pluggy.PluginManager("imle")
        manager.add_hookspecs(hookspecs)
        try:
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


def unread(name: str) -> str:
    """Why a plugin of that name is not read; "" if there is none, or it is."""
    for record in registry.solvers():
        if record.spec is None and normal(name) in (normal(record.id), normal(record.distribution)):
            return f"the plugin {record.id} of {record.distribution} is {record.state}: {record.reason}; {record.fix}"
    return ""
