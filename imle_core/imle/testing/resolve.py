"""From what a user names to what is checked."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from imle.errors import OptionError, SolverUnavailableError, UnknownSolverError
from imle.plugins import PluginState, SolverRecord, SolverSpec, registry
from imle.plugins.inferred import spec_from_class
from imle.testing.instance import Instance
from imle.testing.offered import example_of, function_in, instances_beside, offered_by
from imle.testing.project import solvers_of
from imle.testing.subject import Subject


def subjects_of(solver: Any, instances: Iterable[Instance] | str | None = None) -> tuple[Subject, ...]:
    """What is to be checked: one subject, or all solvers of a plugin project.

    Args:
        solver: an id, "distribution/id", "module:Class", a path (of a Python file, "file.py:Class", or of a folder with
            the pyproject.toml of a plugin, installed or not), a solver class or a solver object.
        instances: what to check it on; or the file or module whose function `instances(solver_id)` tells. By default
            what its plugin offers (see `imle.testing.offered`), else the spec's example.

    Raises:
        UnknownSolverError, SolverUnavailableError: there is no such solver.
        OptionError: no instance is known.
    """
    if isinstance(solver, str) and _is_path(solver):
        return _from_path(solver, instances)
    if isinstance(solver, str) and ":" not in solver:
        return (_from_record(registry.find(solver), instances),)
    if isinstance(solver, str):
        try:
            return (_from_class(registry.import_target(solver), solver, instances),)
        except ImportError as error:
            raise UnknownSolverError(
                f"solver {solver!r} cannot be imported: {error}", hint="expected 'package.module:Class'"
            ) from error
    name = solver.__name__ if isinstance(solver, type) else type(solver).__name__
    return (_from_class(solver, name, instances),)


def _is_path(text: str) -> bool:
    return text.partition(":")[0].endswith(".py") or text.startswith((".", "/", "~")) or Path(text).is_dir()


def _from_path(text: str, instances: Iterable[Instance] | str | None) -> tuple[Subject, ...]:
    name, _, cls = text.partition(":")
    path = Path(name).expanduser().resolve()
    if path.is_dir():
        return tuple(_from_record(record, instances) for record in solvers_of(path))
    if not path.is_file():
        raise UnknownSolverError(
            f"{path}: there is no such file or folder", hint="expected a Python file, or a folder with a pyproject.toml"
        )
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    module = registry.import_module(path.stem)
    if Path(str(module.__file__)).resolve() != path:
        raise UnknownSolverError(
            f"{path}: import {path.stem} finds {module.__file__}", hint="rename the file: another module has its name"
        )
    found = [cls] if cls else [n for n, v in vars(module).items() if _is_solver(v, path.stem)]
    if not found:
        raise UnknownSolverError(f"{path}: expected a class with sense, array and prepare(), found none")
    return tuple(
        _from_class(registry.import_target(f"{path.stem}:{name}"), f"{path.stem}:{name}", instances) for name in found
    )


def _is_solver(value: Any, module: str) -> bool:
    own = isinstance(value, type) and value.__module__ == module
    return own and callable(getattr(value, "prepare", None)) and hasattr(value, "array")


def _from_record(record: SolverRecord, instances: Iterable[Instance] | str | None) -> Subject:
    if record.spec is None or record.state not in (PluginState.OK, PluginState.CONFLICT):
        raise SolverUnavailableError(
            f"solver {record.id!r} of {record.distribution} cannot be used ({record.state}): {record.reason}",
            hint=record.fix,
        )
    spec = record.spec
    module = record.entry_point.partition(" = ")[2].partition(":")[0].partition("[")[0].strip()
    target = registry.load(record)  # before anything that needs it: its error says most
    found, origin = _instances(spec, instances, lambda: offered_by(spec) or example_of(spec))
    return Subject(record.id, target, spec, module, record.qualified_id, found, origin)


def _from_class(target: Any, name: str, instances: Iterable[Instance] | str | None) -> Subject:
    cls = target if isinstance(target, type) else type(target)
    spec = spec_from_class(target)
    found, origin = _instances(spec, instances, lambda: instances_beside(cls, spec))
    return Subject(name, target, spec, "", target, found, origin)


def _instances(
    spec: SolverSpec, given: Iterable[Instance] | str | None, otherwise: Any
) -> tuple[tuple[Instance, ...], str]:
    if given is None:
        found, origin = otherwise() or ((), "")
    elif isinstance(given, str):
        found, origin = function_in(given)(spec.id), given
    else:
        found, origin = given, "given"
    found = tuple(found)
    for instance in found:
        if not isinstance(instance, Instance):
            raise OptionError(f"{spec.id}: instances: expected imle.testing.Instance, found {type(instance).__name__}")
    if not found:
        raise OptionError(
            f"{spec.id}: expected at least one instance to check it on, found none",
            hint="write instances(solver_id) in the module 'conformance' of its package, or give --instances FILE",
        )
    names = [instance.name for instance in found]
    if len(set(names)) < len(names):
        raise OptionError(f"{spec.id}: instances: expected different names, found {', '.join(names)}")
    return found, origin
