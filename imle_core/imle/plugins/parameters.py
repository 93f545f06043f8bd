"""Checking the keywords of `imle.layer` against a spec before anything is imported or solved."""

from __future__ import annotations

import difflib
import numbers
from collections.abc import Iterable, Mapping
from typing import Any

from imle.errors import OptionError
from imle.plugins.spec import Parameter, SolverSpec

_CHECKS: dict[str, type | tuple[type, ...]] = {
    "int": numbers.Integral,
    "float": numbers.Real,
    "bool": bool,
    "str": str,
    "None": type(None),
}


def split(
    spec: SolverSpec, values: Mapping[str, Any], also: Iterable[str] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sort keywords into options and instance parameters.

    Args:
        spec: of the solver.
        values: what was given.
        also: names that whoever asks takes itself; one that is close to an unknown name is what was meant.

    Returns:
        options and instance, each holding only what was given.

    Raises:
        OptionError: a name the solver does not have (lists the valid ones), an option without default that is
            missing, or a value of the wrong type.
    """
    known = {parameter.name: parameter for parameter in spec.parameters}
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise unknown(spec.id, name, known, also)
        checked[name] = check_type(spec.id, known[name], value)
    for option in spec.options:
        if option.required and option.name not in checked:
            raise OptionError(f"{spec.id}: option {option.name!r} ({option.type}) is required", hint=option.doc or None)
    options = {option.name: checked[option.name] for option in spec.options if option.name in checked}
    instance = {name: value for name, value in checked.items() if name not in options}
    return options, instance


def unknown(solver_id: str, name: str, known: Iterable[str], also: Iterable[str] = ()) -> OptionError:
    """The error for a name that the solver does not have."""
    valid = sorted(known)
    close = difflib.get_close_matches(name, [*valid, *also], n=1)
    guess = f"; did you mean {close[0]!r}?" if close else ""
    names = f"valid names: {', '.join(valid)}" if valid else "this solver takes no options"
    if close and close[0] not in valid:
        names = f"{close[0]} is an argument of the layer; the solver's own: {', '.join(valid) or 'none'}"
    return OptionError(f"{solver_id}: unknown option {name!r}{guess}", hint=names)


def check_type(solver_id: str, parameter: Parameter, value: Any) -> Any:
    """Refuse a value outside `choices`, or of another type where the declared type is a simple one.

    Returns:
        The value; a scalar of numpy as the Python number it is, which engines take.

    Raises:
        OptionError: says what was expected and found.
    """
    where = f"{solver_id}: {parameter.name}"
    if parameter.choices:
        value = _scalar(value)
        if not any(_equal(value, choice) for choice in parameter.choices):
            listed = " or ".join(repr(choice) for choice in parameter.choices)
            raise OptionError(f"{where}: expected {listed}, found {value!r}")
        return value
    names = [name.strip() for name in parameter.type.split("|")]
    if any(name not in _CHECKS for name in names):
        return value  # the solver knows its own types (graphs, matrices); only it can check them
    value = _scalar(value)
    # bool is an int to Python, but k=True is a mistake
    if (isinstance(value, bool) and "bool" not in names) or not any(isinstance(value, _CHECKS[n]) for n in names):
        raise OptionError(f"{where}: expected {parameter.type}, found {value!r} ({type(value).__name__})")
    return value


def check_fields(spec: SolverSpec, solver: Any) -> None:
    """Refuse a solver object with a field of another type than its spec says.

    Raises:
        OptionError: see `check_type`.
    """
    for option in spec.options:
        check_type(spec.id, option, getattr(solver, option.name))


def _scalar(value: Any) -> Any:
    """Scalars of numpy as what they are in Python; numpy need not be imported for that."""
    return value.item() if type(value).__module__ == "numpy" and getattr(value, "shape", None) == () else value


def _equal(value: Any, choice: Any) -> bool:
    """True is no 1, and an array is no choice."""
    same = isinstance(value, type(choice)) and isinstance(value, bool) == isinstance(choice, bool)
    return same and bool(value == choice)
