"""The hooks a plugin may implement, for pluggy."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from imle.plugins.spec import SolverSpec

ENTRY_POINT_GROUP = "imle.solvers"

hookspec = pluggy.HookspecMarker("imle")
hookimpl = pluggy.HookimplMarker("imle")


@hookspec
def imle_solvers() -> Iterable[SolverSpec]:  # type: ignore[empty-body]  # pluggy reads only the signature
    """Return the specs of the solvers this plugin contributes. Must import neither torch nor the backend."""
