"""Options that are passed on to engines as they are."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from imle.errors import OptionError

EngineOptions = tuple[tuple[str, Any], ...]
"""Options of an engine by its own names, sorted: a solver is a value, which dictionaries are not."""


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
