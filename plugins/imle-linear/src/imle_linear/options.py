"""Checks of options, for those who make solver objects themselves: the same for all solvers, and the same words."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

from imle.errors import OptionError
from imle.plugins import SolverSpec
from imle.plugins.parameters import check_value

MOST = 2**31 - 1
"""The largest number of threads, nodes, and so on, and the largest seed."""


EngineOptions = tuple[tuple[str, Any], ...]
"""Options of an engine by its own names, sorted: a solver is a value, which dictionaries are not."""


def check(spec: SolverSpec, solver: Any) -> None:
    """Refuse options of a type or with a value that the spec does not allow, or that are out of range.

    Args:
        spec: of the solver.
        solver: has an attribute for each option.

    Raises:
        OptionError: names the first one.
    """
    for option in spec.options:
        value = getattr(solver, option.name)
        check_value(spec.id, option, value)
        allowed, expected = _RANGES.get(option.name, (None, ""))
        if allowed is not None and value is not None and not allowed(value):
            raise OptionError(f"{spec.id}: {option.name}: expected {expected}, found {value!r}")


_RANGES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "time_limit": (lambda seconds: seconds > 0, "seconds > 0 or None"),
    "gap": (lambda gap: math.isfinite(gap) and gap >= 0, "a finite number >= 0"),
    "threads": (lambda threads: 1 <= threads <= MOST, "an int >= 1"),
    "seed": (lambda seed: 0 <= seed <= MOST, f"an int from 0 to {MOST}"),
    "node_limit": (lambda nodes: 1 <= nodes <= MOST, "an int >= 1 or None"),
}
"""What options of these names may be, in all solvers that have them."""


def engine_options(who: str, given: Any, known: Collection[str], kept: Mapping[str, str]) -> EngineOptions | None:
    """Options that are passed on to an engine as they are.

    Args:
        who: the solver, for messages.
        given: a mapping, or what this function has made of one; or None.
        known: names of the engine's options.
        kept: those that may not be passed, and what to do instead.

    Raises:
        OptionError: not a mapping, an unknown name (tells the closest), or one that may not be passed.
    """
    if given is None:
        return None
    try:
        options = dict(given)
    except (TypeError, ValueError):
        raise OptionError(f"{who}: options: expected a dict of the engine's own options, found {given!r}") from None
    for name in options:
        if name in kept:
            raise OptionError(f"{who}: options: {name!r} cannot be passed to the engine", hint=kept[name])
        if name not in known:
            close = difflib.get_close_matches(str(name), [*known], n=1)
            guess = f"; did you mean {close[0]!r}?" if close else ""
            raise OptionError(f"{who}: options: the engine has no option {name!r}{guess}")
    return tuple(sorted(options.items()))
