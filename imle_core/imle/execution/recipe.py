"""Recipes: what a worker process needs to build a prepared solver of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from imle._pickles import portable
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
