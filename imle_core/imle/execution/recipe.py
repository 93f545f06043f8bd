"""Recipes: what a worker process needs to build a prepared solver of its own."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from typing import Any, NamedTuple

from imle.errors import OptionError
from imle.solvers.protocol import Solver


class Recipe(NamedTuple):
    """A pickled (solver, instance), and its name."""

    digest: str
    content: bytes


def recipe(solver: Solver, instance: Mapping[str, Any]) -> Recipe:
    """The recipe of an instance.

    What a script or notebook defines itself (`__main__`) is pickled by value, by cloudpickle, as worker processes do
    not run the script again.

    Raises:
        OptionError: the solver or its instance cannot be pickled.
    """
    content = portable(
        (solver, dict(instance)),
        f"executor: {type(solver).__name__}",
        "worker processes cannot rebuild it",
        hint="worker processes rebuild solvers from their options and instance; threads need no pickling: "
        "executor=concurrent.futures.ThreadPoolExecutor(n)",
    )
    return Recipe(hashlib.sha256(content).hexdigest(), content)


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
