"""Objects from configuration files: a name, or a mapping of a name and options, as YAML, JSON and hydra give them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from imle._names import closest
from imle.errors import ImleError, OptionError

_T = TypeVar("_T")


def name_and_options(where: str, given: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """What `"aimle"` or `{"name": "aimle", "step_size": 0.01}` says.

    Args:
        where: what messages begin with.
        given: a name, or a mapping with one.

    Raises:
        OptionError: there is no name in it.
    """
    options = {"name": given} if isinstance(given, str) else dict(given)
    name = options.pop("name", None)
    if not isinstance(name, str):
        found = f"the keys {', '.join(map(repr, given)) or 'none'}" if name is None else f"name={name!r}"
        raise OptionError(
            f"{where}: expected a mapping with a name, found {found}", hint='such as {"name": ..., option: value, ...}'
        )
    return name, options


def build(where: str, make: Callable[..., _T], options: Mapping[str, Any]) -> _T:
    """`make(**options)`, with errors that name the options.

    Args:
        where: what messages begin with.
        make: a class, or a function.
        options: its keyword arguments.

    Raises:
        OptionError: an option is unknown or missing, or has a value of the wrong type.
    """
    given_by_name = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    known = {name: p for name, p in inspect.signature(make).parameters.items() if p.kind in given_by_name}
    valid = f"valid names: {', '.join(known)}" if known else "it takes no options"
    for option in options:
        if option not in known:
            close = closest(str(option), known)
            guess = f"; did you mean {close[0]!r}?" if close else ""
            raise OptionError(f"{where}: unknown option {option!r}{guess}", hint=valid)
    for option, parameter in known.items():
        if parameter.default is inspect.Parameter.empty and option not in options:
            raise OptionError(f"{where}: option {option!r} is required", hint=valid)
    try:
        return make(**options)
    except ImleError:
        raise
    except (TypeError, ValueError) as error:  # what Python raises of values that are compared or converted
        listed = ", ".join(f"{option}={value!r}" for option, value in options.items())
        raise OptionError(f"{where}: cannot be made with {listed}: {error}") from error
