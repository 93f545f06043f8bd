"""The instances a plugin offers for its solvers.

A plugin offers them in the module `conformance` of its package, beside the module of the solver class, as

    def instances(solver_id: str) -> list[Instance]: ...

It is imported by checks and by nothing else. For a solver without plugin the function may be in the solver's own file.
A plugin that offers none is checked on the layers its example makes.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from imle._text import named
from imle.errors import OptionError
from imle.plugins import SolverSpec
from imle.plugins.installed import locate
from imle.testing.examples import run_example
from imle.testing.instance import Instance

Offer = tuple[Iterable[Instance], str]
"""Instances, and where they come from."""

MODULE = "conformance"
FUNCTION = "instances"


def offered_by(spec: SolverSpec) -> Offer | None:
    """What the module `conformance` of the package of the solver class says."""
    package = spec.target.partition(":")[0].partition(".")[0]
    name = f"{package}.{MODULE}"
    if locate(name) is None:
        return None
    found = _function(importlib.import_module(name), name)(spec.id)
    return (found, name) if found else None


def instances_beside(cls: type[Any], spec: SolverSpec) -> Offer | None:
    """What the module of a class says, or else the module `conformance` of its package."""
    own = sys.modules.get(cls.__module__)
    if own is not None and callable(getattr(own, FUNCTION, None)):
        return getattr(own, FUNCTION)(spec.id), cls.__module__
    return offered_by(spec)


def example_of(spec: SolverSpec) -> Offer | None:
    """The layers of the spec's example."""
    if not spec.example:
        return None
    try:
        return run_example(spec), "the example in its spec"
    except Exception as error:
        raise OptionError(
            f"{spec.id}: no instance to check it on: its package has no module {MODULE!r}, and the example of its spec "
            f"fails: {named(error)}",
            hint="mend the example, or give --instances FILE",
        ) from error


def function_in(place: str) -> Callable[[str], Iterable[Instance]]:
    """`instances` of a module or a Python file.

    Raises:
        OptionError: there is none.
    """
    path = Path(place)
    if path.suffix != ".py":
        try:
            return _function(importlib.import_module(place), place)
        except ImportError as error:
            raise OptionError(
                f"instances: cannot import {place!r}: {error}", hint="expected a module or a file.py"
            ) from error
    spec = importlib.util.spec_from_file_location(f"_imle_instances_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise OptionError(f"instances: there is no file {place!r}", hint="expected a module or a file.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return _function(module, place)


def _function(module: Any, place: str) -> Callable[[str], Iterable[Instance]]:
    found = getattr(module, FUNCTION, None)
    if not callable(found):
        raise OptionError(
            f"{place}: expected a function {FUNCTION}(solver_id) that returns a list of Instance, found {found!r}"
        )
    return found  # type: ignore[no-any-return]
