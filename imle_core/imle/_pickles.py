"""Pickles for other processes, which do not have what a script or notebook defines."""

from __future__ import annotations

import pickle
from typing import Any

from imle.errors import OptionError


def portable(value: Any, who: str, then: str, *, hint: str) -> bytes:
    """A value pickled for another process, by value where it is defined in `__main__`.

    Args:
        value: what travels.
        who: what it belongs to, for messages.
        then: what does not work if it cannot travel.
        hint: what to do about it.

    Raises:
        OptionError: it cannot be pickled.
    """
    try:
        content = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # pickle raises whatever the objects raise
        return _by_value(value, who, then, hint, error)
    return _by_value(value, who, then, hint, None) if b"__main__" in content else content


def _by_value(value: Any, who: str, then: str, hint: str, first: Exception | None) -> bytes:
    try:
        import cloudpickle
    except ImportError:
        why = "is defined in __main__" if first is None else f"cannot be pickled ({first})"
        raise OptionError(
            f"{who} {why}, so {then}",
            hint="pip install cloudpickle, or define it in a module that the other process can import",
        ) from first
    try:
        content: bytes = cloudpickle.dumps(value)
    except Exception as error:
        raise OptionError(f"{who} or its instance cannot be pickled: {error}; so {then}", hint=hint) from error
    return content
