"""matplotlib, imported when something is drawn."""

from __future__ import annotations

import importlib
from typing import Any

from imle.errors import SolverUnavailableError


def matplotlib(name: str) -> Any:
    """The module `matplotlib.<name>`.

    Raises:
        SolverUnavailableError: matplotlib cannot be imported.
    """
    try:
        return importlib.import_module(f"matplotlib.{name}")
    except ImportError as error:
        raise SolverUnavailableError(
            f"a plot needs matplotlib, which cannot be imported: {error}", hint="pip install 'imle[plot]'"
        ) from error


def new_figure(width: float, height: float) -> Any:
    """An empty figure of this size in inches, unknown to pyplot: no window, no global state."""
    return matplotlib("figure").Figure(figsize=(width, height), layout="constrained")
