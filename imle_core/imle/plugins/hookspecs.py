"""The hooks a plugin may implement, for pluggy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

from imle.plugins.estimator_spec import EstimatorSpec
from imle.plugins.spec import SolverSpec

if TYPE_CHECKING:
    import click

ENTRY_POINT_GROUP = "imle.solvers"
ESTIMATOR_GROUP = "imle.estimators"
COMMAND_GROUP = "imle.commands"

hookspec = pluggy.HookspecMarker("imle")
hookimpl = pluggy.HookimplMarker("imle")


@hookspec
def imle_solvers() -> Iterable[SolverSpec]:  # type: ignore[empty-body]  # pluggy reads only the signature
    """Return the specs of the solvers this plugin contributes. Must import neither torch nor the backend."""


@hookspec
def imle_estimators() -> Iterable[EstimatorSpec]:  # type: ignore[empty-body]
    """Return the specs of the gradient rules this plugin contributes. Must import neither torch nor anything heavy."""


@hookspec
def imle_register_commands(cli: click.Group) -> None:
    """Add commands to the group `imle`. Called when a command is asked for that the core does not have.

    A plugin without solvers names its module in the entry-point group `imle.commands`.

    Args:
        cli: the group.
    """
