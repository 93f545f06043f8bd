"""The light module: what discovery reads. It imports neither torch, lark, highspy nor ortools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imle.plugins import SolverSpec, hookimpl
from imle_mln.spec import MAP

if TYPE_CHECKING:
    import click


@hookimpl
def imle_solvers() -> list[SolverSpec]:
    return [MAP]


@hookimpl
def imle_register_commands(cli: click.Group) -> None:
    from imle_mln.commands import mln

    cli.add_command(mln)
