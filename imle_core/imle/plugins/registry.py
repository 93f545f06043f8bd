"""Looking solvers up by id, with errors that help."""

from __future__ import annotations

import difflib
import importlib
from functools import cache
from typing import Any

from imle.errors import PluginError, SolverUnavailableError, UnknownSolverError
from imle.plugins.discovery import discover
from imle.plugins.known import KNOWN
from imle.plugins.records import PluginState, SolverRecord


@cache
def solvers() -> tuple[SolverRecord, ...]:
    """All solvers on this machine, usable or not, sorted by id. Read once per process; see `refresh`."""
    return discover()


def refresh() -> tuple[SolverRecord, ...]:
    """Read the plugins again, after one was installed or the environment variables changed."""
    solvers.cache_clear()
    return solvers()


def find(solver_id: str) -> SolverRecord:
    """The record of a solver, whatever its state.

    Args:
        solver_id: an id, or `distribution/id`.

    Raises:
        UnknownSolverError: nothing has that id; names the closest ones, or the pip line of a known one.
        SolverUnavailableError: two plugins claim the id; names both qualified ids.
    """
    matches = [r for r in solvers() if solver_id in (r.id, r.qualified_id)]
    if not matches:
        raise _unknown(solver_id)
    if len(matches) == 1:
        return matches[0]
    usable = [r for r in matches if r.state is PluginState.OK]
    if len(usable) == 1:
        return usable[0]
    raise SolverUnavailableError(
        f"solver {solver_id!r} is {matches[0].state}: {matches[0].reason}", hint=matches[0].fix
    )


def load(record: SolverRecord) -> type[Any]:
    """Import the solver class of a record.

    Raises:
        SolverUnavailableError: the record's state is not ok (a conflict is fine: the record says which one),
            or importing the class fails.
        PluginError: what the spec names is not a class.
    """
    if record.spec is None or record.state not in (PluginState.OK, PluginState.CONFLICT):
        raise SolverUnavailableError(
            f"solver {record.id!r} ({record.distribution}) is {record.state}: {record.reason}",
            hint=record.fix,
        )
    try:
        return import_target(record.spec.target)
    except PluginError:
        raise
    except Exception as error:  # native libraries fail with OSError and worse
        raise SolverUnavailableError(
            f"solver {record.id!r} ({record.distribution} {record.version}) cannot be imported: "
            f"{type(error).__name__}: {error}",
            hint=f"pip install {record.distribution} installs what it needs; imle doctor shows more",
        ) from error


def import_target(target: str) -> type[Any]:
    """Import "package.module:Class".

    Raises:
        ImportError: the module cannot be imported.
        PluginError: it has no such class.
    """
    module_name, _, name = target.partition(":")
    found = getattr(importlib.import_module(module_name), name, None)
    if not isinstance(found, type):
        raise PluginError(f"{target!r}: expected a class, found {found!r}")
    return found


def _unknown(solver_id: str) -> UnknownSolverError:
    installed = sorted({record.id for record in solvers()})
    message = f"unknown solver {solver_id!r}"
    if solver_id in KNOWN:
        return UnknownSolverError(f"{message}: it is not installed", hint=f"pip install {KNOWN[solver_id]}")
    close = difflib.get_close_matches(solver_id, sorted({*installed, *KNOWN}), n=3, cutoff=0.5)
    parts = [name if name in installed else f"{name} (pip install {KNOWN[name]})" for name in close]
    if parts:
        return UnknownSolverError(
            f"{message}; did you mean {' or '.join(parts)}?", hint="imle list-solvers shows all"
        )
    listed = ", ".join(installed) or "none"
    return UnknownSolverError(f"{message}; installed solvers: {listed}", hint="imle list-solvers shows all")
