"""Looking solvers up by id, with errors that help."""

from __future__ import annotations

import importlib
import traceback
import warnings
from functools import cache
from types import ModuleType
from typing import Any

from imle._names import closest, meant
from imle._text import named
from imle.errors import ImleError, PluginError, SolverUnavailableError, UnknownSolverError
from imle.plugins.discovery import discover
from imle.plugins.estimators import estimators
from imle.plugins.installed import normal
from imle.plugins.known import KNOWN
from imle.plugins.records import PluginState, SolverRecord
from imle.plugins.spec import SolverSpec


@cache
def solvers() -> tuple[SolverRecord, ...]:
    """All solvers on this machine, usable or not, sorted by id. Read once per process; see `refresh`."""
    return discover()


def refresh() -> tuple[SolverRecord, ...]:
    """Read the plugins again, after one was installed or the environment variables changed."""
    solvers.cache_clear()
    estimators.cache_clear()
    return solvers()


def find(solver_id: str) -> SolverRecord:
    """The record of a solver, whatever its state.

    Args:
        solver_id: an id, or `distribution/id`; the case, dashes and underscores of ids do not matter.

    Raises:
        UnknownSolverError: nothing has that id; names the closest ones, or the pip line of a known one.
        SolverUnavailableError: two plugins claim the id (names both qualified ids), or the plugin it would come
            from cannot be read.
    """
    distribution, name = _parts(solver_id)
    offered = [record for record in solvers() if not distribution or normal(record.distribution) == distribution]
    name = meant(name, {record.id for record in offered})
    matches = [record for record in offered if record.id == name]
    if not matches:
        return _renamed(solver_id)
    usable = [record for record in matches if record.state is PluginState.OK]
    if len(matches) == 1 or len(usable) == 1:
        return (usable or matches)[0]
    raise _ambiguous(solver_id, matches)


def _renamed(solver_id: str) -> SolverRecord:
    """The record of a solver that had this id before.

    Raises:
        UnknownSolverError, SolverUnavailableError: see `find`.
    """
    _, name = _parts(solver_id)
    matches = [record for record in solvers() if record.spec and name in record.spec.aliases]
    if len(matches) != 1:
        raise _unknown(solver_id)
    message = f"the solver {name!r} is called {matches[0].id!r} now"
    warnings.warn(message, DeprecationWarning, stacklevel=5)  # of who called imle.layer
    return matches[0]


def load(record: SolverRecord) -> type[Any]:
    """Import the solver class of a record.

    Raises:
        SolverUnavailableError: the record's state is not ok (a conflict is fine: the record says which one),
            or importing the class fails.
        PluginError: what the spec names is not a class.
    """
    if record.spec is None or record.state not in (PluginState.OK, PluginState.CONFLICT):
        raise SolverUnavailableError(
            f"solver {record.id!r} of {record.distribution} cannot be used ({record.state}): {record.reason}",
            hint=record.fix,
        )
    try:
        return import_target(record.spec.target)
    except PluginError:
        raise
    except Exception as error:  # native libraries fail with OSError and worse
        raise SolverUnavailableError(
            f"solver {record.id!r} of {record.distribution} {record.version} cannot be imported: {named(error)}",
            hint=_mend(record.distribution, record.spec, error),
        ) from error


def _mend(distribution: str, spec: SolverSpec, error: BaseException) -> str:
    """What to do about an error of an import: it is in the plugin, or something is not installed as it should be."""
    place = _place(error)
    own = spec.target.partition(".")[0].partition(":")[0]
    name = (getattr(error, "name", None) or "").partition(".")[0] if isinstance(error, ImportError) else ""
    if name in spec.requires or isinstance(error, OSError):
        return f"pip install {distribution} installs what it needs; imle doctor shows more"
    if isinstance(error, ModuleNotFoundError) and name != own:
        return (
            f"check the spelling at {place}; if {name} is missing, install it: {distribution} should name it in its "
            "dependencies and in requires= of its spec"
        )
    return f"it is for the authors of {distribution} to mend, at {place}"


def _place(error: BaseException) -> str:
    """File and line of an error, outside Python's own machinery of imports."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    deepest = error.__cause__ or error
    frames = [f for f in traceback.extract_tb(deepest.__traceback__) if not f.filename.startswith("<frozen")]
    return f"{frames[-1].filename}:{frames[-1].lineno}"


def import_module(name: str) -> ModuleType:
    """Import a third-party module.

    Raises:
        ImportError: it cannot be imported; also if it would end the program.
    """
    try:
        return importlib.import_module(name)
    except SystemExit as error:
        raise ImportError(f"importing {name} ends the program: SystemExit({error.code!r})") from error
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:  # such as GeneratorExit: not caught, it would end the program
        raise ImportError(f"importing {name} raises {named(error)}") from error


def import_target(target: str) -> type[Any]:
    """Import "package.module:Class".

    Raises:
        ImportError: the module cannot be imported.
        PluginError: it has no such class.
    """
    module_name, _, name = target.partition(":")
    module = import_module(module_name)
    if not hasattr(module, name):
        classes = [known for known, value in vars(module).items() if isinstance(value, type)]
        close = closest(name, classes)
        guess = f"; did you mean {close[0]!r}?" if close else ""
        raise PluginError(f"{target!r}: the module {module_name} has no {name!r}{guess}")
    found = getattr(module, name)
    if not isinstance(found, type):
        raise PluginError(f"{target!r}: expected a class, found {found!r}")
    return found


def _parts(solver_id: str) -> tuple[str, str]:
    """The distribution (in normal spelling, "" if not given) and the id."""
    distribution, _, name = solver_id.rpartition("/")
    return normal(distribution), name


def _ambiguous(solver_id: str, matches: list[SolverRecord]) -> SolverUnavailableError:
    conflicts = [record for record in matches if record.state is PluginState.CONFLICT]
    if conflicts:
        return SolverUnavailableError(f"solver {solver_id!r}: {conflicts[0].reason}", hint=conflicts[0].fix)
    listed = " and ".join(f"{record.distribution} ({record.state})" for record in matches)
    return SolverUnavailableError(
        f"solver {solver_id!r}: none of its plugins can be used: {listed}",
        hint="imle list-solvers shows why, and what mends it",
    )


def _unknown(solver_id: str) -> ImleError:
    unread = [record for record in solvers() if record.spec is None]
    distribution, name = _parts(solver_id)
    name = meant(name, KNOWN)
    owner = distribution or KNOWN.get(name)
    for record in unread:
        if normal(record.distribution) == owner:
            return SolverUnavailableError(
                f"solver {solver_id!r}: its plugin {record.distribution} is {record.state}: {record.reason}",
                hint=record.fix,
            )
    message = f"unknown solver {solver_id!r}"
    installed = sorted({record.id for record in solvers()})
    if name in KNOWN and KNOWN[name] == owner and name not in installed:
        return UnknownSolverError(f"{message}: it is not installed", hint=f"pip install {KNOWN[name]}")
    close = closest(name, sorted({*installed, *KNOWN}), most=3)
    parts = [name if name in installed else f"{name} (pip install {KNOWN[name]})" for name in close]
    hint = "imle list-solvers shows all"
    if unread:
        hint += f"; not read: {', '.join(f'{record.id} ({record.state})' for record in unread)}"
    if parts:
        return UnknownSolverError(f"{message}; did you mean {' or '.join(parts)}?", hint=hint)
    return UnknownSolverError(f"{message}; installed solvers: {', '.join(installed) or 'none'}", hint=hint)
