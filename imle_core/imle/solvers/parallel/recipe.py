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
    try:
        content = pickle.dumps((solver, dict(instance)), protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # pickle raises whatever the objects raise
        content = _by_value(solver, instance, error)
    else:
        if b"__main__" in content:
            content = _by_value(solver, instance, None)
    return Recipe(hashlib.sha256(content).hexdigest(), content)


def _by_value(solver: Solver, instance: Mapping[str, Any], first: Exception | None) -> bytes:
    try:
        import cloudpickle
    except ImportError:
        why = "is defined in __main__" if first is None else f"cannot be pickled ({first})"
        raise OptionError(
            f"executor: {type(solver).__name__} {why}, so worker processes cannot rebuild it",
            hint="pip install cloudpickle, or define it in a module that workers can import",
        ) from first
    try:
        content: bytes = cloudpickle.dumps((solver, dict(instance)))
    except Exception as error:
        raise OptionError(
            f"executor: {type(solver).__name__} or its instance cannot be pickled: {error}",
            hint="worker processes rebuild solvers from their options and instance; threads need no pickling: "
            "executor=concurrent.futures.ThreadPoolExecutor(n)",
        ) from error
    return content
