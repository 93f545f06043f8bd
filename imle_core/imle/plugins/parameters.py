"""Checking the keywords of `imle.layer` against a spec before anything is imported or solved."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from imle._checks import scalar
from imle._names import closest
from imle.errors import ImleError, InstanceError, OptionError
from imle.plugins.spec import Parameter, SolverSpec

ARRAYS = ("vector", "matrix", "array", "mask")
"""First words of declared types that no number is."""
_CHECKS: dict[str, type] = {
    "int": numbers.Integral,
    "float": numbers.Real,
    "bool": bool,
    "str": str,
    "None": type(None),
}


def split(
    spec: SolverSpec, values: Mapping[str, Any], also: Mapping[str, tuple[str, ...]] = MappingProxyType({})
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sort keywords into options and instance parameters.

    Args:
        spec: of the solver.
        values: what was given.
        also: names that whoever asks takes itself, with what they are called elsewhere: an unknown name may mean one.

    Returns:
        options and instance, each holding only what was given.

    Raises:
        OptionError: a name the solver does not have (lists the valid ones), an option without default that is
            missing, or a value that is not allowed.
        InstanceError: an instance parameter is out of range.
    """
    announced, instance = ({p.name: p for p in kind} for kind in (spec.options, spec.instance))
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name in announced:
            found[name] = check_value(spec.id, announced[name], value)
        elif name in instance:
            found[name] = check_value(spec.id, instance[name], value, wrong=InstanceError)
        else:
            raise unknown(spec.id, name, spec.parameters, also)
    for option in spec.options:
        if option.required and option.name not in found:
            raise OptionError(f"{spec.id}: option {option.name!r} ({option.type}) is required", hint=option.doc or None)
    return {n: v for n, v in found.items() if n in announced}, {n: v for n, v in found.items() if n in instance}


def unknown(
    solver_id: str,
    name: str,
    known: Iterable[Parameter],
    also: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> OptionError:
    """The error for a name that the solver does not have; see `split`."""
    synonyms = {parameter.name: parameter.synonyms for parameter in known}
    valid = sorted(synonyms)
    close = closest(name, [*valid, *also], synonyms={**synonyms, **also})
    guess = f"; did you mean {close[0]!r}?" if close else ""
    names = f"valid names: {', '.join(valid)}" if valid else "this solver takes no options"
    if close and close[0] not in valid:
        names = f"{close[0]} is an argument of the layer; the solver's own: {', '.join(valid) or 'none'}"
    return OptionError(f"{solver_id}: unknown option {name!r}{guess}", hint=names)


def check_value(
    who: str, parameter: Parameter, value: Any, *, wrong: type[ImleError] = OptionError, row: int | None = None
) -> Any:
    """Refuse a value outside `choices`, of another type where the declared type is a simple one, or out of range.

    Args:
        who: the solver, for messages.
        parameter: what is allowed.
        value: of the parameter.
        wrong: the error for numbers out of range.
        row: the row of the batch that the value is for, if it is for one only.

    Returns:
        The value; a scalar of numpy or torch as the Python number it is, which engines take.

    Raises:
        OptionError: says what was expected and found. Or `wrong`.
    """
    where = f"{who}: {parameter.name}"
    if parameter.choices:
        value = scalar(value)
        if not any(_equal(value, choice) for choice in parameter.choices):
            listed = " or ".join(repr(choice) for choice in parameter.choices)
            raise OptionError(f"{where}: expected {listed}, found {value!r}")
        return value
    types, words = _kinds(parameter.type)
    if types or words:
        value = scalar(value)
        # bool is an int to Python, but k=True is a mistake
        fits = bool in types if isinstance(value, bool) else isinstance(value, types) or value in words
        if not fits:
            expected = _phrase(parameter, types, words) if words else parameter.type
            raise OptionError(f"{where}: expected {expected}, found {value!r} ({type(value).__name__})")
    if not (isinstance(value, bool) or not isinstance(value, numbers.Real) or _inside(parameter, value)):
        named = f" (row {row})" if row is not None else ""
        raise wrong(f"{where}: expected {_phrase(parameter, types, words)}, found {value!r}{named}")
    return value


def accepts_all(parameter: Parameter, values: Any) -> bool:
    """Whether `check_value` takes every entry of an array, with no look at them one by one.

    Args:
        parameter: what is allowed.
        values: `[N, ...]` an array of numpy: N numbers, or N arrays of numbers, which only the solver can judge.
    """
    kind = values.dtype.kind
    types, words = _kinds(parameter.type)
    if parameter.choices or kind not in "biuf":
        return False
    if values.ndim > 1:
        return not (types or words)
    if not (types or words):
        fits = parameter.type.partition(" ")[0] not in ARRAYS
    else:
        whole = kind != "f" and numbers.Integral in types
        fits = bool in types if kind == "b" else numbers.Real in types or whole
    return fits and (kind == "b" or _all_inside(parameter, values))


def check_fields(spec: SolverSpec, solver: Any) -> None:
    """Refuse a solver object with a field that its spec does not allow.

    Raises:
        OptionError: see `check_value`.
    """
    for option in spec.options:
        check_value(spec.id, option, getattr(solver, option.name))


@cache
def _kinds(declared: str) -> tuple[tuple[type, ...], tuple[str, ...]]:
    """Types and words that a declared type allows; no types where only the solver knows them (graphs, matrices)."""
    names = [name.strip() for name in declared.split("|")]
    words = tuple(name.strip('"') for name in names if name.startswith('"'))
    simple = [name for name in names if not name.startswith('"')]
    if any(name not in _CHECKS for name in simple):
        return (), ()
    return tuple(_CHECKS[name] for name in simple), words


def _inside(parameter: Parameter, value: Any) -> bool:
    """Whether a number is in range; nan is in none."""
    low, high, above = parameter.minimum, parameter.maximum, parameter.above
    return (
        (low is None or value >= low)
        and (high is None or value <= high)
        and (above is None or value > above)
        and not (parameter.finite and not math.isfinite(value))
    )


def _all_inside(parameter: Parameter, values: Any) -> bool:
    """`_inside` of the numbers of an array."""
    extremes = (values.min(), values.max()) if values.size else ()  # nan, if one is
    return all(_inside(parameter, extreme) for extreme in extremes)


def _phrase(parameter: Parameter, types: tuple[type, ...], words: tuple[str, ...]) -> str:
    """What is expected, in words: '"auto" or a number > 0', "an int from 1 to 9 or None"."""
    noun = "an int" if numbers.Integral in types else "a finite number" if parameter.finite else "a number"
    ends = parameter.range.removeprefix("finite").removeprefix(", ")
    if " to " in ends:
        ends = f"from {ends}"
    parts = [*(f'"{word}"' for word in words), f"{noun} {ends}".strip(), *["None"] * (type(None) in types)]
    return " or ".join(parts)


def _equal(value: Any, choice: Any) -> bool:
    """True is no 1, and an array is no choice."""
    same = isinstance(value, type(choice)) and isinstance(value, bool) == isinstance(choice, bool)
    return same and bool(value == choice)
